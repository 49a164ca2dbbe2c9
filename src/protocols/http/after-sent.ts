// Whether a client received a response, as far as a server can know.
import type { HttpRequest } from "./request.ts";
import { type HttpResponse, isWhole } from "./response.ts";

/** A connection that breaks so soon after a response, in milliseconds, may not have carried it to the client. */
const SETTLED_MS = 1_000;

/**
 * Calls `act` once, after a response: with true if it was sent as a whole and its connection then held for a second.
 * Written data may still be lost on its way through proxies, which then break the connection.
 */
export function afterSent(request: HttpRequest, response: HttpResponse, act: (received: boolean) => void): void {
  if (response.destroyed) {
    act(false);
    return;
  }
  const connection = "stream" in request ? request.stream.session : request.socket;
  response.once("close", () => {
    if (!isWhole(response)) act(false);
    else setTimeout(() => act(connection?.destroyed !== true), SETTLED_MS).unref();
  });
}
