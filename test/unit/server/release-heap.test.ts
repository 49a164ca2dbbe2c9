// Memory that is given back once, when nothing is going on.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { releaseHeapWhenIdle } from "../../../src/server/release-heap.ts";

let share: number;
const busy = () => share;
const collect = vi.fn();
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  collect.mockClear();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a quiet process collects once", () => {
  share = 0.01;
  releaseHeapWhenIdle(collect, busy);
  vi.advanceTimersByTime(499);
  expect(collect).not.toHaveBeenCalled();
  vi.advanceTimersByTime(10_000);
  expect(collect).toHaveBeenCalledTimes(1);
});

test("a busy one waits for a quiet half second, a minute at most", () => {
  share = 0.5;
  releaseHeapWhenIdle(collect, busy);
  vi.advanceTimersByTime(30_000);
  expect(collect).not.toHaveBeenCalled();
  share = 0.05;
  vi.advanceTimersByTime(500);
  expect(collect).toHaveBeenCalledTimes(1);

  share = 0.5;
  releaseHeapWhenIdle(collect, busy);
  vi.advanceTimersByTime(61_000);
  share = 0;
  vi.advanceTimersByTime(61_000);
  expect(collect).toHaveBeenCalledTimes(1);
});
