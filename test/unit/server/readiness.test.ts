// Readiness: many ask, who need no credential for it, and the database is asked by one of them.
import { expect, test } from "vitest";
import { createReadiness } from "../../../src/server/endpoints/readiness.ts";

test("however many ask at once, the database is asked once", async () => {
  let pings = 0;
  const answered = Promise.withResolvers<void>();
  const ready = createReadiness(() => {
    pings++;
    return answered.promise;
  });
  const asking = Promise.all(Array.from({ length: 1_000 }, ready));
  answered.resolve();
  expect(await asking).toEqual(Array.from({ length: 1_000 }, () => true));
  expect(pings).toBe(1);
});

test("an answer holds for a moment, good or bad, and no longer", async () => {
  let now = 0;
  let pings = 0;
  let away = false;
  const ready = createReadiness(
    async () => {
      pings++;
      if (away) throw new Error("away");
    },
    { freshMs: 500, now: () => now },
  );
  expect(await ready()).toBe(true);
  away = true;
  now = 499;
  expect([await ready(), pings]).toEqual([true, 1]);
  now = 500;
  expect([await ready(), pings]).toEqual([false, 2]);
  away = false;
  now = 999;
  expect([await ready(), pings]).toEqual([false, 2]);
  now = 1_000;
  expect([await ready(), pings]).toEqual([true, 3]);
});

test("an answer that takes long is waited for, and is fresh when it comes", async () => {
  let now = 0;
  let pings = 0;
  let answer = Promise.withResolvers<void>();
  const ready = createReadiness(
    () => {
      pings++;
      return answer.promise;
    },
    { freshMs: 500, now: () => now },
  );
  const first = ready();
  now = 1_900;
  const second = ready();
  answer.resolve();
  expect([await first, await second, pings]).toEqual([true, true, 1]);
  answer = Promise.withResolvers();
  now = 2_300;
  expect([await ready(), pings]).toEqual([true, 1]);
});
