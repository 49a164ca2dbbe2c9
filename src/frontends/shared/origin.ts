// Refuses requests of pages from other origins.
import { calledHost } from "../../dialects/shared/called-origin.ts";
import type { AllowsOrigin } from "../../dialects/shared/own-pages.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { isOrigin } from "../../protocols/http/origin.ts";

interface Head {
  /** A request header by its lower-case name. */
  header(name: string): string | undefined;
}

/**
 * Throws PERMISSION_DENIED for the page of a foreign origin, also where it holds a credential: a name that was rebound
 * to this server does not make its page ours.
 */
export function refuseForeignOrigins(head: Head, allows: AllowsOrigin): void {
  const origin = head.header("origin");
  if (origin === undefined || isOrigin(origin, calledHost(head)) || allows(origin)) return;
  throw new DomainError(
    ErrorReason.PERMISSION_DENIED,
    "origin: must be this server's own or one that COLLOQUY_CORS lists",
  );
}
