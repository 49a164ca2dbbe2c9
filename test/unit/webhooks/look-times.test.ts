// How often a server asks the database for webhook endpoints.
import pino from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Database, Statement } from "../../../src/store/database.ts";
import { createWebhooks, WEBHOOK_TIMES, type WebhooksOptions } from "../../../src/webhooks/engine.ts";
import { nextLookMs } from "../../../src/webhooks/look-times.ts";

const { leaseMs, lookEveryMs } = WEBHOOK_TIMES;

describe("the wait for the next look", () => {
  test("is the shortest while there is something to deliver", () => {
    expect(nextLookMs(1_000, 0)).toBe(1_000);
  });

  test("doubles up to three times while there is nothing, each up to a quarter shorter", () => {
    expect([1, 2, 3, 100].map((idle) => nextLookMs(1_000, idle, () => 0))).toEqual([2_000, 3_000, 3_000, 3_000]);
    expect([1, 2, 3, 100].map((idle) => nextLookMs(1_000, idle, () => 1))).toEqual([1_500, 2_250, 2_250, 2_250]);
  });

  test("and a lease are less than the 10 seconds in which another server takes over", () => {
    expect(leaseMs + nextLookMs(lookEveryMs, 100, () => 0)).toBe(9_000);
  });
});

describe("a server without endpoints", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  /** How many times the database is asked for endpoints. */
  function started() {
    let asked = 0;
    const query = async ({ name }: Statement) => {
      if (name === "webhook_tenants") asked++;
      return [];
    };
    const options: Partial<WebhooksOptions> = {
      database: { query } as unknown as Database,
      log: pino({ level: "silent" }),
      metrics: { backlogs() {}, budget() {} } as unknown as WebhooksOptions["metrics"],
      allowPrivate: false,
      version: "test",
    };
    const webhooks = createWebhooks(options as WebhooksOptions);
    webhooks.start();
    return { webhooks, asked: () => asked };
  }

  test("asks for them each 2.25 to 3 seconds, and at once when one is made", async () => {
    const { webhooks, asked } = started();
    await vi.advanceTimersByTimeAsync(10_000);
    const before = asked();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked() - before).toBeGreaterThanOrEqual(19);
    expect(asked() - before).toBeLessThanOrEqual(27);
    const now = asked();
    await webhooks.look();
    expect(asked()).toBe(now + 1);
    await webhooks.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked()).toBe(now + 1);
  });
});
