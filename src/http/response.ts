// What HTTP/1.1 and HTTP/2 requests and responses have in common, and one way to write a whole answer.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { toWrite } from "./http.ts";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Headers of an answer, by lower-case name. */
export type Headers = Record<string, string>;

/** The path of a request target and its query without "?", both as they were sent. */
export interface Target {
  readonly path: string;
  readonly query: string;
}

/**
 * Splits a request target in origin form or absolute form (RFC 9112 §3.2). Undefined: neither, or it holds characters
 * that a target cannot have.
 */
export function targetOf(url: string | undefined): Target | undefined {
  let target = url ?? "";
  if (!target.startsWith("/")) {
    const authority = /^https?:\/\/[^/?#]*/i.exec(target)?.[0];
    if (authority === undefined) return undefined;
    target = target.slice(authority.length);
    if (!target.startsWith("/")) target = `/${target}`;
  }
  if (!/^[\x21\x22\x24-\x7e]*$/.test(target)) return undefined;
  const mark = target.indexOf("?");
  return mark === -1 ? { path: target, query: "" } : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/** One request header by its lower-case name, several of one name joined by ", " (RFC 9110 §5.3). */
export function headerOf(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** The address of the peer; empty once it is gone. */
export function addressOf(request: HttpRequest): string {
  const socket = "stream" in request ? request.stream.session?.socket : request.socket;
  return socket?.remoteAddress ?? "";
}

export function isHttp2(request: HttpRequest): boolean {
  return request.httpVersionMajor >= 2;
}

/** Sends the head of an answer. */
export function writeHead(response: HttpResponse, status: number, headers: Headers): void {
  // The two kinds of response have the same face, but TypeScript cannot call a union of overloads.
  (response as ServerResponse).writeHead(status, headers);
}

/** Answers with a whole body in one write. With `head`, only says what it would be: the answer to HEAD. */
export function answer(
  response: HttpResponse,
  status: number,
  headers: Headers,
  body: string | Uint8Array,
  head = false,
): void {
  if (gone(response)) return;
  headers["content-length"] = String(typeof body === "string" ? Buffer.byteLength(body) : body.byteLength);
  writeHead(response, status, headers);
  if (head) (response as ServerResponse).end();
  else (response as ServerResponse).end(toWrite(body));
}

/** Answers without a body: 204, 205, 304. RFC 9110 §8.6 wants no content-length on 204. */
export function answerEmpty(response: HttpResponse, status: number, headers: Headers): void {
  if (gone(response)) return;
  if (status === 205) headers["content-length"] = "0";
  writeHead(response, status, headers);
  (response as ServerResponse).end();
}

/** Whether nothing more can be written. */
export function gone(response: HttpResponse): boolean {
  return response.destroyed || response.writableEnded || response.headersSent;
}
