// Closes connections of clients that stop reading their responses, and of those with the most unread bytes.
import { constants, type Http2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { HttpResponse } from "../../protocols/http/response.ts";

/** An unfinished response: on the fast path over HTTP/2, the stream itself. */
export type OpenResponse = ServerHttp2Stream | HttpResponse;

type Connection = Http2Session | Socket;

/** Interval of checks, in milliseconds: what is written between two of them may exceed the limit. */
const LOOK_EVERY_MS = 100;

/** Without an error, a session would close with NO_ERROR. */
const TOO_MUCH = new Error("too much of the responses is unread");

export interface UnreadWatchOptions {
  readonly responses: ReadonlySet<OpenResponse>;
  /** Of all responses together. */
  readonly maxBytes: number;
  /** How long a client may read nothing of its pending responses. */
  readonly stallTimeoutMs: number;
  /** Called with the unread bytes and the number of connections that were closed for them. */
  readonly onCut: (unread: number, connections: number) => void;
}

/**
 * Closes the streams, or the HTTP/1.1 connection, of clients that read nothing; and while all responses together are
 * over the limit, the connections with the most unread bytes (ENHANCE_YOUR_CALM): a limit for each connection does not
 * help against many.
 */
export function watchUnread({ responses, maxBytes, stallTimeoutMs, onCut }: UnreadWatchOptions): { stop(): void } {
  const stalls = createStalls(stallTimeoutMs);
  const look = () => {
    const connections = unreadByConnection(responses);
    for (const connection of stalls.after(connections)) closeStreams(responses, connection);
    let unread = 0;
    for (const bytes of connections.values()) unread += bytes;
    if (unread > maxBytes) onCut(unread, cutWorst(connections, unread - maxBytes));
  };
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return { stop: () => clearInterval(timer) };
}

type Unread = ReadonlyMap<Connection, number>;

/** Bytes pending in this process for each connection, without those in the system's buffers. */
function unreadByConnection(responses: Iterable<OpenResponse>): Unread {
  const connections = new Map<Connection, number>();
  for (const response of responses) {
    const connection = connectionOf(response);
    if (connection !== undefined) {
      connections.set(connection, (connections.get(connection) ?? 0) + unreadOf(response));
    }
  }
  return connections;
}

/**
 * Finds clients that stopped reading. Over HTTP/2 not by `stream.setTimeout`: that timer outlives the stream of a
 * broken connection, and keeps the response in memory until it fires. A socket's own timer ends with it.
 */
function createStalls(timeoutMs: number) {
  /** When each was last seen to read. */
  let sessions = new Map<Http2Session, { readonly written: number; readonly at: number }>();
  let sockets = new Set<Socket>();
  return {
    /** The sessions that have read nothing for `timeoutMs`. */
    after(connections: Unread): Http2Session[] {
      const now = performance.now();
      const stalled: Http2Session[] = [];
      const [before, armed] = [sessions, sockets];
      sessions = new Map();
      sockets = new Set();
      for (const [connection, unread] of connections) {
        if (!isHttp2(connection)) {
          if (unread > 0) sockets.add(connection);
          // Node closes a socket that is idle for that long while it has something to write.
          if (unread > 0 !== armed.has(connection)) connection.setTimeout(unread > 0 ? timeoutMs : 0);
        } else if (unread > 0 && !connection.destroyed) {
          const written = connection.socket.bytesWritten;
          const last = before.get(connection);
          const read = last === undefined || last.written !== written;
          sessions.set(connection, read ? { written, at: now } : last);
          if (!read && now - last.at >= timeoutMs) stalled.push(connection);
        }
      }
      return stalled;
    },
  };
}

/** Closes connections until that many bytes are freed; returns the number of connections. */
function cutWorst(connections: Unread, bytes: number): number {
  let left = bytes;
  let cut = 0;
  for (const [connection, unread] of [...connections].sort(([, some], [, other]) => other - some)) {
    if (left <= 0) break;
    if (isHttp2(connection)) connection.destroy(TOO_MUCH, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    else connection.destroy();
    left -= unread;
    cut++;
  }
  return cut;
}

function closeStreams(responses: Iterable<OpenResponse>, session: Http2Session): void {
  for (const response of responses) {
    if (unreadOf(response) > 0 && connectionOf(response) === session)
      streamOf(response)?.close(constants.NGHTTP2_CANCEL);
  }
}

/** HTTP/1.1 has none. */
function streamOf(response: OpenResponse): ServerHttp2Stream | undefined {
  if ("stream" in response) return response.stream;
  return "session" in response ? response : undefined;
}

function unreadOf(response: OpenResponse): number {
  return streamOf(response)?.writableLength ?? response.writableLength;
}

function connectionOf(response: OpenResponse): Connection | undefined {
  const stream = streamOf(response);
  if (stream !== undefined) return stream.session;
  // A response that waits for its turn on the line has no socket of its own yet.
  return "req" in response ? response.req.socket : undefined;
}

function isHttp2(connection: Connection): connection is Http2Session {
  return "goaway" in connection;
}
