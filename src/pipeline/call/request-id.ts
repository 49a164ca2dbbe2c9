// The request id, which is returned, logged and audited.
import { randomUUIDv7 } from "node:crypto";

export const REQUEST_ID_HEADER = "x-request-id";

/** The caller's `X-Request-Id` if it is 1 to 128 letters, digits or one of `._:-`, else a new UUIDv7. */
export function requestIdOf(header: string | undefined): string {
  return header !== undefined && /^[A-Za-z0-9._:-]{1,128}$/.test(header) ? header : randomUUIDv7();
}
