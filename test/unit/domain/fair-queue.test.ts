// Whose turn it is in a queue that is fair to tenants and callers.
import fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue, type Waiter } from "../../../src/domain/identity/fair-queue.ts";

const waiter = (name: string, urgent = false): Waiter<string> => {
  const [tenant = "", caller = ""] = name.split("/");
  return { tenant, caller, item: name, urgent };
};

function queueOf(...names: readonly string[]) {
  const queue = new FairQueue<string>();
  for (const name of names) queue.add(waiter(name));
  return queue;
}

function served(queue: FairQueue<string>): string[] {
  const order: string[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) order.push(next.item);
  return order;
}

test("tenants take turns, then their callers, and those of one caller keep their order", () => {
  const queue = queueOf("flood/x/1", "flood/x/2", "flood/y/1", "flood/x/3", "b/x/1", "c/x/1", "b/x/2");
  const order = ["flood/x/1", "b/x/1", "c/x/1", "flood/y/1", "b/x/2", "flood/x/2", "flood/x/3"];
  expect(served(queue)).toEqual(order);
  expect(queue.size).toBe(0);
});

test("a tenant that comes while a flood waits is served next but one", () => {
  const queue = queueOf(...Array.from({ length: 100 }, (_, n) => `flood/x/${n}`));
  expect(queue.next()?.item).toBe("flood/x/0");
  queue.add(waiter("b/x/1"));
  expect([queue.next()?.item, queue.next()?.item]).toEqual(["flood/x/1", "b/x/1"]);
});

test("what is urgent comes first, in its own order", () => {
  const queue = queueOf("a/x/1");
  queue.add(waiter("b/x/1", true));
  queue.add(waiter("a/x/2", true));
  expect(served(queue)).toEqual(["b/x/1", "a/x/2", "a/x/1"]);
});

test("a place is given up by the last of the longest caller of the longest tenant, or by nobody who has less", () => {
  const queue = queueOf("a/x/1", "a/x/2", "a/y/1", "a/x/3", "b/x/1", "b/x/2", "b/x/3");
  const gives = (name: string) => queue.displacedBy(waiter(name))?.item;
  expect([gives("c/x/1"), gives("b/x/4"), gives("a/x/4"), gives("a/y/2")]).toEqual([
    "a/x/3",
    undefined,
    undefined,
    "a/x/3",
  ]);
  expect(["c/x", "b/x", "a/x"].map((name) => queue.isLongest(waiter(name)))).toEqual([false, true, true]);
  expect(queueOf("a/x/1", "b/x/1").displacedBy(waiter("c/x/1")), "all have as much").toBeUndefined();
});

test("what gives way is found without going through all that wait", () => {
  const queue = queueOf(...Array.from({ length: 1_000 }, (_, n) => `flood/x/${n}`));
  const iterator: Iterator<unknown> = Object.getPrototypeOf(new Set().values());
  const { next } = iterator;
  let steps = 0;
  iterator.next = function (...args) {
    steps++;
    return next.apply(this, args);
  };
  try {
    for (let n = 999; n > 100; n--) {
      const last = queue.displacedBy(waiter("b/x")) ?? expect.fail();
      expect([last.item, queue.delete(last)]).toEqual([`flood/x/${n}`, true]);
    }
  } finally {
    iterator.next = next;
  }
  expect(steps).toBeLessThan(2 * 1_000);
});

test("whoever comes and leaves, it has all that wait and serves nobody twice before another tenant once", () => {
  const step = fc.tuple(fc.constantFrom("add", "add", "leave", "next"), fc.nat(3), fc.nat(2));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new FairQueue<string>();
      const waiting = new Set<Waiter<string>>();
      /** How often others were served while a tenant waited. */
      const passed = new Map<string, number>();
      for (const [[kind, tenant, caller], n] of steps.map((one, index) => [one, index] as const)) {
        const known = [...waiting];
        if (kind === "add") {
          const one = waiter(`${tenant}/${caller}/${n}`);
          queue.add(one);
          waiting.add(one);
        } else if (kind === "leave" && known.length > 0) {
          const one = known[n % known.length] as Waiter<string>;
          expect([queue.delete(one), queue.delete(one)]).toEqual([true, false]);
          waiting.delete(one);
        } else if (kind === "next") {
          const next = queue.next();
          expect(next === undefined).toBe(waiting.size === 0);
          if (next === undefined) continue;
          expect(waiting.delete(next)).toBe(true);
          const older = known.find((one) => one.tenant === next.tenant && one.caller === next.caller);
          expect(older, "in the order of its caller").toBe(next);
          passed.set(next.tenant, 0);
          for (const other of new Set([...waiting].map((one) => one.tenant))) {
            if (other !== next.tenant) passed.set(other, (passed.get(other) ?? 0) + 1);
          }
        }
        const tenants = new Set([...waiting].map((one) => one.tenant));
        for (const one of passed.keys()) if (!tenants.has(one)) passed.delete(one);
        expect(queue.size).toBe(waiting.size);
        for (const count of passed.values()) expect(count).toBeLessThan(4);
      }
    }),
  );
});
