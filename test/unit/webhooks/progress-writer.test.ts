import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Database } from "../../../src/store/database.ts";
import { ProgressWriter, type Written } from "../../../src/webhooks/delivery/progress-writer.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("who waits for a write that comes while another is under way waits for no pause after it", async () => {
  const writes: (() => void)[] = [];
  const query = () => new Promise((resolve) => writes.push(() => resolve([{ endpoint_id: "e" }])));
  const writer = new ProgressWriter({ query } as unknown as Database, () => {});
  const endpoint = { tenantId: "t", progress: () => ({ endpoint_id: "e" }), lost: () => {} } as unknown as Written;
  const saved: string[] = [];
  void writer.save(endpoint).then(() => saved.push("first"));
  await vi.advanceTimersByTimeAsync(1);
  void writer.save(endpoint).then(() => saved.push("second"));
  writes.shift()?.();
  await vi.advanceTimersByTimeAsync(1);
  expect(saved).toEqual(["first"]);
  writes.shift()?.();
  await vi.advanceTimersByTimeAsync(1);
  expect(saved).toEqual(["first", "second"]);
});
