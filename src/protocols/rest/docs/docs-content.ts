// Sends bytes that rarely change: tags, conditional requests, HEAD and gzip.
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const compress = promisify(gzip);

interface Representation {
  readonly bytes: Buffer;
  readonly etag: string;
}

/** What is needed of a request of node:http or of the compatibility layer of node:http2. */
export interface DocsRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** What is needed of a response of either. */
export interface DocsResponse {
  writeHead(status: number, headers: Record<string, string | number>): unknown;
  end(): unknown;
  end(body: Uint8Array): unknown;
}

/** Bytes with their headers, read, tagged and compressed once, when first asked for. */
export interface Content {
  readonly headers: Readonly<Record<string, string>>;
  plain(): Promise<Representation>;
  gzipped(): Promise<Representation>;
}

export function createContent(
  type: string,
  cacheControl: string,
  read: () => Promise<Buffer>,
  headers: Readonly<Record<string, string>> = {},
): Content {
  const plain = once(async () => represent(await read()));
  const gzipped = once(async () => represent(await compress((await plain()).bytes)));
  const always = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", vary: "accept-encoding" };
  return { headers: { "content-type": type, "cache-control": cacheControl, ...always, ...headers }, plain, gzipped };
}

/** Answers GET and HEAD, with 304 where `If-None-Match` has the current tag (RFC 9110 §13.1.2); else 405. */
export function sendContent(request: DocsRequest, response: DocsResponse, content: Content): void {
  if (request.method !== "GET" && request.method !== "HEAD") {
    sendPlain(response, 405, { allow: "GET, HEAD" });
    return;
  }
  const zipped = acceptsGzip(header(request, "accept-encoding"));
  const ready = zipped ? content.gzipped() : content.plain();
  ready.then(
    ({ bytes, etag }) => {
      const headers = { ...content.headers, etag };
      if (hasTag(header(request, "if-none-match"), etag)) {
        response.writeHead(304, headers);
        response.end();
        return;
      }
      const encoding = zipped ? { "content-encoding": "gzip" } : {};
      response.writeHead(200, { ...headers, ...encoding, "content-length": bytes.length });
      if (request.method === "HEAD") response.end();
      else response.end(bytes);
    },
    () => sendPlain(response, 500, {}),
  );
}

/** An answer without a body. */
export function sendPlain(response: DocsResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { "cache-control": "no-cache", ...headers, "content-length": "0" });
  response.end();
}

function represent(bytes: Buffer): Representation {
  return { bytes, etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 27)}"` };
}

// A failure is not kept: the next request tries again.
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

function header(request: DocsRequest, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(",") : (value ?? "");
}

function acceptsGzip(accept: string): boolean {
  const coding = accept.split(",").find((part) => /^\s*(gzip|x-gzip)\s*(;|$)/i.test(part));
  return coding !== undefined && !/;\s*q=0(\.0*)?\s*$/i.test(coding);
}

function hasTag(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.trim() === "*" || ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
