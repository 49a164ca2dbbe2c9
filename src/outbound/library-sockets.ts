// Bounds the connections of a library that hands out no socket: how much they read, and that they can be closed at once.
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

export interface LibrarySockets {
  /** Runs `open`; the sockets that it opens, also later, are those that are bounded. */
  run<T>(open: () => T): T;
  /** What was read so far counts no more. */
  restart(): void;
  /** Closes them, and what is opened later. */
  destroy(): void;
  /** Whether they were closed because they read too much. */
  readonly exceeded: boolean;
}

/** Between two looks at a TLS connection, which passes its plain socket by: Node reads up to some 2 MiB before a timer runs. */
const LOOK_MS = 10;

const opening = new AsyncLocalStorage<(socket: Socket) => void>();
// Node says of every socket of a client that it was made, before it connects.
subscribe("net.client.socket", (message) => opening.getStore()?.((message as { readonly socket: Socket }).socket));

/** @param maxBytes how much they may read together until `restart`; the socket of a TLS connection counts encrypted bytes */
export function boundLibrarySockets(maxBytes: number): LibrarySockets {
  const sockets = new Set<Socket>();
  let counted = 0;
  let destroyed = false;
  let exceeded = false;
  let timer: NodeJS.Timeout | undefined;

  const read = () => sockets.values().reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  const destroy = () => {
    destroyed = true;
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const look = () => {
    exceeded = read() - counted > maxBytes;
    if (exceeded || sockets.values().every((socket) => socket.destroyed)) destroy();
  };
  const add = (socket: Socket) => {
    sockets.add(socket);
    // No listener, because a library may remove all of them.
    const push = socket.push.bind(socket);
    socket.push = (chunk, encoding) => {
      look();
      return !destroyed && push(chunk, encoding);
    };
    if (destroyed) destroy();
    else timer ??= setInterval(look, LOOK_MS).unref();
  };

  return {
    run: (open) => opening.run(add, open),
    restart() {
      counted = read();
    },
    destroy,
    get exceeded() {
      return exceeded;
    },
  };
}
