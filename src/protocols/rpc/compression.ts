// Which compression a message comes in, and which its answer may go in.
import type { Compression } from "@connectrpc/connect/protocol";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { compressions } from "../../http/compression.ts";

/** Shorter answers are sent as they are, in bytes. */
export const COMPRESS_MIN_BYTES = 1024;

const byName = new Map(compressions.map((compression) => [compression.name, compression]));

/** What a server takes, for `accept-encoding` and `grpc-accept-encoding`. */
export const ACCEPTED = compressions.map(({ name }) => name).join(",");

/** Undefined: not compressed. Throws UNSUPPORTED. */
export function requestCompression(name: string | undefined | null): Compression | undefined {
  if (name === undefined || name === null || name === "identity") return undefined;
  const found = byName.get(name);
  if (found === undefined) throw unsupported();
  return found;
}

/** The first that the caller names and we have; without a word of the caller's, what the request came in. */
export function answerCompression(
  accepted: string | undefined,
  requested: string | undefined | null,
): Compression | undefined {
  if (accepted === undefined || accepted === "") return byName.get(requested ?? "");
  for (const name of accepted.split(",")) {
    const found = byName.get(name.trim());
    if (found !== undefined) return found;
  }
  return undefined;
}

export function unsupported(): DomainError {
  return new DomainError(ErrorReason.UNSUPPORTED, "the request's compression is not supported");
}
