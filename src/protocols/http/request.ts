// A request as handlers see it, the same for HTTP/1.1 and HTTP/2.
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { HttpResponse } from "./response.ts";

export type HttpRequest = IncomingMessage | Http2ServerRequest;

/** Responds to the request and returns true, or returns false without touching it: the next handler is called. */
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

/** The address of the peer; empty once it is disconnected. */
export function addressOf(request: HttpRequest): string {
  const socket = "stream" in request ? request.stream.session?.socket : request.socket;
  return socket?.remoteAddress ?? "";
}
