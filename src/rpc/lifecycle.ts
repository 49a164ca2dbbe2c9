// The two steps in which a server stops: draining (no new calls), then stopping (the calls that remain are aborted).
import { setMaxListeners } from "node:events";
import { type Interrupt, Interruption } from "../domain/interrupt.ts";

/** Shared by the pipeline, health, long streams and the server, so that all of them see the stop at the same moment. */
export interface Lifecycle {
  /** Aborts when draining begins: new calls are refused, streams without an end of their own finish. */
  readonly draining: AbortSignal;
  /** Aborts when the time for draining is over: calls still running are ended with SHUTTING_DOWN. */
  readonly stopping: Interrupt;
  /** Begins to drain; again is harmless. */
  drain(): void;
  /** Drains and stops; again is harmless. */
  stop(): void;
}

export function createLifecycle(): Lifecycle {
  const draining = new AbortController();
  const stopping = new Interruption();
  // Every long stream listens; that is no leak.
  setMaxListeners(0, draining.signal);
  return {
    draining: draining.signal,
    stopping,
    drain: () => draining.abort(),
    stop() {
      draining.abort();
      stopping.abort(undefined);
    },
  };
}
