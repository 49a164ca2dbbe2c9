// What an HTTP handler sees, the same for HTTP/1.1 and HTTP/2.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Answers the request and says true, or leaves it untouched and says false: then the next handler is asked. */
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => boolean | Promise<boolean>;

/** The path of a request target in origin form, without its query. */
export function pathOf(target: string | undefined): string {
  if (target === undefined) return "";
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}

/** The query of a request target, without its question mark. */
export function queryOf(target: string | undefined): string {
  return /\?([^#]*)/.exec(target ?? "")?.[1] ?? "";
}

/** One request header by its lower-case name, several of one name joined by ", " as RFC 9110 §5.3 has it. */
export function headerOf(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** The address of the peer; empty once it is gone. */
export function addressOf(request: HttpRequest): string {
  const socket = "stream" in request ? request.stream.session?.socket : request.socket;
  return socket?.remoteAddress ?? "";
}

/** A text of more characters is worth a copy. */
const LONG_TEXT = 32 * 1024;

/**
 * A body as it is best handed to Node, which sets three bytes aside for each character of a text that the client does not
 * read at once: a long text goes as its bytes.
 */
export function toWrite(body: string | Uint8Array, longText = LONG_TEXT): string | Uint8Array {
  return typeof body === "string" && body.length > longText ? Buffer.from(body) : body;
}

/** Answers at once with a whole body. */
export function answer(
  response: HttpResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array = "",
): void {
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  const all = { ...headers, "content-length": String(length) };
  // The two kinds of response have the same face, but TypeScript cannot call a union of overloads.
  (response as ServerResponse).writeHead(status, all);
  (response as ServerResponse).end(body);
}
