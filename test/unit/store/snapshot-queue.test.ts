// Who gets the next place: by tenant, by caller, within bounds.
import { describe, expect, test } from "vitest";
import { ErrorReason } from "../../../src/domain/errors.ts";
import { SnapshotQueue } from "../../../src/store/snapshots/snapshot-queue.ts";

/** Enters readers such as `a/1`; `order` says who got a place, `leave` gives one back. */
function stage(limits: ConstructorParameters<typeof SnapshotQueue>[0]) {
  const queue = new SnapshotQueue(limits);
  const order: string[] = [];
  const leaves = new Map<string, () => void>();
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const enter = (name: string, signal?: AbortSignal) => {
    const [tenantId = "", caller = ""] = name.split("/");
    const entered = queue.enter({ tenantId, name: caller }, signal).then((leave) => {
      order.push(name);
      leaves.set(name, leave);
    });
    entered.catch(() => {});
    return entered;
  };
  const leave = async (name: string) => {
    leaves.get(name)?.();
    await settle();
  };
  /** Lets all end, each as soon as the next. */
  const drain = async () => {
    await settle();
    for (let n = 0; n < order.length; n++) await leave(order[n] ?? "");
  };
  return { order, enter, leave, drain, settle };
}

describe("places of snapshots", () => {
  test("go round the tenants, and within a tenant round its callers, whoever came first", async () => {
    const { order, enter, drain } = stage({ max: 1 });
    for (const name of ["a/1", "a/1", "a/1", "a/2", "b/1", "b/1", "c/1"]) void enter(name);
    await drain();
    expect(order).toEqual(["a/1", "b/1", "c/1", "a/2", "b/1", "a/1", "a/1"]);
  });

  test("are at most half of them of one caller, who does not hold up those behind", async () => {
    const { order, enter, leave, settle } = stage({ max: 4 });
    for (const name of ["a/1", "a/1", "a/1", "a/2"]) void enter(name);
    await settle();
    expect(order).toEqual(["a/1", "a/1", "a/2"]);
    void enter("b/1");
    await settle();
    expect(order).toEqual(["a/1", "a/1", "a/2", "b/1"]);
    // A place is free, and still not for the caller that has its half.
    await leave("b/1");
    expect(order).toHaveLength(4);
    await leave("a/1");
    expect(order).toEqual(["a/1", "a/1", "a/2", "b/1", "a/1"]);
  });

  test("are given back once, however often it is said", async () => {
    const { order, enter, leave, settle } = stage({ max: 1 });
    for (const name of ["a/1", "b/1", "c/1"]) void enter(name);
    await settle();
    await leave("a/1");
    await leave("a/1");
    expect(order).toEqual(["a/1", "b/1"]);
  });

  test("are waited for by so many, of one caller and in all; the error names the rule", async () => {
    const { enter, drain, order } = stage({ max: 1, maxWaiting: 3, maxWaitingOfOne: 2 });
    for (const name of ["a/1", "a/1", "a/1"]) void enter(name);
    await expect(enter("a/1")).rejects.toMatchObject({
      reason: ErrorReason.OVERLOADED,
      message: "exports: at most 2 of one caller may wait for their turn",
      details: { retryAfterMs: 1_000 },
    });
    void enter("a/2");
    await expect(enter("b/1")).rejects.toMatchObject({ message: "exports: at most 3 may wait for their turn" });
    await drain();
    expect(order).toHaveLength(4);
    await enter("b/1");
  });

  test("are waited for so long", async () => {
    const { enter, leave, order } = stage({ max: 2, maxWaitMs: 20 });
    await enter("a/1");
    await expect(enter("a/1")).rejects.toMatchObject({
      reason: ErrorReason.OVERLOADED,
      message: "exports: at most 2 run at once, 1 of one caller, and no place came free within 0.02 s",
      details: { retryAfterMs: 1_000 },
    });
    await leave("a/1");
    await enter("a/1");
    expect(order).toEqual(["a/1", "a/1"]);
  });

  test("are not kept for those who have gone", async () => {
    const { enter, leave, order } = stage({ max: 1 });
    await enter("a/1");
    const gone = new AbortController();
    const waiting = enter("b/1", gone.signal);
    const last = enter("c/1");
    gone.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await expect(enter("d/1", gone.signal)).rejects.toThrow("gone");
    await leave("a/1");
    await last;
    expect(order).toEqual(["a/1", "c/1"]);
  });
});
