// Changes of one conversation take turns, two at a time; those of another do not wait for them.
import { afterEach, expect, it, vi } from "vitest";
import { ErrorReason } from "../../../src/domain/errors.ts";
import { ChangeQueue } from "../../../src/store/conversation-queue.ts";

afterEach(() => vi.useRealTimers());

/** A queue, and what has begun in it; `end` lets one of these end. */
function setUp() {
  const queue = new ChangeQueue();
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const change = (name: string, place = "hot", signal?: AbortSignal) =>
    queue.run(place, signal, () => {
      begun.push(name);
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
    });
  return { begun, change, end: (name: string) => ends.get(name)?.() };
}

it("lets two at a time, in the order in which they came", async () => {
  const { begun, change, end } = setUp();
  const all = ["a", "b", "c", "d"].map((name) => change(name));
  expect(begun).toEqual(["a", "b"]);
  end("b");
  await all[1];
  await expect.poll(() => begun).toEqual(["a", "b", "c"]);
  expect(change("e", "other")).toBeInstanceOf(Promise);
  expect(begun).toEqual(["a", "b", "c", "e"]);
  end("a");
  await expect.poll(() => begun).toEqual(["a", "b", "c", "e", "d"]);
  end("c");
  end("d");
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
});

it("goes on after one that fails", async () => {
  const queue = new ChangeQueue();
  const failing = Array.from({ length: 3 }, () => queue.run("hot", undefined, () => Promise.reject(new Error("no"))));
  const last = queue.run("hot", undefined, async () => "done");
  expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(Array(3).fill("rejected"));
  expect(await last).toBe("done");
});

it("lets go of one whose call is over before its turn, and never begins it", async () => {
  const { begun, change, end } = setUp();
  const [first, second] = [change("a"), change("b")];
  const caller = new AbortController();
  const gone = change("c", "hot", caller.signal);
  caller.abort(new Error("too late"));
  await expect(gone).rejects.toThrow("too late");
  await expect(change("d", "hot", caller.signal)).rejects.toThrow("too late");
  end("a");
  end("b");
  await Promise.all([first, second]);
  expect(begun).toEqual(["a", "b"]);
});

it("refuses what has waited for five seconds, and what comes when a thousand wait", async () => {
  vi.useFakeTimers();
  const { begun, change } = setUp();
  change("a");
  change("b");
  const waiting = Array.from({ length: 1_000 }, (_, index) => change(String(index)).catch((error) => error.reason));
  await expect(change("over")).rejects.toMatchObject({ message: "too many changes wait for the conversation" });
  vi.advanceTimersByTime(5_000);
  expect(new Set(await Promise.all(waiting)).size).toBe(1);
  await expect(waiting[0]).resolves.toBe(ErrorReason.OVERLOADED);
  expect(begun).toEqual(["a", "b"]);
});
