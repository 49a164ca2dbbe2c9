// Request bodies as bytes: read within a limit, decompressed within the same limit.
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { brotliDecompress, createBrotliDecompress, createGunzip, createInflate, gunzip, inflate } from "node:zlib";
import { type HttpRequest, headerOf } from "./http.ts";
import { headerProblem } from "./media.ts";
import { RestProblem } from "./problem.ts";

const CODINGS = "gzip, br, deflate";

const decompressors = {
  gzip: { whole: promisify(gunzip), stream: createGunzip },
  "x-gzip": { whole: promisify(gunzip), stream: createGunzip },
  br: { whole: promisify(brotliDecompress), stream: createBrotliDecompress },
  deflate: { whole: promisify(inflate), stream: createInflate },
} as const;

type Decompressor = (typeof decompressors)[keyof typeof decompressors];

/** How the body is compressed; undefined for not at all. Throws a {@link RestProblem} for a coding we do not know. */
function decompressorOf(request: HttpRequest): Decompressor | undefined {
  const coding = headerOf(request, "content-encoding")?.trim().toLowerCase();
  if (coding === undefined || coding === "" || coding === "identity") return undefined;
  if (Object.hasOwn(decompressors, coding)) return decompressors[coding as keyof typeof decompressors];
  // RFC 9110 §15.5.16: say what would have been understood.
  throw headerProblem("unsupported_media_type", "content-encoding", `must be one of ${CODINGS}`, {
    "accept-encoding": CODINGS,
  });
}

/** Whether the request has a body, as far as its head can say. */
export function mayHaveBody(request: HttpRequest): boolean {
  const length = request.headers["content-length"];
  if (length !== undefined) return length !== "0";
  if ("stream" in request) return !request.stream.endAfterHeaders;
  return request.headers["transfer-encoding"] !== undefined;
}

/** Reads the whole body. Throws a {@link RestProblem}: too_large past `limit` bytes, malformed if it breaks off. */
export async function readBody(request: HttpRequest, limit: number): Promise<Buffer> {
  const decompressor = decompressorOf(request);
  const declared = Number(request.headers["content-length"]);
  if (declared > limit) throw tooLarge(limit);
  const raw = await collect(request, limit);
  if (decompressor === undefined || raw.byteLength === 0) return raw;
  try {
    return await decompressor.whole(raw, { maxOutputLength: limit });
  } catch (error) {
    throw codeOf(error) === "ERR_BUFFER_TOO_LARGE" ? tooLarge(limit) : undecodable();
  }
}

function collect(request: HttpRequest, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (act: () => void) => {
      request
        .off("data", onData)
        .off("end", onEnd)
        .off("error", onBroken)
        .off("aborted", onBroken)
        .off("close", onBroken);
      // An error that comes later concerns nobody.
      request.on("error", () => {});
      act();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size <= limit) chunks.push(chunk);
      else settle(() => reject(tooLarge(limit)));
    };
    const onEnd = () =>
      settle(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)));
    const onBroken = () => settle(() => reject(brokenOff()));
    if (request.destroyed && !request.readableEnded) return reject(brokenOff());
    request.on("data", onData).on("end", onEnd).on("error", onBroken).on("aborted", onBroken).on("close", onBroken);
  });
}

/** The body piece by piece, decompressed, at the reader's pace. Throws like {@link readBody}, but has no limit. */
export async function* readChunks(request: HttpRequest): AsyncGenerator<Buffer> {
  const decompressor = decompressorOf(request);
  const source = decompressor === undefined ? request : request.pipe(decompressor.stream());
  // What `pipe` does not hand on.
  const onBroken = () => (source as Readable).destroy(brokenOff());
  if (source !== request) request.on("aborted", onBroken).on("error", onBroken);
  try {
    // The request itself must outlive its reader: its socket carries the answer.
    for await (const chunk of (source as Readable).iterator({ destroyOnReturn: source !== request })) yield chunk;
  } catch (error) {
    if (error instanceof RestProblem) throw error;
    throw source === request ? brokenOff() : undecodable();
  } finally {
    request
      .off("aborted", onBroken)
      .off("error", onBroken)
      .on("error", () => {});
  }
}

export function tooLarge(limit: number): RestProblem {
  return new RestProblem("too_large", `a request message may have at most ${limit} bytes, also once decompressed`);
}

function brokenOff(): RestProblem {
  return new RestProblem("malformed", "the body broke off");
}

function undecodable(): RestProblem {
  return new RestProblem("malformed", "the body is not what its content-encoding says");
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
