// Closing a connection without losing the answer that was sent before the request's body had come.
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { LINGER_MS } from "../http/body/linger.ts";

/** How much of a body is read and thrown away, in bytes: as much as any request may bring, and some framing. */
const LINGER_BYTES = 8 * 1024 * 1024;

/** What this uses of node:http beside its documented face: the request that comes in on a socket now. */
interface ParsedSocket {
  readonly parser?: { readonly incoming?: IncomingMessage | null } | null;
}

/**
 * Node closes a connection that is not kept as soon as its answer is written. Where the request's body still comes, the
 * system answers that with a reset, at which the client loses what it has not read yet: the answer. So only our side is
 * closed, and what comes is read and thrown away, until the client closes its side, for 5 seconds or 8 MiB at most.
 */
export function lingerBeforeClose(socket: Socket): void {
  const destroySoon = socket.destroySoon.bind(socket);
  socket.destroySoon = () => {
    const request = (socket as ParsedSocket).parser?.incoming;
    if (socket.destroyed || !request || request.complete) return destroySoon();
    const limit = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    const most = socket.bytesRead + LINGER_BYTES;
    request.on("data", () => {
      if (socket.bytesRead > most) socket.destroy();
    });
    socket.once("end", () => socket.destroy()).once("close", () => clearTimeout(limit));
    socket.end();
    request.resume();
  };
}
