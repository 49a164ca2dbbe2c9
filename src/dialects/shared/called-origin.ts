// The URL by which a client called this server.

interface Head {
  /** A request header by its lower-case name. */
  header(name: string): string | undefined;
}

/**
 * The origin under which the client called, such as `https://chat.example.com`. `X-Forwarded-Proto` is taken from anyone:
 * the response goes to whoever sent it.
 */
export function calledOrigin(head: Head, tls: boolean): string {
  const forwarded = /^\s*(https?)\s*(?:,|$)/i.exec(head.header("x-forwarded-proto") ?? "")?.[1]?.toLowerCase();
  return `${forwarded ?? (tls ? "https" : "http")}://${calledHost(head)}`;
}

/** A host with its port; `localhost` where the request names none that a URL can hold. */
export function calledHost(head: Head): string {
  const host = head.header(":authority") ?? head.header("host") ?? "";
  return /^[\w.:[\]-]+$/.test(host) ? host : "localhost";
}
