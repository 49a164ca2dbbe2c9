// The steps in which a server stops: leaving (it reports that it is not ready), draining (no new calls), stopping (the
// remaining calls are aborted).
import { setMaxListeners } from "node:events";
import { type Interrupt, Interruption } from "../domain/cancellation.ts";

/** Shared by the pipeline, health, long streams and the server, so that all of them see the stop at the same moment. */
export interface Lifecycle {
  /** Whether health and readiness say no: from `leave` on, while all calls still go on. */
  readonly isLeaving: boolean;
  /** Aborts when draining begins: new calls are refused, streams without an end of their own finish. */
  readonly draining: AbortSignal;
  /** Aborts when the time for draining is over: calls still running are ended with SHUTTING_DOWN. */
  readonly stopping: Interrupt;
  /** Makes health and readiness say no; again is harmless. */
  leave(): void;
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
  let isLeaving = false;
  return {
    get isLeaving() {
      return isLeaving || draining.signal.aborted;
    },
    draining: draining.signal,
    stopping,
    leave() {
      isLeaving = true;
    },
    drain: () => draining.abort(),
    stop() {
      draining.abort();
      stopping.abort(undefined);
    },
  };
}
