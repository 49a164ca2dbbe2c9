// Cross-origin calls from browsers (Fetch standard, "CORS protocol"): who may, with which headers.
import type { ServerResponse } from "node:http";
import { cors } from "@connectrpc/connect";
import { type HttpRequest, headerOf } from "../protocols/http/request.ts";
import { answerEmpty, type HttpResponse } from "../protocols/http/response.ts";

export interface CorsOptions {
  /** The origins that may call, such as `https://app.example.com`. `*` stands for every origin. */
  readonly origins: readonly string[];
  /** Whether any origin on this machine may, on any port. For development. */
  readonly loopback: boolean;
}

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
/** What OpenAI's client sends besides, of itself and of each attempt. */
const OPENAI_HEADERS = [
  "OpenAI-Organization",
  "OpenAI-Project",
  "OpenAI-Beta",
  "User-Agent",
  ...["Arch", "Lang", "OS", "Package-Version", "Runtime", "Runtime-Version"].map((name) => `X-Stainless-${name}`),
  ...["Retry-Count", "Timeout", "Helper-Method"].map((name) => `X-Stainless-${name}`),
];
const REQUEST_HEADERS = [
  ...cors.allowedHeaders,
  "Authorization",
  "X-API-Key",
  "X-Act-For",
  "X-Tenant",
  "X-Server-Timeout",
  "Content-Encoding",
  "Connect-Content-Encoding",
  "Connect-Accept-Encoding",
  "Grpc-Encoding",
  "Grpc-Accept-Encoding",
  "X-Request-Id",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  "Last-Event-ID",
  "Range",
  "If-Range",
  "A2A-Version",
  "A2A-Extensions",
  "MCP-Protocol-Version",
  "Mcp-Session-Id",
  "Mcp-Method",
  "Mcp-Name",
  "A2A-Version",
  "A2A-Extensions",
  "Accept-Language",
  "traceparent",
  "tracestate",
  "Tus-Resumable",
  "Upload-Length",
  "Upload-Offset",
  "Upload-Metadata",
  "Upload-Checksum",
  "X-HTTP-Method-Override",
  "Content-MD5",
  "Content-Digest",
  "Repr-Digest",
  "Digest",
  "Colloquy-Position",
  ...OPENAI_HEADERS,
].join(", ");
const RESPONSE_HEADERS = [
  ...cors.exposedHeaders,
  "X-Request-Id",
  "ETag",
  "Location",
  "Retry-After",
  "Retry-After-Ms",
  "X-Should-Retry",
  "RateLimit",
  "RateLimit-Policy",
  "RateLimit-Limit",
  "RateLimit-Remaining",
  "RateLimit-Reset",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "WWW-Authenticate",
  "Mcp-Session-Id",
  "x-vercel-ai-ui-message-stream",
  "Content-Location",
  "Content-Disposition",
  "Content-Range",
  "Accept-Ranges",
  "Tus-Resumable",
  "Tus-Version",
  "Tus-Extension",
  "Tus-Max-Size",
  "Tus-Checksum-Algorithm",
  "Upload-Offset",
  "Upload-Length",
  "Upload-Metadata",
  "Upload-Expires",
  "Accept",
  "Allow",
  "Content-Encoding",
  "Connect-Content-Encoding",
  "Colloquy-Position",
].join(", ");
/** How long a browser may remember a preflight, in seconds; browsers cap it at two hours. */
const MAX_AGE = "7200";

/** Whether a page of an origin may call. */
export function createOriginCheck({ origins, loopback }: CorsOptions): (origin: string) => boolean {
  const listed = new Set(origins);
  return (origin) => listed.has("*") || listed.has(origin) || (loopback && isLoopbackOrigin(origin));
}

/** Adds the response headers; responds to a preflight itself and then returns true. */
export type Cors = (request: HttpRequest, response: HttpResponse) => boolean;

/**
 * No credentials mode: callers authenticate with a header, never with cookies.
 *
 * @param isNeverKept whether no cache may store the response to a request: without an origin it is then left as it is
 */
export function createCors(options: CorsOptions, isNeverKept: (request: HttpRequest) => boolean): Cors {
  const isAllowed = createOriginCheck(options);

  return (request, response) => {
    const origin = headerOf(request, "origin");
    if (origin === undefined && isNeverKept(request)) return false;
    // Also without an origin, and if it is refused: a cache must not return the response to another origin.
    response.setHeader("vary", "Origin");
    keepVary(response);
    if (origin === undefined) return false;
    const preflight = request.method === "OPTIONS" && "access-control-request-method" in request.headers;
    if (isAllowed(origin)) {
      response.setHeader("access-control-allow-origin", origin);
      if (preflight) {
        response.setHeader("access-control-allow-methods", METHODS);
        response.setHeader("access-control-allow-headers", REQUEST_HEADERS);
        response.setHeader("access-control-max-age", MAX_AGE);
      } else {
        response.setHeader("access-control-expose-headers", RESPONSE_HEADERS);
      }
    }
    // Without the headers above the browser stops here by itself.
    if (preflight) answerEmpty(response, 204, { "cache-control": "no-store" });
    return preflight;
  };
}

/**
 * What a response varies by besides is added to what is set, not put in its place; one that is compressed varies by
 * that.
 */
function keepVary(response: HttpResponse): void {
  const own = response as ServerResponse;
  const writeHead = own.writeHead.bind(own);
  own.writeHead = (status: number, ...rest: unknown[]) => {
    const headers = rest.at(-1);
    if (typeof headers !== "object" || headers === null || Array.isArray(headers))
      return writeHead(status, ...(rest as []));
    const all = headers as Record<string, string>;
    const more = [all.vary, isCompressed(all) ? "accept-encoding" : undefined].filter((name) => name !== undefined);
    const vary = [...new Set(["Origin", ...more.flatMap((names) => names.split(/, */))])].join(", ");
    return writeHead(status, { ...all, vary });
  };
}

function isCompressed(headers: Readonly<Record<string, string>>): boolean {
  return headers["content-encoding"] !== undefined;
}

function isLoopbackOrigin(origin: string): boolean {
  return /^https?:\/\/(?:localhost|[a-z0-9-]+\.localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i.test(
    origin,
  );
}
