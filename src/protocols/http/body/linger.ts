// After the response: discards the rest of an unread request body.
import { constants } from "node:http2";
import type { HttpRequest } from "../request.ts";

/** How long the rest of a body is read and thrown away, so that the client sees the response before the end. */
export const LINGER_MS = 5_000;

/** After the response: releases a body that was not read to its end. */
export function releaseBody(request: HttpRequest): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const linger = setTimeout(() => {
    // It came to its end meanwhile, though a reader that gave up may have left it there.
    if (request.complete) return;
    // RFC 9113 §8.1: the response is complete, so this asks the client to stop sending, without an error.
    if ("stream" in request) request.stream.close(constants.NGHTTP2_NO_ERROR);
    else request.socket.destroy();
  }, LINGER_MS);
  linger.unref();
  request.once("close", () => clearTimeout(linger));
}
