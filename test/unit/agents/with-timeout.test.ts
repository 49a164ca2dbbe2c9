// Waiting for a bounded time: nothing of it stays when the wait is over, however it ended.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { withTimeout } from "../../../src/agents/with-timeout.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new Promise<never>(() => {});

test("an aborted wait for what never settles leaves no timer that would keep the process", async () => {
  const controller = new AbortController();
  const waiting = withTimeout(never, 60_000, controller.signal);
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect(withTimeout(never, 60_000, controller.signal)).rejects.toThrow("enough");
  expect(vi.getTimerCount()).toBe(0);
});

test("gives what the promise gives, or undefined when the time is over", async () => {
  const { signal } = new AbortController();
  expect(await withTimeout(Promise.resolve(1), 60_000, signal)).toBe(1);
  await expect(withTimeout(Promise.reject(new Error("no")), 60_000, signal)).rejects.toThrow("no");
  const late = withTimeout(never, 60_000, signal);
  vi.advanceTimersByTime(60_000);
  expect(await late).toBeUndefined();
  expect(vi.getTimerCount()).toBe(0);
});
