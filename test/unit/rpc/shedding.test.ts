// What is refused while there is too much to do, and when that is over.
import { describe, expect, test } from "vitest";
import { ErrorReason } from "../../../src/domain/errors.ts";
import { createShedding, MAX_LOOP_DELAY_MS, MAX_QUEUE_MS, nextShare } from "../../../src/rpc/shedding.ts";
import { silent } from "../../support/postgres.ts";

function sheddingOf(queue: { full: boolean; waitedMs: number }, random = () => 0.5) {
  return createShedding({ queue, loopDelayMs: () => 0, logger: silent, random });
}

describe("a call", () => {
  test("comes in while there is room and the queue moves", () => {
    const shedding = sheddingOf({ full: false, waitedMs: MAX_QUEUE_MS });
    expect(shedding.shed()).toBeUndefined();
    expect(shedding.refused).toEqual({ queue_full: 0, queue_time: 0, event_loop: 0 });
  });

  test("is refused with OVERLOADED and a time to come again while the queue is full", () => {
    const shedding = sheddingOf({ full: true, waitedMs: 1 });
    expect(shedding.shed()).toMatchObject({ reason: ErrorReason.OVERLOADED, details: { retryAfterMs: 1_000 } });
    expect(shedding.refused).toEqual({ queue_full: 1, queue_time: 0, event_loop: 0 });
  });

  test("is refused while the first in the queue has waited for too long", () => {
    const shedding = sheddingOf({ full: false, waitedMs: MAX_QUEUE_MS + 1 });
    expect(shedding.shed()?.reason).toBe(ErrorReason.OVERLOADED);
    expect(shedding.refused.queue_time).toBe(1);
  });

  test("comes in again as soon as the queue moves", () => {
    const queue = { full: true, waitedMs: 1_000 };
    const shedding = sheddingOf(queue);
    expect(shedding.shed()).toBeDefined();
    Object.assign(queue, { full: false, waitedMs: 10 });
    expect(shedding.shed()).toBeUndefined();
  });
});

describe("a late event loop", () => {
  test("has more refused step by step, and never all, so that it is seen when it is over", () => {
    const shares = [0, 1, 2, 3, 4, 5].reduce<number[]>(
      (sum) => [...sum, nextShare(sum.at(-1) ?? 0, MAX_LOOP_DELAY_MS + 1)],
      [],
    );
    expect(shares).toEqual([0.25, 0.5, 0.75, 0.95, 0.95, 0.95]);
  });

  test("has nothing refused any more within five windows after it was late", () => {
    const shares = [1, 2, 3, 4, 5].reduce<number[]>((sum) => [...sum, nextShare(sum.at(-1) ?? 0.95, 0)], []);
    expect(shares.at(-2)).toBeGreaterThan(0);
    expect(shares.at(-1)).toBe(0);
  });

  test("leaves alone what a server does that is merely busy", () => {
    expect(nextShare(0, MAX_LOOP_DELAY_MS)).toBe(0);
  });
});
