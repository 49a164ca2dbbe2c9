// What clients leave unread of their answers: an end to those who read nothing, and to those who leave the most.
import { constants, type Http2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { HttpResponse } from "../http/response.ts";

/** An answer that is not finished: of the short way over HTTP/2 the stream itself. */
export type Answer = ServerHttp2Stream | HttpResponse;

type Connection = Http2Session | Socket;

/** How often the answers are looked at, in milliseconds: as much as is made of them in that time may be over the limit. */
const LOOK_EVERY_MS = 100;

/** Without an error a session tells its peer that all is well. */
const TOO_MUCH = new Error("too much of the answers is unread");

export interface UnreadWatchOptions {
  readonly answers: ReadonlySet<Answer>;
  /** Of all answers together. */
  readonly maxBytes: number;
  /** How long a client may read nothing of the answers that wait for it. */
  readonly stallTimeoutMs: number;
  /** Told how much was unread, in bytes, and how many connections were closed for it. */
  readonly onCut: (unread: number, connections: number) => void;
}

/**
 * Closes the streams, or the HTTP/1.1 connection, of clients that read nothing; and while all answers together are over
 * the limit, the connections that leave the most unread (ENHANCE_YOUR_CALM), for a limit for each does not help against
 * many.
 */
export function watchUnread({ answers, maxBytes, stallTimeoutMs, onCut }: UnreadWatchOptions): { stop(): void } {
  const stalls = createStalls(stallTimeoutMs);
  const look = () => {
    const connections = unreadByConnection(answers);
    for (const connection of stalls.after(connections)) closeStreams(answers, connection);
    let unread = 0;
    for (const bytes of connections.values()) unread += bytes;
    if (unread > maxBytes) onCut(unread, cutWorst(connections, unread - maxBytes));
  };
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return { stop: () => clearInterval(timer) };
}

type Unread = ReadonlyMap<Connection, number>;

/** How much waits in this process for each connection, in bytes; what the system has taken does not count. */
function unreadByConnection(answers: Iterable<Answer>): Unread {
  const connections = new Map<Connection, number>();
  for (const answer of answers) {
    const connection = connectionOf(answer);
    if (connection !== undefined) {
      connections.set(connection, (connections.get(connection) ?? 0) + unreadOf(answer));
    }
  }
  return connections;
}

/**
 * Finds who stopped reading. Over HTTP/2 not by `stream.setTimeout`: that timer outlives the stream of a connection that
 * breaks, and keeps the answer in memory until it is due. A socket's own timer ends with it.
 */
function createStalls(timeoutMs: number) {
  /** When each was last seen to read. */
  let sessions = new Map<Http2Session, { readonly written: number; readonly at: number }>();
  let sockets = new Set<Socket>();
  return {
    /** The sessions that read nothing for so long. */
    after(connections: Unread): Http2Session[] {
      const now = performance.now();
      const stalled: Http2Session[] = [];
      const [before, armed] = [sessions, sockets];
      sessions = new Map();
      sockets = new Set();
      for (const [connection, unread] of connections) {
        if (!isHttp2(connection)) {
          if (unread > 0) sockets.add(connection);
          // Node closes what does nothing for so long while it has something to write.
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

/** Closes connections until so many bytes are gone; gives their number. */
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

function closeStreams(answers: Iterable<Answer>, session: Http2Session): void {
  for (const answer of answers) {
    if (unreadOf(answer) > 0 && connectionOf(answer) === session) streamOf(answer)?.close(constants.NGHTTP2_CANCEL);
  }
}

/** Of HTTP/1.1 there is none. */
function streamOf(answer: Answer): ServerHttp2Stream | undefined {
  if ("stream" in answer) return answer.stream;
  return "session" in answer ? answer : undefined;
}

function unreadOf(answer: Answer): number {
  return streamOf(answer)?.writableLength ?? answer.writableLength;
}

function connectionOf(answer: Answer): Connection | undefined {
  const stream = streamOf(answer);
  if (stream !== undefined) return stream.session;
  // A response that waits for its turn on the line has no socket of its own yet.
  return "req" in answer ? answer.req.socket : undefined;
}

function isHttp2(connection: Connection): connection is Http2Session {
  return "goaway" in connection;
}
