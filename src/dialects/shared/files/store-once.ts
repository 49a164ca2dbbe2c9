// Stores the bytes that came with a message as a file, by CreateFile as the same caller: once, however often it is sent.
import { createHash } from "node:crypto";
import { FileService } from "../../../../gen/colloquy/v1/file_service_pb.ts";
import { DomainError, ErrorReason } from "../../../domain/errors.ts";
import type { InlineBytes } from "../../../domain/files/inline-bytes.ts";
import { nameFault } from "../../../domain/files/name.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import { deriveContext } from "../../../services/in-process/context.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";

/** Bytes of one message of an upload. */
const PIECE_BYTES = 1 << 20;

export interface FileToStore extends Pick<InlineBytes, "sha256" | "pieces"> {
  /** Left out where no file may have it. */
  readonly name: string;
  /** Empty: not known. */
  readonly contentType: string;
}

/** A token for one conversation uploads nothing. */
export function mayUpload({ principal }: CallContext): boolean {
  return !(principal.kind === "key" && principal.client?.conversationId !== undefined);
}

/**
 * The id of a stored file. A retry is given that of the first attempt. Throws what CreateFile throws.
 *
 * @param message what the retries of one message have in common, and no other message; undefined: it has no retries
 */
export async function storeOnce(
  canonical: Canonical,
  context: CallContext,
  message: string | undefined,
  { name: said, contentType, sha256, pieces }: FileToStore,
): Promise<string> {
  const name = nameFault(said) === undefined ? said : "";
  const upload = (idempotencyKey: string | undefined) =>
    // Another wire than REST: the headers of the request are those of the message.
    canonical.upload(
      deriveContext(context, { wire: "connect", idempotencyKey }),
      FileService.method.createFile,
      requestsOf(pieces(), name, contentType),
    );
  const hash = createHash("sha256").update(JSON.stringify([message, name, contentType, sha256]));
  const key = `file ${hash.digest("base64url")}`;
  const keys = message === undefined ? [] : [key, ...AGAIN.map((place) => `${key} ${place}`)];
  const { file } = await firstThere(upload, keys);
  if (file === undefined) throw new Error("a file was stored without an answer");
  return file.id;
}

/** How often the file of a post can be erased within a day, while retries of the post still name one file. */
const AGAIN = [2, 3, 4];

/** Uploads under the first key whose file is there or is new; where all are erased, under none. */
async function firstThere<T>(upload: (key: string | undefined) => Promise<T>, keys: readonly string[]): Promise<T> {
  for (const key of keys) {
    try {
      return await upload(key);
    } catch (error) {
      if (!(error instanceof DomainError) || error.reason !== ErrorReason.NOT_FOUND) throw error;
    }
  }
  return upload(undefined);
}

async function* requestsOf(pieces: Iterable<Uint8Array<ArrayBuffer>>, name: string, contentType: string) {
  yield { name, body: { contentType, data: new Uint8Array() } };
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += PIECE_BYTES)
      yield { body: { data: piece.subarray(at, at + PIECE_BYTES) } };
  }
}
