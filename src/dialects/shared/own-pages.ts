// Refuses calls without a credential that come from other sites' pages: a browser sends what any page tells it to.
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { isOrigin } from "../../protocols/http/origin.ts";

/** Whether pages of an origin may call without a credential. */
export type AllowsOrigin = (origin: string) => boolean;

/**
 * Throws PERMISSION_DENIED for a call that a page of a foreign origin makes. Browsers say whose page it is in `Origin`,
 * and, where they leave that out, in `Sec-Fetch-Site`; nobody else sends these.
 */
export function refuseForeignPages(context: Pick<CallContext, "header">, allows: AllowsOrigin): void {
  const origin = context.header("origin");
  const host = context.header(":authority") ?? context.header("host") ?? "";
  const own = origin === undefined ? context.header("sec-fetch-site") !== "cross-site" : isOrigin(origin, host);
  if (own || (origin !== undefined && allows(origin))) return;
  throw new DomainError(
    ErrorReason.PERMISSION_DENIED,
    "origin: must be this server's own or one that COLLOQUY_CORS lists, for a call without a credential",
  );
}
