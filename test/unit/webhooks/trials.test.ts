import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Trials } from "../../../src/webhooks/delivery/trials.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const never = new AbortController().signal;

test("a few go at once, and again whenever nobody has gone for a moment", async () => {
  const trials = new Trials();
  for (let round = 0; round < 3; round++) {
    expect(Array.from({ length: 4 }, () => trials.turn(never))).toEqual(Array(4).fill(undefined));
    expect(trials.turn(never)).toBeInstanceOf(Promise);
    await vi.advanceTimersByTimeAsync(200);
  }
});

test("of nine hundred that come together all go, a hundred a second, in the order in which they came", async () => {
  const trials = new Trials();
  const gone: number[] = [];
  for (let one = 0; one < 900; one++) {
    const turn = trials.turn(never);
    if (turn === undefined) gone.push(one);
    else void turn.then(() => gone.push(one));
  }
  expect(gone.length).toBe(4);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(gone.length).toBe(104);
  await vi.advanceTimersByTimeAsync(8_000);
  expect(gone).toEqual(Array.from({ length: 900 }, (_, one) => one));
});

test("who is told to stop does not wait, nor holds up others", async () => {
  const trials = new Trials();
  const ending = new AbortController();
  const turns = Array.from({ length: 100 }, () => trials.turn(ending.signal));
  const behind = trials.turn(never);
  ending.abort();
  await Promise.all(turns);
  await vi.advanceTimersByTimeAsync(40);
  await behind;
  expect(trials.turn(ending.signal)).toBeUndefined();
});
