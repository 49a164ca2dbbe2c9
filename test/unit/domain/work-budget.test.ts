import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LEAST_SHARE, RESERVE_MS, WorkBudget } from "../../../src/domain/work-budget.ts";

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
  const budget = new WorkBudget({
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

test("a machine that hesitates for a moment holds nothing back that follows", async () => {
  const { load, budget, never } = setUp();
  // A hundred calls wait for a fifth of a second.
  for (let window = 0; window < 10; window++) {
    await vi.advanceTimersByTimeAsync(100);
    budget.turn(0, never);
  }
  load.atOnce = 100;
  load.busy = 1;
  await vi.advanceTimersByTimeAsync(200);
  for (let one = 0; one < 100; one++) {
    expect(budget.turn(0.4, never)).toBeUndefined();
    load.atOnce = 0.5;
    load.busy = 0.2;
    await vi.advanceTimersByTimeAsync(10);
  }
});

test("a crowd that begins finds a reserve, and one that ends leaves all of the time soon", async () => {
  const { load, budget, never } = setUp();
  expect(budget.turn(0, never)).toBeUndefined();
  load.atOnce = 8;
  load.busy = 0.95;
  for (let window = 0; window < 10; window++) {
    await vi.advanceTimersByTimeAsync(50);
    budget.turn(0, never);
  }
  let had = 0;
  while (had < 1_000 && budget.turn(1, never) === undefined) had++;
  expect(had).toBeGreaterThanOrEqual(RESERVE_MS);
  expect(had).toBeLessThanOrEqual(RESERVE_MS + 2);
  load.atOnce = 0;
  load.busy = 0;
  // Once there was room for three windows, the share grows fourfold in each.
  for (let window = 0; window < 8; window++) {
    await vi.advanceTimersByTimeAsync(50);
    budget.turn(0, never);
  }
  expect(budget.share).toBe(1);
});

test("a database that hesitates again and again while few calls come is no crowd", async () => {
  const { load, budget, never } = setUp();
  /** A hundred events a second, each with the look that finds it. How many had to wait. */
  async function events(ms: number, atOnce: number, busy: number): Promise<number> {
    Object.assign(load, { atOnce, busy });
    let waited = 0;
    for (let passed = 0; passed < ms; passed += 10) {
      if (budget.turn(2, never) !== undefined) waited++;
      if (budget.turn(0.4, never) !== undefined) waited++;
      await vi.advanceTimersByTimeAsync(10);
    }
    return waited;
  }
  let waited = await events(2_000, 0.5, 0.2);
  for (let round = 0; round < 10; round++) {
    // Nothing ends for 300 ms, and then thirty calls that waited half of that.
    Object.assign(load, { atOnce: 0, busy: 0.02 });
    await vi.advanceTimersByTimeAsync(300);
    waited += await events(50, 90, 0.9);
    waited += await events(600, 0.5, 0.2);
  }
  expect(waited).toBe(0);
});

test("those that came first go first", async () => {
  const { load, budget, never, turnsIn } = setUp();
  load.atOnce = 8;
  load.busy = 0.95;
  await turnsIn(2_000);
  const order: number[] = [];
  for (let one = 0; one < 20; one++) {
    const turn = budget.turn(1, never);
    if (turn === undefined) order.push(one);
    else void turn.then(() => order.push(one));
  }
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
