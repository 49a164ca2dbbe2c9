// Limits the unread response bytes of one HTTP/2 connection: past the limit, it opens no further stream.
import type { Http2Session, ServerHttp2Stream } from "node:http2";

/** Counting asks every open stream of the connection, so it is done once for so many new ones. */
const COUNT_EVERY = 4;

/**
 * Returns whether a new stream may begin. A client that never opens its flow-control windows makes the server hold each
 * response whole, and one connection may have hundreds of them: `maxBytes` limits the unread bytes of a connection.
 */
export function createUnreadLimit(maxBytes: number): (stream: ServerHttp2Stream) => boolean {
  const connections = new WeakMap<Http2Session, { readonly open: Set<ServerHttp2Stream>; begun: number }>();
  return (stream) => {
    const { session } = stream;
    if (session === undefined) return true;
    let connection = connections.get(session);
    if (connection === undefined) {
      connection = { open: new Set(), begun: 0 };
      connections.set(session, connection);
    }
    const { open } = connection;
    open.add(stream);
    stream.once("close", () => open.delete(stream));
    if (++connection.begun % COUNT_EVERY !== 0) return true;
    let unread = 0;
    for (const { writableLength } of open) unread += writableLength;
    return unread <= maxBytes;
  };
}
