// Calls an agent with the rules for all connectors: timeouts, one retry, a circuit breaker.
import { setTimeout as sleep } from "node:timers/promises";
import { answers, type ReplyPiece, saysSomething } from "../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../domain/turns/turn.ts";
import type { Circuit } from "../connectors/circuit-breaker.ts";
import { AgentFailure, type AgentHealth, type Connector, type ReplyRequest } from "../connectors/connector.ts";
import { withTimeout } from "../with-timeout.ts";

/** Maximum Retry-After to wait for before the retry, in milliseconds. */
const MAX_PAUSE_MS = 10_000;

export interface ReplyLimits {
  /** Idle timeout in milliseconds. */
  readonly idleMs: number;
  /** Total timeout in milliseconds. */
  readonly totalMs: number;
}

/**
 * Yields the reply in pieces, without heartbeats, and returns the finish reason. A transient failure before the agent
 * has said anything is retried once; afterwards a retry would repeat it. Throws {@link AgentFailure}, or the signal's
 * reason. A refusal of one conversation does not count for the circuit breaker.
 */
export async function* reply(
  connector: Connector,
  request: ReplyRequest,
  { idleMs, totalMs }: ReplyLimits,
  circuit: Circuit,
  signal: AbortSignal,
): AsyncGenerator<ReplyPiece, FinishReason> {
  if (circuit.enter() !== undefined) {
    throw new AgentFailure("the agent failed several times in a row; retry in a moment");
  }
  const ends = performance.now() + totalMs;
  let health: AgentHealth = "unknown";
  let restMs: number | undefined;
  try {
    for (let attempt = 0; ; attempt++) {
      const pieces = limited(connector, request, idleMs, ends, signal);
      let began = false;
      let answered = false;
      try {
        for (;;) {
          const next = await pieces.next();
          if (next.done) {
            health = "up";
            requireReply(next.value, answered);
            return next.value;
          }
          began ||= saysSomething(next.value);
          answered ||= answers(next.value);
          yield next.value;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof AgentFailure)) throw error;
        restMs = error.retryAfterMs;
        const pause = Math.min(MAX_PAUSE_MS, ends - performance.now());
        if (error.retryable && !began && attempt === 0 && (restMs ?? 0) <= pause) {
          if (restMs) await sleep(restMs, undefined, { signal }).catch(() => signal.throwIfAborted());
          continue;
        }
        health = error.health;
        throw error;
      } finally {
        await pieces.return?.(undefined as never);
      }
    }
  } finally {
    if (health === "up") circuit.succeeded();
    else if (health === "down") circuit.failed(restMs);
    else circuit.abandoned();
  }
}

/** Throws for a reply without an answer, unless the agent ended it normally. */
function requireReply(finish: FinishReason, answered: boolean): void {
  const failure = answered && finish !== FinishReason.ERROR ? undefined : CUTS[finish];
  if (failure !== undefined) throw new AgentFailure(failure, { health: "up", finish });
}

const CUTS: { readonly [finish in FinishReason]?: string } = {
  [FinishReason.LENGTH]: "the agent's limit of length cut the reply before its first word",
  [FinishReason.TOOL_CALLS]: "the agent asked for tools, and said nothing",
  [FinishReason.CONTENT_FILTER]: "the agent's content filter withheld the reply",
  [FinishReason.ERROR]: "the agent reported an error",
};

/** One attempt. However it ends, the request is aborted without waiting for the agent. */
async function* limited(
  connector: Connector,
  request: ReplyRequest,
  idleMs: number,
  ends: number,
  outer: AbortSignal,
): AsyncGenerator<ReplyPiece, FinishReason> {
  const controller = new AbortController();
  const pieces = connector(request, AbortSignal.any([outer, controller.signal]))[Symbol.asyncIterator]();
  let done = false;
  let alive = false;
  try {
    for (;;) {
      const left = ends - performance.now();
      const next = await withTimeout(pieces.next(), Math.min(idleMs, left), outer);
      if (next === undefined) {
        const late = left <= idleMs;
        // An agent that has sent something is slow, not down.
        const health = late && alive ? "unknown" : "down";
        throw new AgentFailure(late ? "the agent took too long" : "the agent was silent for too long", { health });
      }
      done = next.done === true;
      if (next.done) return next.value;
      alive = true;
      if (next.value.kind !== "heartbeat") yield next.value;
    }
  } finally {
    if (!done) {
      controller.abort();
      pieces.return(undefined as never).catch(() => {});
    }
  }
}
