import { describe, expect, test, vi } from "vitest";
import { BoundedCache, LoadingCache } from "../../../src/access/bounded-cache.ts";
import { fakeClock } from "../../support/servers/access.ts";

describe("a bounded cache", () => {
  test("forgets the least recently used first", () => {
    const cache = new BoundedCache<number>(2);
    cache.set("a", 1, Number.POSITIVE_INFINITY);
    cache.set("b", 2, Number.POSITIVE_INFINITY);
    cache.get("a");
    cache.set("c", 3, Number.POSITIVE_INFINITY);
    expect([cache.get("a"), cache.get("b"), cache.get("c"), cache.size]).toEqual([1, undefined, 3, 2]);
  });

  test("forgets what is past its time", () => {
    const now = fakeClock();
    const cache = new BoundedCache<number>(2, now);
    cache.set("a", 1, now() + 10);
    now.advance(9);
    expect(cache.get("a")).toBe(1);
    now.advance(1);
    expect([cache.get("a"), cache.size]).toEqual([undefined, 0]);
  });
});

describe("a loading cache", () => {
  function setup(max = 10) {
    const now = fakeClock();
    const cache = new LoadingCache<string>({ max, ttlMs: 30_000, now });
    const state = { loads: 0, answer: "one" as string | undefined };
    const load = async () => {
      state.loads++;
      return state.answer;
    };
    return { now, cache, state, load };
  }

  test("asks once until the time is over", async () => {
    const { now, cache, state, load } = setup();
    expect([await cache.get("k", load), await cache.get("k", load), state.loads]).toEqual(["one", "one", 1]);
    now.advance(30_000);
    state.answer = "two";
    expect([await cache.get("k", load), state.loads]).toEqual(["two", 2]);
  });

  test("counts its time from the question, however late the answer comes", async () => {
    const { now, cache, state, load } = setup();
    await cache.get("k", async () => {
      now.advance(29_000);
      return "late";
    });
    now.advance(1_000);
    await cache.get("k", load);
    expect(state.loads).toBe(1);
  });

  test("remembers that there is none", async () => {
    const { cache, state, load } = setup();
    state.answer = undefined;
    expect(await cache.get("k", load)).toBeUndefined();
    expect(await cache.get("k", load)).toBeUndefined();
    expect([state.loads, cache.peek("k")]).toEqual([1, null]);
  });

  test("keeps what exists through a flood of what does not", async () => {
    const { cache, state, load } = setup(3);
    await cache.get("k", load);
    for (let i = 0; i < 100; i++) await cache.get(`none-${i}`, async () => undefined);
    await cache.get("k", load);
    expect(state.loads).toBe(1);
  });

  test("lets those who ask at the same time share one load", async () => {
    const { cache, state, load } = setup();
    expect(await Promise.all([cache.get("k", load), cache.get("k", load), cache.get("k", load)])).toEqual([
      "one",
      "one",
      "one",
    ]);
    expect(state.loads).toBe(1);
  });

  test("does not remember a failure", async () => {
    const { cache, state, load } = setup();
    const failed = cache.get("k", async () => {
      throw new Error("down");
    });
    await expect(failed).rejects.toThrow("down");
    expect([await cache.get("k", load), state.loads]).toEqual(["one", 1]);
  });

  test("does not keep what was read before a change that it was told of", async () => {
    const { cache, state, load } = setup();
    const before = Promise.withResolvers<string>();
    const reading = cache.get("k", () => before.promise);
    cache.forget("k");
    state.answer = "after";
    expect(await cache.get("k", load)).toBe("after");
    before.resolve("before");
    expect(await reading).toBe("before");
    expect([await cache.get("k", load), state.loads]).toEqual(["after", 1]);
  });
});

test("what is remembered grows old even if the machine's clock is set back meanwhile", async () => {
  vi.useFakeTimers();
  try {
    const cache = new LoadingCache<string>({ max: 1, ttlMs: 30_000 });
    await cache.get("key", async () => "good");
    vi.setSystemTime(Date.now() - 3_600_000);
    await vi.advanceTimersByTimeAsync(30_001);
    expect(await cache.get("key", async () => "revoked")).toBe("revoked");
  } finally {
    vi.useRealTimers();
  }
});
