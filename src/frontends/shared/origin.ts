// The origin of a request, and the URL by which its client called this server.
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
  if (origin === undefined || isOrigin(origin, hostOf(head)) || allows(origin)) return;
  throw new DomainError(
    ErrorReason.PERMISSION_DENIED,
    "origin: must be this server's own or one that COLLOQUY_CORS lists",
  );
}

/**
 * The origin under which the client called, such as `https://chat.example.com`. `X-Forwarded-Proto` is taken from anyone:
 * the response goes to whoever sent it.
 */
export function calledOrigin(head: Head, tls: boolean): string {
  const forwarded = /^\s*(https?)\s*(?:,|$)/i.exec(head.header("x-forwarded-proto") ?? "")?.[1]?.toLowerCase();
  return `${forwarded ?? (tls ? "https" : "http")}://${hostOf(head)}`;
}

/** A host with its port; `localhost` where the request names none that a URL can hold. */
function hostOf(head: Head): string {
  const host = head.header(":authority") ?? head.header("host") ?? "";
  return /^[\w.:[\]-]+$/.test(host) ? host : "localhost";
}
