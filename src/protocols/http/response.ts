// Writes whole responses, the same for HTTP/1.1 and HTTP/2.
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Headers of a response, by lower-case name. */
export type Headers = Record<string, string>;

/** Sends the head of a response. */
export function writeHead(response: HttpResponse, status: number, headers: Readonly<Headers>): void {
  // Both kinds of response can do this, but TypeScript cannot call a union of overloads.
  (response as ServerResponse).writeHead(status, headers);
}

/**
 * Sends a whole response in one write; nothing if one has begun or the client is disconnected. With `head`, its body is
 * left out: the response to HEAD.
 */
export function answer(
  response: HttpResponse,
  status: number,
  headers: Readonly<Headers>,
  body: string | Uint8Array = "",
  head = false,
): void {
  if (gone(response)) return;
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  writeHead(response, status, { ...headers, "content-length": String(length) });
  if (head) (response as ServerResponse).end();
  else (response as ServerResponse).end(toWrite(body));
}

/** Sends a response without a body: 204, 205, 304. RFC 9110 §8.6 wants no content-length on 204. */
export function answerEmpty(response: HttpResponse, status: number, headers: Readonly<Headers>): void {
  if (gone(response)) return;
  writeHead(response, status, status === 205 ? { ...headers, "content-length": "0" } : headers);
  (response as ServerResponse).end();
}

/** Whether nothing more can be sent. */
export function gone(response: HttpResponse): boolean {
  return response.destroyed || response.writableEnded || response.headersSent;
}

/**
 * Whether a closed response was handed to its connection as a whole. Node says of a stream of HTTP/2 that was reset
 * before its end that it is finished, with the event too.
 */
export function isWhole(response: HttpResponse): boolean {
  return response.writableFinished && !("stream" in response && response.stream.aborted);
}

/** A text of more characters is worth a copy. */
const LONG_TEXT = 32 * 1024;

/**
 * A body as it is best handed to Node, which sets three bytes aside for each character of a text that the client does
 * not read at once: a long text goes as its bytes.
 */
export function toWrite(body: string | Uint8Array, longText = LONG_TEXT): string | Uint8Array {
  return typeof body === "string" && body.length > longText ? Buffer.from(body) : body;
}
