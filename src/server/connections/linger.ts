// Closes a connection without losing a response that was sent before the request's body arrived.
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { LINGER_MS } from "../../protocols/http/body/linger.ts";

/** Maximum bytes of a body that are read and discarded: the largest request, and some framing. */
const LINGER_BYTES = 8 * 1024 * 1024;

/** What this uses of node:http beside its documented face: the request that comes in on a socket now. */
interface ParsedSocket {
  readonly parser?: { readonly incoming?: IncomingMessage | null } | null;
}

/**
 * Node closes a connection without keep-alive as soon as its response is written. If the request's body is still
 * arriving, the system sends a reset, and the client loses what it has not read yet: the response. So only our side is
 * closed, and what arrives is read and discarded until the client closes its side, for at most 5 seconds or 8 MiB.
 */
export function lingerBeforeClose(socket: Socket): void {
  const destroySoon = socket.destroySoon.bind(socket);
  socket.destroySoon = () => {
    const request = (socket as ParsedSocket).parser?.incoming;
    if (socket.destroyed || !request || request.complete) return destroySoon();
    const limit = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    const max = socket.bytesRead + LINGER_BYTES;
    request.on("data", () => {
      if (socket.bytesRead > max) socket.destroy();
    });
    socket.once("end", () => socket.destroy()).once("close", () => clearTimeout(limit));
    socket.end();
    request.resume();
  };
}
