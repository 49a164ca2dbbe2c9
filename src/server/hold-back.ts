// Keeps HTTP/2 clients from sending what would be refused: while calls are, those with many under way may have fewer.
import type { Http2Session } from "node:http2";
import { type Answer, streamOf } from "./unread-watch.ts";

/** How often the refusals and the calls under way are looked at, in milliseconds. */
export const LOOK_EVERY_MS = 100;
/** Calls that every connection may have waiting for an answer at any time. */
export const LEAST_WAITING = 4;

export interface HoldBackOptions {
  readonly answers: ReadonlySet<Answer>;
  /** How many calls have been refused so far because there were too many. */
  readonly refused: () => number;
  /** Calls at one time on one connection, when nothing is refused. */
  readonly most: number;
}

/**
 * Lowers SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 §5.1.2) of connections whose calls are refused: half of what waits there
 * for an answer, again and again, and a quarter more with each look at which nothing was refused. Clients keep what goes
 * beyond it to themselves until there is room, which costs nobody anything. Answers that are being streamed do not count.
 */
export function holdBack({ answers, refused, most }: HoldBackOptions): { stop(): void } {
  /** How many calls may wait for an answer, on the connections that are held. */
  const held = new Map<Http2Session, number>();
  let before = refused();
  const look = () => {
    const now = refused();
    const pressed = now > before;
    before = now;
    if (!pressed && held.size === 0) return;
    const connections = countStreams(answers);
    for (const [session, { waiting }] of pressed ? connections : []) {
      if (waiting > LEAST_WAITING) held.set(session, Math.max(LEAST_WAITING, waiting >> 1));
    }
    for (const [session, allowed] of held) {
      const next = pressed ? allowed : Math.min(most, Math.ceil(allowed * 1.25));
      // Answers under way leave room for as many calls as is allowed.
      setMost(session, Math.min(most, next + (connections.get(session)?.answering ?? 0)));
      const free = next === most && session.localSettings.maxConcurrentStreams === most;
      if (session.destroyed || free) held.delete(session);
      else held.set(session, next);
    }
  };
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return { stop: () => clearInterval(timer) };
}

interface Streams {
  /** Nothing has been answered yet. */
  waiting: number;
  /** The headers are sent; of most answers nothing is left then but those that are streamed. */
  answering: number;
}

function countStreams(answers: Iterable<Answer>): ReadonlyMap<Http2Session, Streams> {
  const connections = new Map<Http2Session, Streams>();
  for (const answer of answers) {
    const stream = streamOf(answer);
    if (stream?.session === undefined) continue;
    const streams = connections.get(stream.session) ?? { waiting: 0, answering: 0 };
    if (stream.headersSent) streams.answering++;
    else streams.waiting++;
    connections.set(stream.session, streams);
  }
  return connections;
}

function setMost(session: Http2Session, maxConcurrentStreams: number): void {
  // Node ends a session whose peer leaves many settings unacknowledged. What is not set now is set at the next look.
  if (session.destroyed || session.closed || session.pendingSettingsAck) return;
  if (session.localSettings.maxConcurrentStreams !== maxConcurrentStreams) session.settings({ maxConcurrentStreams });
}
