// Work that waits for the database.
import { expect, test } from "vitest";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import { patiently, pauseAfter } from "../../../src/store/retry.ts";

const failing = (reason: ErrorReason) => new DomainError(reason, "no");

/** How often work is tried in ten seconds that always fails at once. */
function triesFor(reason: ErrorReason): number {
  let [at, attempt] = [0, 0];
  while (at < 10_000) at += pauseAfter(failing(reason), attempt++) ?? Number.POSITIVE_INFINITY;
  return attempt;
}

test("a full queue is tried often enough to find its moment of room", () => {
  expect(triesFor(ErrorReason.OVERLOADED)).toBeGreaterThan(45);
});

test("a database that is away is asked once a second or two, and not more", () => {
  const tries = triesFor(ErrorReason.DATABASE_UNAVAILABLE);
  expect(tries).toBeGreaterThan(10);
  expect(tries).toBeLessThan(30);
});

test("what does not pass by waiting is tried once", async () => {
  let tries = 0;
  const work = () => {
    tries++;
    return Promise.reject(failing(ErrorReason.NOT_FOUND));
  };
  await expect(patiently(work, 10_000)).rejects.toMatchObject({ reason: ErrorReason.NOT_FOUND });
  expect(tries).toBe(1);
});

test("it stops when the caller does", async () => {
  const caller = new AbortController();
  const outcome = patiently(() => Promise.reject(failing(ErrorReason.OVERLOADED)), 10_000, caller.signal);
  caller.abort(new Error("gone"));
  await expect(outcome).rejects.toThrow("gone");
});
