// Sends bytes that rarely change: tags, conditional requests, HEAD and gzip.
import { createHash } from "node:crypto";
import { acceptCoding } from "./accept.ts";
import { GZIP } from "./coding.ts";
import { type HttpRequest, headerOf } from "./request.ts";
import { answer, answerEmpty, type HttpResponse } from "./response.ts";

interface Representation {
  readonly bytes: Buffer;
  readonly etag: string;
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
  const gzipped = once(async () => represent(await GZIP.compress((await plain()).bytes, "small")));
  const always = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", vary: "accept-encoding" };
  return { headers: { "content-type": type, "cache-control": cacheControl, ...always, ...headers }, plain, gzipped };
}

/** Answers GET and HEAD, with 304 where `If-None-Match` has the current tag (RFC 9110 §13.1.2); else 405. */
export function sendContent(request: HttpRequest, response: HttpResponse, content: Content): void {
  if (request.method !== "GET" && request.method !== "HEAD") {
    sendPlain(response, 405, { allow: "GET, HEAD" });
    return;
  }
  const coding = acceptCoding(headerOf(request, "accept-encoding"), ["gzip"]);
  const ready = coding === "gzip" ? content.gzipped() : content.plain();
  ready.then(
    ({ bytes, etag }) => {
      const headers = { ...content.headers, etag };
      if (hasTag(headerOf(request, "if-none-match") ?? "", etag)) {
        answerEmpty(response, 304, headers);
        return;
      }
      const encoding = coding === "identity" ? {} : { "content-encoding": coding };
      answer(response, 200, { ...headers, ...encoding }, bytes, request.method === "HEAD");
    },
    () => sendPlain(response, 500, {}),
  );
}

/** A response without content. */
export function sendPlain(response: HttpResponse, status: number, headers: Readonly<Record<string, string>>): void {
  answer(response, status, { "cache-control": "no-cache", ...headers });
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

function hasTag(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.trim() === "*" || ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
