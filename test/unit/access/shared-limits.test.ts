// Rate limits across servers: simulated with a clock that is told, and with messages that take their time.
import { describe, expect, test } from "vitest";
import { Limiter } from "../../../src/access/limits/rate-limits.ts";
import type { ServerCount } from "../../../src/domain/fixed-window.ts";
import { fakeClock } from "../../support/servers/access.ts";

const SECONDS = 60;

/** Pseudo-random numbers from 0 to 1, the same for the same seed. */
function randomOf(seed: number) {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** Servers that tell each other after `latencyMs`, and lose `loss` of what they tell. */
function serversWith({ servers, points, latencyMs = 50, loss = 0, random = randomOf(1) }: Wish) {
  const now = fakeClock();
  const underWay: { at: number; from: number; count: ServerCount }[] = [];
  const takers: Take[] = [];
  const limiters = Array.from({ length: servers }, (_, from) => {
    const tell = (_: string, count: ServerCount) => {
      if (random() >= loss) underWay.push({ at: now() + latencyMs, from, count });
    };
    const listen = (_: string, take: Take) => void takers.push(take);
    return new Limiter({ name: "caller", points, seconds: SECONDS }, now, undefined, { tell, listen });
  });
  const pass = (ms: number) => {
    const until = now() + ms;
    for (let next = underWay[0]; next !== undefined && next.at <= until; next = underWay[0]) {
      now.advance(Math.max(0, next.at - now()));
      underWay.shift();
      for (const [place, take] of takers.entries()) if (place !== next.from) take(String(next.from), next.count);
    }
    now.advance(until - now());
  };
  return { limiters, takers, pass, told: () => underWay.length };
}

type Take = (server: string, count: ServerCount) => void;

interface Wish {
  readonly servers: number;
  readonly points: number;
  readonly latencyMs?: number;
  readonly loss?: number;
  readonly random?: () => number;
}

/**
 * Calls that were allowed in `windows` windows, of twice as many as the limit allows, spread over the servers by
 * `spread`.
 */
function allowedOf(wish: Wish, windows: number, spread: (random: () => number) => number): number {
  const random = wish.random ?? randomOf(7);
  const { limiters, pass } = serversWith({ ...wish, random });
  const calls = 2 * wish.points * windows;
  let allowed = 0;
  for (let call = 0; call < calls; call++) {
    pass((windows * SECONDS * 1000) / calls);
    const server = Math.min(limiters.length - 1, Math.floor(spread(random) * limiters.length));
    if (limiters[server]?.take("key:a").allowed) allowed++;
  }
  return allowed;
}

const SPREADS: readonly [string, (random: () => number) => number][] = [
  ["evenly", (random) => random()],
  ["mostly to the first", (random) => random() ** 3],
];

describe("a caller that calls twice as often as allowed", () => {
  const cases = [2, 4, 10].flatMap((servers) =>
    [100, 1_000, 20_000].flatMap((points) => SPREADS.map(([how, spread]) => ({ servers, points, how, spread }))),
  );
  test.each(cases)("$servers servers hold $points a minute within a tenth, $how", ({ servers, points, spread }) => {
    const windows = 3;
    const allowed = allowedOf({ servers, points }, windows, spread);
    // A window begins with the first call after the last one.
    expect(allowed / (points * windows)).toBeGreaterThan(0.98);
    expect(allowed / (points * windows)).toBeLessThan(1.1);
  });

  test("a fifth of the messages lost changes little: each has the whole count", () => {
    const allowed = allowedOf({ servers: 4, points: 1_000, loss: 0.2 }, 3, (random) => random());
    expect(allowed / 3_000).toBeLessThan(1.1);
  });

  test("without messages each server counts by itself", () => {
    expect(allowedOf({ servers: 2, points: 1_000, loss: 1 }, 1, (random) => random())).toBeGreaterThan(1_900);
  });
});

test("callers far below their limit are not told about", () => {
  const { limiters, told } = serversWith({ servers: 2, points: 120_000 });
  for (let call = 0; call < 1_199; call++) limiters[0]?.take(`key:${call % 2}`);
  expect(told()).toBe(0);
  for (let call = 0; call < 601; call++) limiters[0]?.take("key:0");
  expect(told()).toBe(1);
});

test("windows that began at different times end together, at the earliest end", () => {
  const { limiters, pass } = serversWith({ servers: 2, points: 100, latencyMs: 10 });
  const [one, two] = limiters as [Limiter, Limiter];
  one.take("a");
  pass(30_000);
  two.take("a");
  pass(100);
  expect(two.look("a")).toMatchObject({ remaining: 98, resetMs: 30_000 - 90 });
  for (let call = 0; call < 60; call++) one.take("a");
  pass(100);
  expect(two.look("a")).toMatchObject({ remaining: 100 - 62 });
  pass(30_000);
  expect([one.look("a"), two.look("a")]).toEqual([undefined, undefined]);
  expect(two.take("a")).toMatchObject({ allowed: true, remaining: 99 });
});

test("a count that comes late, or again, or smaller than before, is not counted twice", () => {
  const { limiters, takers } = serversWith({ servers: 1, points: 100 });
  const [limiter] = limiters as [Limiter];
  const count = (n: number, leftMs = 1_000) => takers[0]?.("other", { key: "a", count: n, leftMs });
  count(10);
  count(10);
  count(5);
  expect(limiter.look("a")?.remaining).toBe(90);
  count(50, 0);
  count(50, -1);
  expect(limiter.look("a")?.remaining).toBe(90);
  count(500);
  expect(limiter.take("a")).toMatchObject({ allowed: false, remaining: 0 });
});
