// Selects the compression of request and response messages.
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { BROTLI, GZIP, type SentCoding } from "../http/coding.ts";

/** Shorter responses are sent as they are, in bytes. */
export const COMPRESS_MIN_BYTES = 1024;

/** What messages may come and go in. */
export const CODINGS: readonly SentCoding[] = [GZIP, BROTLI];

const byName = new Map<string, SentCoding>(CODINGS.map((coding) => [coding.name, coding]));

/** What a server takes, for `accept-encoding` and `grpc-accept-encoding`. */
export const ACCEPTED = CODINGS.map(({ name }) => name).join(",");

/** Undefined: not compressed. Throws UNSUPPORTED. */
export function requestCompression(name: string | undefined | null): SentCoding | undefined {
  if (name === undefined || name === null || name === "identity") return undefined;
  const found = byName.get(name);
  if (found === undefined) throw unsupported();
  return found;
}

/** The first that the caller names and we have; where the caller names none, what the request came in. */
export function answerCompression(
  accepted: string | undefined,
  requested: string | undefined | null,
): SentCoding | undefined {
  if (accepted === undefined || accepted === "") return byName.get(requested ?? "");
  for (const name of accepted.split(",")) {
    const found = byName.get(name.trim());
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A message in a coding, as fast as that goes: its caller is on the same network. */
export function compress(message: string | Uint8Array, coding: SentCoding): Promise<Buffer> {
  return coding.compress(message, "quick");
}

export function unsupported(): DomainError {
  return new DomainError(ErrorReason.UNSUPPORTED, "the request's compression is not supported");
}
