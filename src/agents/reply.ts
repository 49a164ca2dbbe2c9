// Asks an agent under the rules that hold for every kind: time limits, one second try, a circuit.
import type { Circuit } from "../domain/circuit.ts";
import { AgentFailure, type Connector, type ReplyRequest } from "./connector.ts";

export interface ReplyLimits {
  /** How long the agent may be silent, in milliseconds. */
  readonly idleMs: number;
  /** How long the reply may take in all, in milliseconds. */
  readonly totalMs: number;
}

/**
 * The reply, piece by piece. A failure before the first piece that may pass is met with one more try; after the first
 * piece there is none, or the text would begin twice. Throws {@link AgentFailure}, or the signal's reason.
 */
export async function* reply(
  connector: Connector,
  request: ReplyRequest,
  { idleMs, totalMs }: ReplyLimits,
  circuit: Circuit,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (circuit.enter() !== undefined) {
    throw new AgentFailure("the agent has failed several times in a row and is left alone for a moment");
  }
  const ends = performance.now() + totalMs;
  let outcome: "succeeded" | "failed" | "abandoned" = "abandoned";
  try {
    for (let attempt = 0; ; attempt++) {
      let began = false;
      try {
        for await (const piece of limited(connector, request, idleMs, ends, signal)) {
          began = true;
          yield piece;
        }
        outcome = "succeeded";
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof AgentFailure && error.retryable && !began && attempt === 0) continue;
        if (!(error instanceof AgentFailure) || error.countsAsFailure) outcome = "failed";
        throw error;
      }
    }
  } finally {
    circuit[outcome]();
  }
}

/** One attempt. Whatever ends it, the agent is told, and an agent that does not listen is not waited for. */
async function* limited(
  connector: Connector,
  request: ReplyRequest,
  idleMs: number,
  ends: number,
  outer: AbortSignal,
): AsyncGenerator<string> {
  const controller = new AbortController();
  const pieces = connector(request, AbortSignal.any([outer, controller.signal]))[Symbol.asyncIterator]();
  let done = false;
  try {
    for (;;) {
      const left = ends - performance.now();
      const next = await within(pieces.next(), Math.min(idleMs, left), outer);
      if (next === undefined) {
        throw new AgentFailure(left <= idleMs ? "the agent took too long" : "the agent fell silent");
      }
      done = next.done === true;
      if (next.done) return;
      if (next.value !== "") yield next.value;
    }
  } finally {
    if (!done) {
      controller.abort();
      pieces.return?.()?.catch(() => {});
    }
  }
}

/** What the promise gives; undefined after so many milliseconds. Rejects with the signal's reason. */
function within<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    const timer = setTimeout(resolve, Math.max(ms, 0), undefined);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    });
  });
}
