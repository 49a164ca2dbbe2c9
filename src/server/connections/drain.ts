// Stopping without dropping a call: announce, let calls finish, and only then close.
import type { EventEmitter } from "node:events";
import { constants, type ServerHttp2Session } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lifecycle } from "../../pipeline/lifecycle.ts";
import type { OnePort } from "../one-port.ts";
import type { OpenResponse } from "./slow-readers.ts";

/** RFC 9113 §6.8: the id with which a server announces GOAWAY before it decides what it will no longer take. */
const HIGHEST_STREAM_ID = 2 ** 31 - 1;
/** How long aborted calls get to say so to their callers. */
const LAST_WORDS_MS = 500;

/** The unfinished responses. */
export interface InFlight {
  readonly responses: ReadonlySet<OpenResponse>;
  add(response: OpenResponse): void;
  /** Resolves as soon as there is none. */
  none(): Promise<void>;
}

export function createInFlight(): InFlight {
  const responses = new Set<OpenResponse>();
  const waiting = new Set<() => void>();
  return {
    responses,
    add(response) {
      responses.add(response);
      // The kinds of responses have the same face, but TypeScript cannot call a union of overloads.
      (response as EventEmitter).once("close", () => {
        responses.delete(response);
        if (responses.size > 0) return;
        for (const resolve of waiting) resolve();
        waiting.clear();
      });
    },
    none() {
      return responses.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve));
    },
  };
}

export interface DrainOptions {
  readonly port: OnePort;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  readonly inFlight: InFlight;
  readonly lifecycle: Lifecycle;
  readonly deadlineMs: number;
}

/**
 * Refuses new calls at once but goes on listening, so that load balancers see it and callers are told; when the last
 * call has finished, or the deadline has passed, closes everything.
 */
export async function drainServer({ port, sessions, inFlight, lifecycle, deadlineMs }: DrainOptions): Promise<void> {
  lifecycle.drain();
  for (const session of sessions) announce(session);
  port.http1.closeIdleConnections();
  if (!(await settlesWithin(deadlineMs, inFlight.none()))) {
    lifecycle.stop();
    await settlesWithin(LAST_WORDS_MS, inFlight.none());
  }
  const closed = new Promise<void>((resolve) => port.http1.close(() => resolve()));
  port.http1.closeIdleConnections();
  for (const session of sessions) session.close();
  if (!(await settlesWithin(LAST_WORDS_MS, closed))) for (const socket of port.sockets) socket.destroy();
  await closed;
}

function announce(session: ServerHttp2Session): void {
  if (!session.destroyed && !session.closed) session.goaway(constants.NGHTTP2_NO_ERROR, HIGHEST_STREAM_ID);
}

/** Whether the promise settles within so many milliseconds. */
async function settlesWithin(milliseconds: number, promise: Promise<void>): Promise<boolean> {
  const stop = new AbortController();
  const timer = sleep(milliseconds, false, { signal: stop.signal }).catch(() => false);
  const done = await Promise.race([promise.then(() => true), timer]);
  stop.abort();
  return done;
}
