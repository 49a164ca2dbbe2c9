// Writes the responses of Connect's handlers, and early refusals, to Node's responses.
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { type HttpRequest, headerOf } from "../../http/request.ts";
import { answer, type HttpResponse } from "../../http/response.ts";
import { statusTrailers } from "../grpc-status.ts";
import { wantsText } from "../web-text.ts";
import { wireOf } from "./request.ts";

/**
 * Writes a response as fast as the client reads it. Resolves when the last byte is handed to the socket, or the client
 * is gone. `flushed` settles when the headers may go out before the first chunk.
 */
export async function writeResponse(
  from: UniversalServerResponse,
  to: HttpResponse,
  flushed: Promise<void>,
): Promise<void> {
  // HTTP/1.1 and HTTP/2 responses have the same face, but TypeScript cannot call a union of overloads.
  const response = to as ServerResponse;
  const chunks = from.body?.[Symbol.asyncIterator]();
  const next = async () => (chunks === undefined ? { done: true as const, value: undefined } : await chunks.next());
  try {
    // Headers are written after the first chunk is there: until then, the service may set some.
    const first = next();
    const early = (await Promise.race([first, flushed])) === undefined;
    const headers: Record<string, string> = Object.fromEntries(from.header ?? []);
    if (headers["content-encoding"] !== undefined) headers.vary = "accept-encoding";
    response.writeHead(from.status, headers);
    if (early) response.flushHeaders();
    let chunk = await first;
    while (chunk.done !== true && !isGone(to)) {
      if (!response.write(chunk.value)) await drained(response);
      chunk = await next();
    }
    if (from.trailer !== undefined) response.addTrailers(Object.fromEntries(from.trailer));
    response.end();
  } finally {
    chunks?.return?.().catch(() => {});
  }
}

function isGone(response: HttpResponse): boolean {
  return "stream" in response ? response.stream?.destroyed !== false : response.destroyed;
}

async function drained(response: ServerResponse): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })])
    .catch(() => {})
    .finally(() => stop.abort());
}

/**
 * Answers with an error where no handler is in charge. gRPC wants status 200 and the error in headers, but 415 for a
 * media type that is not served; Connect wants JSON.
 */
export function writeError(
  request: HttpRequest,
  response: HttpResponse,
  status: number,
  error: ConnectError,
  headers: Readonly<Record<string, string>>,
): void {
  const wire = wireOf(request);
  const all = { "cache-control": "no-store", ...headers };
  if (wire !== "connect") {
    const text = wire === "grpc-web" && wantsText((name) => headerOf(request, name));
    const trailersOnly = {
      ...all,
      ...Object.fromEntries(statusTrailers(error)),
      "content-type": `application/${wire}${text ? "-text" : ""}`,
    };
    // Over HTTP/2 one frame is the whole response: unless its headers end the stream, gRPC clients see no status.
    const known = status === 415 ? status : 200;
    if (!("stream" in response)) answer(response, known, trailersOnly);
    else if (!isGone(response)) response.stream.respond({ ":status": known, ...trailersOnly }, { endStream: true });
  } else {
    answer(response, status, { ...all, "content-type": "application/json" }, errorToJsonBytes(error, undefined));
  }
}
