// The open HTTP/2 connections: closes idle ones, and detects dead ones by pings.
import type { Http2Server, ServerHttp2Session } from "node:http2";
import { endIfIdle } from "./end-if-idle.ts";

/** How long a peer may take to acknowledge a ping before its connection counts as dead. */
const PING_TIMEOUT_MS = 20_000;
/** How often within its time a session is looked at. */
const LOOKS = 4;

/** Keeps the set of a server's sessions. A silent one gets GOAWAY if it has no streams, else a ping. */
export function keepSessions(server: Http2Server, idleTimeoutMs: number): ReadonlySet<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    let streams = 0;
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    // A peer's protocol errors end its own session, and affect no other.
    session.on("error", () => {});
    session.on("stream", (stream) => {
      streams++;
      stream.once("close", () => streams--);
      stream.on("error", () => {});
    });
    onSilence(session, idleTimeoutMs, () => {
      endIfIdle(countOf(session), () => {
        if (streams === 0) session.close();
        else pingOrDestroy(session);
      });
    });
  });
  return sessions;
}

/**
 * Calls `act` whenever nothing was read from the session or written to it for so long, or up to a quarter longer. Not
 * by `session.setTimeout`: Node never clears the timer of a destroyed session, which stays in memory until it fires.
 */
function onSilence(session: ServerHttp2Session, idleTimeoutMs: number, act: () => void): void {
  let seen = 0;
  let silentLooks = 0;
  const timer = setInterval(() => {
    // It has no socket any more, and may be about to close for a while.
    if (session.destroyed) return clearInterval(timer);
    const { bytesRead, bytesWritten } = session.socket;
    silentLooks = bytesRead + bytesWritten === seen ? silentLooks + 1 : 0;
    seen = bytesRead + bytesWritten;
    if (silentLooks < LOOKS) return;
    silentLooks = 0;
    act();
  }, idleTimeoutMs / LOOKS).unref();
  session.once("close", () => clearInterval(timer));
}

function pingOrDestroy(session: ServerHttp2Session): void {
  if (session.destroyed) return;
  const timer = setTimeout(() => {
    if (!session.destroyed) endIfIdle(countOf(session), () => session.destroy());
  }, PING_TIMEOUT_MS).unref();
  session.ping(() => clearTimeout(timer));
}

/** What is read from a session. A destroyed one has no socket, and has read nothing that could be compared. */
function countOf(session: ServerHttp2Session) {
  return {
    get bytesRead() {
      return session.destroyed ? Number.NaN : session.socket.bytesRead;
    },
  };
}
