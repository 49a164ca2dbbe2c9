// A machine's clock may be set while calls run: nobody waits longer for it, and nobody is cut short.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createCallSignal } from "../../src/pipeline/call/deadline.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const HOUR_MS = 3_600_000;

test.each([
  ["back", -HOUR_MS],
  ["forward", HOUR_MS],
])("a deadline is kept, neither sooner nor later, though the clock is set %s", (_, ms) => {
  const { signal } = createCallSignal(Date.now() + 60, new AbortController().signal);
  const begun = performance.now();
  vi.setSystemTime(Date.now() + ms);
  // Set, but not run on: else this would prove nothing.
  expect(performance.now()).toBe(begun);
  vi.advanceTimersByTime(59);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(signal.aborted).toBe(true);
});
