import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DeliveryBudget, LEAST_SHARE } from "../../../src/webhooks/delivery/budget.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A process in which so many calls run at once, and the event loop works for a share of the time. */
function setUp() {
  const load = { atOnce: 0, busy: 0 };
  let callMs = 0;
  let at = performance.now();
  const budget = new DeliveryBudget({
    callMs() {
      const now = performance.now();
      callMs += (now - at) * load.atOnce;
      at = now;
      return callMs;
    },
    utilization: () => load.busy,
    now: () => performance.now(),
  });
  const never = new AbortController().signal;
  /** Asks for turns of a millisecond all the time. How many were had in so many milliseconds. */
  async function turnsIn(ms: number): Promise<number> {
    let count = 0;
    let waiting = 0;
    const ending = new AbortController();
    for (const end = performance.now() + ms; performance.now() < end; ) {
      for (let one = 0; one < 10 && waiting < 100; one++) {
        const turn = budget.turn(1, ending.signal);
        if (turn === undefined) count++;
        else {
          waiting++;
          void turn.then(() => {
            waiting--;
            if (!ending.signal.aborted) count++;
          });
        }
      }
      await vi.advanceTimersByTimeAsync(10);
    }
    ending.abort();
    await vi.advanceTimersByTimeAsync(0);
    return count;
  }
  return { load, budget, never, turnsIn };
}

test("while few calls run, nothing waits", async () => {
  const { load, budget, never, turnsIn } = setUp();
  load.atOnce = 1;
  load.busy = 1;
  expect(await turnsIn(2_000)).toBe(2_000);
  expect(budget.turn(1, never)).toBeUndefined();
});

test("calls that only wait for something else hold nothing back", async () => {
  const { load, budget, never, turnsIn } = setUp();
  load.atOnce = 4;
  load.busy = 0.1;
  await turnsIn(2_000);
  expect(budget.turn(1, never)).toBeUndefined();
});

test("while calls need the process, deliveries get the least share and no more", async () => {
  const { load, budget, turnsIn } = setUp();
  load.atOnce = 8;
  load.busy = 0.95;
  await turnsIn(2_000);
  expect(budget.share).toBe(LEAST_SHARE);
  const turns = await turnsIn(6_000);
  expect(turns).toBeGreaterThanOrEqual(6_000 * LEAST_SHARE * 0.9);
  expect(turns).toBeLessThanOrEqual(6_000 * LEAST_SHARE * 1.5);
});

test("many calls that wait for the database hold deliveries back too", async () => {
  const { load, budget, turnsIn } = setUp();
  load.atOnce = 8;
  load.busy = 0.1;
  await turnsIn(3_000);
  expect(budget.share).toBe(LEAST_SHARE);
});

test("once calls leave room, everything goes on by itself", async () => {
  const { load, budget, never, turnsIn } = setUp();
  load.atOnce = 8;
  load.busy = 0.95;
  await turnsIn(2_000);
  const waiting = Promise.all(Array.from({ length: 1_000 }, () => budget.turn(1, never)));
  load.atOnce = 0;
  load.busy = 0;
  await vi.advanceTimersByTimeAsync(10_000);
  await waiting;
  expect(budget.share).toBe(1);
  expect(budget.turn(1, never)).toBeUndefined();
});

test("those that came first go first", async () => {
  const { load, budget, never, turnsIn } = setUp();
  load.atOnce = 8;
  load.busy = 0.95;
  await turnsIn(2_000);
  const order: number[] = [];
  for (let one = 0; one < 20; one++) void budget.turn(1, never)?.then(() => order.push(one));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(order).toEqual(Array.from({ length: 20 }, (_, one) => one));
});

test("who is told to stop does not wait, and nobody waits for a budget that is closed", async () => {
  const { load, budget, never, turnsIn } = setUp();
  load.atOnce = 8;
  load.busy = 0.95;
  await turnsIn(2_000);
  const ending = new AbortController();
  const stopped = budget.turn(1_000, ending.signal);
  ending.abort();
  await stopped;
  expect(budget.turn(1, ending.signal)).toBeUndefined();
  const waiting = budget.turn(1_000, never);
  budget.close();
  await waiting;
  expect(budget.turn(1, never)).toBeUndefined();
});
