// How the console follows what happens: over streams that end, and without a call for each entry.
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { follow } from "../../../console/src/api/follow.ts";
import { throttled } from "../../../console/src/api/throttled.ts";
import { changesOf } from "../../../console/src/conversation/log/log-changes.ts";
import { EventSchema } from "../../../gen/colloquy/v1/event_pb.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A stream that goes on until it is told to end. */
function streams() {
  const opened: { end(error?: unknown): void; say(): void }[] = [];
  const said: string[] = [];
  const open = async function* (signal: AbortSignal) {
    let wake: () => void = () => {};
    let state: { error?: unknown } | undefined;
    let words = 0;
    opened.push({
      end(error) {
        state = { error };
        wake();
      },
      say() {
        words++;
        wake();
      },
    });
    signal.addEventListener("abort", () => wake());
    for (;;) {
      for (; words > 0; words--) yield;
      if (signal.aborted) return;
      if (state?.error !== undefined) throw state.error;
      if (state !== undefined) return;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  const refused = ({ code }: ConnectError) => void said.push(Code[code] ?? "");
  const told = { lost: () => void said.push("lost"), back: () => void said.push("back"), refused };
  return { opened, said, following: { open, ...told } };
}

test.each([
  ["a refusal", new ConnectError("no", Code.PermissionDenied), ["PermissionDenied", "lost"]],
  ["a conversation that is gone", new ConnectError("none", Code.NotFound), ["NotFound", "lost"]],
  ["an end without a fault", undefined, ["lost"]],
])("after %s another stream is opened, and tells once it stands", async (_, error, told) => {
  const { opened, said, following } = streams();
  const controller = new AbortController();
  const done = follow(following, controller.signal);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([opened.length, said]).toEqual([1, []]);
  opened[0]?.end(error);
  await vi.advanceTimersByTimeAsync(600);
  expect([opened.length, said]).toEqual([2, told]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(said).toEqual([...told, "back"]);
  controller.abort();
  await done;
  expect(opened.length).toBe(2);
});

test("refused again and again, it waits longer, says so once, and comes back with the first entry", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0.999);
  const { opened, said, following } = streams();
  const controller = new AbortController();
  const done = follow({ ...following, refused: () => {} }, controller.signal);
  const pauses: number[] = [];
  for (let tries = 1; tries <= 12; tries++) {
    const ended = Date.now();
    opened.at(-1)?.end(new ConnectError("no", Code.NotFound));
    while (opened.length <= tries) await vi.advanceTimersByTimeAsync(100);
    pauses.push(Date.now() - ended);
  }
  expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, ...Array.from({ length: 7 }, () => 15_000)]);
  expect(said).toEqual(["lost"]);
  opened.at(-1)?.say();
  await vi.advanceTimersByTimeAsync(0);
  expect(said.at(-1)).toBe("back");
  controller.abort();
  await done;
});

test("a refused credential ends it: the session is over", async () => {
  const { opened, said, following } = streams();
  const done = follow(following, new AbortController().signal);
  opened[0]?.end(new ConnectError("who", Code.Unauthenticated));
  await done;
  await vi.advanceTimersByTimeAsync(60_000);
  expect([opened.length, said]).toEqual([1, []]);
});

test("work that is asked for two hundred times a second is done at most once in its time, never twice at once", async () => {
  let underWay = 0;
  let most = 0;
  let times = 0;
  const work = throttled(async () => {
    times++;
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setTimeout(resolve, 700));
    underWay--;
  }, 500);
  for (let calls = 0; calls < 800; calls++) {
    work.call();
    await vi.advanceTimersByTimeAsync(5);
  }
  expect(most).toBe(1);
  expect(times).toBeGreaterThan(3);
  expect(times).toBeLessThan(8);
  // What was asked for last is done too.
  const before = times;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(times).toBe(before + 1);
  work.call();
  work.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(times).toBe(before + 1);
});

test("entries of the feed are taken together: a message that many reply to is read once", () => {
  const sent = (id: string, replyTo = "") => ({ case: "messageSent", value: { id, replyTo } }) as const;
  const events = [
    ...Array.from({ length: 50 }, (_, index) => sent(`m${index}`, "first")),
    { case: "reactionAdded", value: { messageId: "first" } } as const,
  ].map((change) => create(EventSchema, { change }));
  const changes = changesOf(events);
  expect([changes.messages.length, [...changes.ids], changes.isOther, changes.hasMore]).toEqual([
    50,
    ["first"],
    false,
    false,
  ]);
  const others = [{ case: "branchSelected", value: {} } as const, { case: "readMarked", value: {} } as const];
  expect(changesOf(others.map((change) => create(EventSchema, { change })))).toMatchObject({
    isOther: true,
    hasMore: true,
  });
});
