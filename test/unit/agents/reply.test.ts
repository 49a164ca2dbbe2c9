// The time limits of a reply.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Circuit } from "../../../src/agents/connectors/circuit-breaker.ts";
import { AgentFailure } from "../../../src/agents/connectors/connector.ts";
import { reply } from "../../../src/agents/turns/reply.ts";

const REQUEST = { conversationId: "c", turnId: "t", messages: [], metadata: {} } as never;

async function* silent(_: unknown, signal: AbortSignal): AsyncGenerator<never, never> {
  return await new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

async function failureOf(limits: { idleMs: number; totalMs: number }, meanwhile: () => void): Promise<unknown> {
  const pieces = reply(silent, REQUEST, limits, new Circuit(), new AbortController().signal);
  const failure = pieces.next().catch((error: unknown) => error);
  meanwhile();
  await vi.advanceTimersByTimeAsync(Math.min(limits.idleMs, limits.totalMs));
  return failure;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("an agent that says nothing", () => {
  test("takes too long where the whole reply's time ends first", async () => {
    expect(await failureOf({ idleMs: 30_000, totalMs: 2_000 }, () => {})).toEqual(
      new AgentFailure("the agent took too long"),
    );
  });

  test("falls silent where the time between two pieces ends first", async () => {
    expect(await failureOf({ idleMs: 1_000, totalMs: 2_000 }, () => {})).toEqual(
      new AgentFailure("the agent was silent for too long"),
    );
  });

  test("is given its time even if the clock is set back or ahead meanwhile", async () => {
    for (const now of [0, Date.now() + 86_400_000]) {
      const failure = await failureOf({ idleMs: 30_000, totalMs: 2_000 }, () => vi.setSystemTime(now));
      expect(failure).toEqual(new AgentFailure("the agent took too long"));
    }
  });
});
