// Reading a request's body: never longer than the call, nor than a body may take.
import { constants } from "node:http2";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { orAborted } from "./deadline.ts";
import type { HttpRequest } from "./http.ts";

/**
 * The chunks of a body. Rejects with the signal's reason when the call is aborted, and with DEADLINE_EXCEEDED when the
 * body is not complete after `timeoutMs` (undefined: no limit), so that a byte a second holds nothing for long.
 */
export async function* readChunks(
  request: HttpRequest,
  signal: AbortSignal,
  timeoutMs: number | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const late = new AbortController();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => late.abort(bodyTooSlow(timeoutMs)), timeoutMs);
  const either = timeoutMs === undefined ? signal : AbortSignal.any([signal, late.signal]);
  // Not destroyed when reading stops early: on HTTP/1.1 that would take the connection, and the answer with it.
  const chunks = request.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const next = await orAborted(chunks.next(), either);
      if (next.done === true) return;
      yield next.value as Uint8Array<ArrayBuffer>;
    }
  } finally {
    clearTimeout(timer);
    chunks.return?.().catch(() => {});
  }
}

export function bodyTooSlow(timeoutMs: number): DomainError {
  return new DomainError(ErrorReason.DEADLINE_EXCEEDED, `the request body took longer than ${timeoutMs / 1000} s`);
}

/** How long the rest of a body is read and thrown away, so that the client sees its answer before the end. */
export const LINGER_MS = 5_000;

/** After the answer: lets go of a body that was not read to its end. */
export function releaseBody(request: HttpRequest): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const linger = setTimeout(() => {
    // It came to its end meanwhile, though a reader that gave up may have left it there.
    if (request.complete) return;
    // RFC 9113 §8.1: the answer is complete, so this asks the client to stop sending, without an error.
    if ("stream" in request) request.stream.close(constants.NGHTTP2_NO_ERROR);
    else request.socket.destroy();
  }, LINGER_MS);
  linger.unref();
  request.once("close", () => clearTimeout(linger));
}
