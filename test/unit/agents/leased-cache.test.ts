// What is kept within a number of bytes, and let go of when nobody uses it.
import { describe, expect, test } from "vitest";
import { LeasedCache } from "../../../src/agents/tools/mcp/leased-cache.ts";

function cacheOf(maxBytes: number) {
  const released: string[] = [];
  const clock = { now: 0 };
  const cache = new LeasedCache<string>(
    maxBytes,
    async (value) => {
      released.push(value);
    },
    () => clock.now,
  );
  let made = 0;
  const lease = (key: string, bytes = 1, keepMs = 10) =>
    cache.lease(key, async () => ({ value: `${key}${++made}`, bytes, keepMs }));
  return { cache, released, clock, lease };
}

describe("a leased cache", () => {
  test("makes a value once for all who ask, and again once its time is over", async () => {
    const { lease, released, clock } = cacheOf(10);
    const leases = await Promise.all([lease("a"), lease("a")]);
    expect(leases.map(({ value }) => value)).toEqual(["a1", "a1"]);
    clock.now = 10;
    const third = await lease("a");
    expect(third.value).toBe("a2");
    expect(released).toEqual([]);
    for (const { done } of leases) {
      done();
      done();
    }
    expect(released).toEqual(["a1"]);
  });

  test("lets go of the least recently used beyond its bytes, but of nothing that is used", async () => {
    const { lease, released, cache } = cacheOf(10);
    const a = await lease("a", 4);
    (await lease("b", 4)).done();
    (await lease("a", 4)).done();
    (await lease("c", 4)).done();
    expect([released, cache.bytes]).toEqual([["b2"], 8]);
    (await lease("d", 4)).done();
    // It is out of the cache, and goes on for who has it.
    expect([released, cache.bytes]).toEqual([["b2"], 8]);
    a.done();
    expect(released).toEqual(["b2", "a1"]);
    (await lease("e", 100)).done();
    expect(cache.bytes).toBe(100);
    await cache.close();
    expect([released.at(-1), cache.bytes]).toEqual(["e5", 0]);
  });

  test("is closed when all that nobody uses has ended, also badly", async () => {
    const [gate, ended] = [Promise.withResolvers<void>(), [] as string[]];
    const cache = new LeasedCache<string>(10, async (value) => {
      await gate.promise;
      ended.push(value);
      throw new Error("away");
    });
    (await cache.lease("a", async () => ({ value: "a", bytes: 1, keepMs: 1 }))).done();
    const closed = cache.close();
    setImmediate(gate.resolve);
    await closed;
    expect(ended).toEqual(["a"]);
  });

  test("forgets what could not be made, and what is dropped", async () => {
    const { cache, lease, released } = cacheOf(10);
    await expect(cache.lease("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const first = await lease("a");
    first.drop();
    expect(released).toEqual([]);
    first.done();
    expect(released).toEqual(["a1"]);
    expect((await lease("a")).value).toBe("a2");
    expect(cache.bytes).toBe(1);
  });
});
