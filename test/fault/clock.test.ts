// A machine's clock may be set while calls run: nobody waits longer for it, and nobody is cut short.
import { afterEach, expect, test, vi } from "vitest";
import { createCallSignal } from "../../src/pipeline/deadline.ts";

afterEach(() => {
  vi.useRealTimers();
});

const HOUR_MS = 3_600_000;

test("a deadline is kept though the clock is set back", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const { signal } = createCallSignal(Date.now() + 60, new AbortController().signal);
  vi.setSystemTime(Date.now() - HOUR_MS);
  const begun = performance.now();
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  expect(performance.now() - begun).toBeLessThan(2_000);
});

test("a deadline does not come early because the clock is set forward", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const { signal } = createCallSignal(Date.now() + 60, new AbortController().signal);
  const begun = performance.now();
  vi.setSystemTime(Date.now() + HOUR_MS);
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  expect(performance.now() - begun).toBeGreaterThan(50);
});
