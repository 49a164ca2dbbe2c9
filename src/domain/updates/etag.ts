// Etags: how they are composed, and when one still matches.
import { DomainError, ErrorReason } from "../errors.ts";

/**
 * A conversation's etag holds its version, which moves when it is itself changed, and the length of its log, which
 * moves with every message too. So the whole tells a cache that nothing changed, and the first part tells an update
 * that no other update came between.
 */
export function conversationEtag(version: number, lastSeq: bigint): string {
  return `${version}.${lastSeq}`;
}

export function messageEtag(version: number): string {
  return `${version}`;
}

/** Throws ETAG_MISMATCH unless `given` is empty or names `version`. */
export function checkEtag(given: string, version: number): void {
  if (given !== "" && given.split(".", 1)[0] !== `${version}`) throw mismatch();
}

/**
 * For an update: a resource that was read and is sent back brings its etag along. Throws ETAG_MISMATCH unless both are
 * empty or name `version`.
 */
export function checkUpdateEtags(request: Tagged, resource: Tagged | undefined, version: number): void {
  checkEtag(request.etag, version);
  checkEtag(resource?.etag ?? "", version);
}

interface Tagged {
  readonly etag: string;
}

/**
 * Throws ETAG_MISMATCH unless `given` is empty or the whole etag as it is now: for what writes over the messages, so
 * that those that came since it was read are not lost.
 */
export function checkLogEtag(given: string, version: number, lastSeq: bigint): void {
  if (given !== "" && given !== conversationEtag(version, lastSeq)) throw mismatch();
}

function mismatch(): DomainError {
  return new DomainError(
    ErrorReason.ETAG_MISMATCH,
    "etag: it changed since this etag was read; read it again, then retry",
  );
}
