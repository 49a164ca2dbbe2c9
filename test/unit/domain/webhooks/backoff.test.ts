import { describe, expect, test } from "vitest";
import { pauseAfter, retryAfterOf } from "../../../../src/domain/webhooks/backoff.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const DAY_MS = 24 * 3_600_000;

describe("F-HOOK-RETRY-AFTER: Retry-After", () => {
  // RFC 9110, 5.6.7: all three forms of a date. zeroclaw-labs/zeroclaw#7027
  test.each([
    ["120", 120_000],
    [" 120 ", 120_000],
    ["Tue, 01 Jan 2030 00:02:00 GMT", 120_000],
    ["Tuesday, 01-Jan-30 00:02:00 GMT", 120_000],
    ["Tue Jan  1 00:02:00 2030 GMT", 120_000],
  ])("%o is a time from now", (text, ms) => {
    expect(retryAfterOf(text, NOW)).toBe(ms);
  });

  // will-ockmore/httpx-retries#13
  test.each([
    undefined,
    "",
    "0",
    "00",
    "-5",
    "1.5",
    "1e9",
    "soon",
    "Infinity",
    "Mon, 01 Jan 1990 00:00:00 GMT",
    "Nonsense",
  ])("%o says nothing, so pauses grow as they do without it", (text) => {
    expect(retryAfterOf(text, NOW)).toBeUndefined();
  });

  // svix/svix-webhooks#2203
  test.each(["99999999999", "9".repeat(400), "Tue, 01 Jan 2999 00:00:00 GMT"])("%o is no more than a day", (text) => {
    expect(retryAfterOf(text, NOW)).toBe(DAY_MS);
  });

  // Cap-go/capgo.app#2244
  test("is kept exactly, without jitter, and beats the pause of its own", () => {
    for (const random of [0, 0.5, 0.999]) {
      expect(pauseAfter(1, 300_000, undefined, () => random)).toBe(300_000);
      expect(pauseAfter(20, 2_000, undefined, () => random)).toBe(2_000);
    }
  });
});

test("pauses double from 5 seconds up to 15 minutes, a quarter more or less, and never leave these bounds", () => {
  const plain = [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 900_000, 900_000];
  for (const [index, ms] of plain.entries()) {
    for (const random of [0, 0.5, 0.999]) {
      const pause = pauseAfter(index + 1, undefined, undefined, () => random);
      expect(pause).toBeGreaterThanOrEqual(Math.max(ms * 0.75, 5_000));
      expect(pause).toBeLessThanOrEqual(Math.min(ms * 1.25, 900_000));
    }
  }
  expect(pauseAfter(1_000_000, undefined, undefined, () => 0.5)).toBe(900_000);
});
