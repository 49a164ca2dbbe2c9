// Uploads a file: with one request, or in one that goes on where it stopped.
import { fromJson } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { type File as ColloquyFile, FileSchema } from "../../../gen/colloquy/v1/file_pb.ts";
import type { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { type Persistence, persist, type Try } from "./persist.ts";
import type { Rest } from "./rest.ts";
import { SENDS_STREAMS } from "./send.ts";

export interface UploadOptions {
  /** The name: no path, no control characters, at most 255 characters. Default: that of a `File`, else none. */
  readonly name?: string;
  /** What the file is said to be, where its bytes do not show it. Default: the type of a Blob, else none. */
  readonly type?: string;
  /**
   * What the file is for, in a word of the caller's, such as `user_data`: it can be listed by. At most 64 characters.
   * Default: none.
   */
  readonly purpose?: string;
  /** How many seconds the file is kept, from 60 to 31,622,400. Default: as long as a message names it. */
  readonly ttlSeconds?: number;
  /**
   * Told how many bytes are sent, of how many; undefined: a stream, whose length is not known. After a broken
   * connection it goes back to what the server has.
   */
  readonly onProgress?: (sent: number, total: number | undefined) => void;
  /** Cancels the upload: what has come of it is removed. */
  readonly signal?: AbortSignal;
  /** The maximum bytes of one request of a larger upload, for proxies with a limit of their own. Default: 64 MiB. */
  readonly pieceBytes?: number;
}

/**
 * What can be uploaded. In Node, `openAsBlob` of `node:fs` makes a Blob of a file on disk without reading it into
 * memory.
 */
export type UploadSource = Blob | Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

export interface UploadParts {
  readonly rest: Rest;
  readonly files: Pick<Client<typeof FileService>, "getFile">;
  readonly persistence: Persistence;
}

/** Up to here a file is sent whole, and sent again whole if the connection breaks. */
const WHOLE_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024 * 1024;
const TUS = { "tus-resumable": "1.0.0" };

/**
 * Uploads a file, over any number of broken connections, and resolves with it when it is stored. Bytes and Blobs above
 * 4 MiB go on where they stopped; a stream is sent once, in Node, and is collected first in a browser. Rejects with a
 * ConnectError; where the signal ended it the code is `Canceled` or `DeadlineExceeded`, and the cause the reason of the
 * signal.
 */
export async function uploadFile(
  parts: UploadParts,
  source: UploadSource,
  options: UploadOptions,
): Promise<ColloquyFile> {
  const body = await bodyOf(source);
  const name = options.name ?? ("name" in body && typeof body.name === "string" ? body.name : "");
  const type = options.type ?? (body instanceof Blob ? body.type : "");
  const upload = { ...options, name, type };
  if (!(body instanceof Blob)) return whole(parts, body, upload, crypto.randomUUID());
  if (body.size > WHOLE_BYTES) return inPieces(parts, body, upload);
  const key = crypto.randomUUID();
  return persist(parts.persistence, options.signal, () => whole(parts, body, upload, key));
}

async function bodyOf(source: UploadSource): Promise<Blob | ReadableStream<Uint8Array>> {
  if (source instanceof Blob) return source;
  if (source instanceof Uint8Array) return new Blob([source as Uint8Array<ArrayBuffer>]);
  const stream = source instanceof ReadableStream ? source : streamOf(source);
  // A browser keeps large Blobs on disk.
  return SENDS_STREAMS ? stream : new Response(stream).blob();
}

function streamOf(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

interface Upload extends UploadOptions {
  readonly name: string;
  readonly type: string;
}

async function whole(
  { rest }: UploadParts,
  body: Blob | ReadableStream<Uint8Array>,
  { name, type, purpose = "", ttlSeconds, onProgress, signal }: Upload,
  key: string,
): Promise<ColloquyFile> {
  const total = body instanceof Blob ? body.size : undefined;
  const said = Object.entries({ name, purpose, ttl: ttlText(ttlSeconds) }).filter(([, value]) => value !== "");
  const query = said.length === 0 ? "" : `?${new URLSearchParams(said)}`;
  const response = await rest.request(`v1/files${query}`, {
    method: "POST",
    headers: { "content-type": type || "application/octet-stream", "idempotency-key": key },
    body,
    signal,
    onSent: onProgress && ((sent) => onProgress(sent, total)),
  });
  return fromJson(FileSchema, await response.json(), { ignoreUnknownFields: true });
}

/** With tus 1.0. */
async function inPieces(parts: UploadParts, body: Blob, upload: Upload): Promise<ColloquyFile> {
  const { rest, files, persistence } = parts;
  const { signal, onProgress, pieceBytes = PIECE_BYTES } = upload;
  let path: string | undefined;
  let fileId: string | undefined;
  let offset = 0;
  /** Whether `offset` is where the upload stands. */
  let known = true;
  const take = (response: Response, progress: () => void) => {
    const before = offset;
    offset = Number(response.headers.get("upload-offset") ?? Number.NaN);
    fileId = lastOf(response.headers.get("content-location"));
    const whole = offset === body.size;
    if (!(offset <= body.size) || (whole && fileId === undefined))
      throw incomplete("upload-offset or content-location");
    known = true;
    if (offset > before) progress();
  };
  const step = async ({ progress }: Try) => {
    path ??= await begin(rest, body.size, upload);
    while (fileId === undefined) {
      if (!known) take(await rest.request(path, { method: "HEAD", headers: TUS, signal }), progress);
      if (fileId !== undefined) return;
      known = false;
      const at = offset;
      const response = await rest.request(path, {
        method: "PATCH",
        headers: { ...TUS, "upload-offset": `${at}`, "content-type": "application/offset+octet-stream" },
        body: body.slice(at, at + pieceBytes),
        signal,
        onSent: onProgress && ((sent) => onProgress(at + sent, body.size)),
      });
      take(response, progress);
    }
  };
  try {
    await persist(persistence, signal, step, isOutOfPlace);
  } catch (error) {
    // What has come of it takes room.
    if (path !== undefined) rest.request(path, { method: "DELETE", headers: TUS }).catch(() => {});
    throw error;
  }
  const { file } = await files.getFile({ fileId: fileId ?? "" }, signal && { signal });
  if (file === undefined) throw incomplete("file");
  return file;
}

function lastOf(path: string | null): string | undefined {
  return /[^/]+$/.exec(path ?? "")?.[0];
}

function incomplete(what: string): ConnectError {
  return new ConnectError(`an answer has no ${what}`, Code.Internal);
}

/** A request whose connection broke may have stored more than was known when this one was sent. */
function isOutOfPlace(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.Aborted;
}

const ttlText = (seconds: number | undefined) => (seconds === undefined ? "" : `${seconds}s`);

async function begin(rest: Rest, length: number, upload: Upload): Promise<string> {
  const { name, type, purpose = "", ttlSeconds, signal } = upload;
  const said = { filename: name, filetype: type, purpose, ttl: ttlText(ttlSeconds) };
  const metadata = Object.entries(said).filter(([, value]) => value !== "");
  const response = await rest.request("v1/uploads", {
    method: "POST",
    headers: {
      ...TUS,
      "upload-length": `${length}`,
      ...(metadata.length > 0 && {
        "upload-metadata": metadata.map(([key, value]) => `${key} ${base64(value)}`).join(","),
      }),
    },
    signal,
  });
  const id = lastOf(response.headers.get("location"));
  if (id === undefined) throw incomplete("location");
  return `v1/uploads/${id}`;
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
