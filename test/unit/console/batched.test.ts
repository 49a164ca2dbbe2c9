// Names of a page's rows: read together, and each on its own where something fails.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { batched } from "../../../console/src/api/batched.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("what is asked for in one moment is a call, each key once, and never more than it takes", async () => {
  const calls: (readonly string[])[] = [];
  const load = batched(async (keys) => {
    calls.push(keys);
    return new Map(keys.filter((key) => key !== "nobody").map((key) => [key, key.toUpperCase()]));
  }, 3);
  const first = Promise.all(["ada", "bob", "ada", "nobody", "eve"].map(load));
  await vi.runAllTimersAsync();
  expect(await first).toEqual(["ADA", "BOB", "ADA", null, "EVE"]);
  expect(calls).toEqual([["ada", "bob", "nobody"], ["eve"]]);
  const second = load("ada");
  await vi.runAllTimersAsync();
  expect([await second, calls.length]).toEqual(["ADA", 3]);
});

test("a call that fails fails for those that it was for, and not for later ones", async () => {
  let isDown = true;
  const load = batched(async (keys) => {
    if (isDown) throw new Error("down");
    return new Map(keys.map((key) => [key, key]));
  }, 10);
  const failed = Promise.allSettled([load("ada"), load("bob")]);
  await vi.runAllTimersAsync();
  expect((await failed).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  isDown = false;
  const found = load("ada");
  await vi.runAllTimersAsync();
  expect(await found).toBe("ada");
});
