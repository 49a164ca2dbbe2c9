// Whom an event wakes first.
import { afterEach, expect, test, vi } from "vitest";
import type { FeedTails } from "../../../src/live/followers/feed-tail.ts";
import type { Database } from "../../../src/store/database.ts";
import { DeliveryBudget } from "../../../src/webhooks/delivery/budget.ts";
import { TenantReaders } from "../../../src/webhooks/reading/tenant-readers.ts";

afterEach(() => void vi.useRealTimers());

test("endpoints that took the last request are woken first, and those that may be dead a few at a time", async () => {
  vi.useFakeTimers();
  const joined = Promise.withResolvers<unknown>();
  const feeds = { join: () => joined.promise } as unknown as FeedTails;
  const budget = new DeliveryBudget({ callMs: () => 0 });
  const readers = new TenantReaders(
    {} as Database,
    feeds,
    () => "",
    budget,
    (error) => expect.fail(String(error)),
  );
  const reader = readers.join("t");
  const woken: string[] = [];
  const workers = Array.from({ length: 100 }, (_, n) => {
    const proven = n % 10 === 9;
    return { proven, wake: () => void woken.push(proven ? "proven" : "doubtful") };
  });
  for (const worker of workers) reader.wakes(worker);
  joined.resolve({ position: 0n, grown: () => new Promise(() => {}), leave: () => {} });
  await vi.advanceTimersByTimeAsync(0);
  expect(woken.slice(0, 10)).toEqual(Array(10).fill("proven"));
  expect(woken.length).toBeLessThan(60);
  await vi.advanceTimersByTimeAsync(100);
  expect(woken.length).toBe(100);
  for (const worker of workers) reader.leave(worker);
  budget.close();
});
