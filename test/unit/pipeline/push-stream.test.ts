// Streams of answers in both forms: put into a sink, or asked for one by one.
import { describe, expect, test, vi } from "vitest";
import { mapped, type PushSink, pushAll, pushed } from "../../../src/pipeline/streams/push-stream.ts";
import { usedMemory } from "../../support/measure/memory.ts";

/** A sink that keeps what it gets, and has room only when the test says so. */
function keeping(roomFor = Number.POSITIVE_INFINITY) {
  const stop = new AbortController();
  const got: number[] = [];
  let room = Promise.withResolvers<void>();
  const sink: PushSink<number> = {
    signal: stop.signal,
    room: () => room.promise,
    put(answers) {
      got.push(...answers);
      return got.length < roomFor;
    },
  };
  const makeRoom = () => {
    room.resolve();
    room = Promise.withResolvers();
  };
  return { sink, got, makeRoom, stop };
}

async function* count(to: number, seen: number[] = []) {
  for (let i = 1; i <= to; i++) {
    seen.push(i);
    yield i;
  }
}

async function all<T>(answers: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const answer of answers) got.push(answer);
  return got;
}

describe("what is put into a sink", () => {
  test("can be asked for one by one, at the reader's pace", async () => {
    const put: number[] = [];
    const answers = pushed<number>(async (sink) => {
      for (const batch of [[1, 2], [3], [4, 5, 6]]) {
        put.push(...batch);
        if (!sink.put(batch)) await sink.room();
      }
    });
    const reader = answers[Symbol.asyncIterator]();
    expect(put).toEqual([]);
    expect([await reader.next(), await reader.next()].map(({ value }) => value)).toEqual([1, 2]);
    expect(put).toEqual([1, 2]);
    expect((await reader.next()).value).toBe(3);
    expect(await all({ [Symbol.asyncIterator]: () => reader })).toEqual([4, 5, 6]);
  });

  test("is all there even if its source did not wait for room", async () => {
    const answers = pushed<number>(async (sink) => {
      sink.put([1]);
      sink.put([2, 3]);
    });
    expect(await all(answers)).toEqual([1, 2, 3]);
  });

  test("comes before the failure of its source", async () => {
    const answers = pushed<number>(async (sink) => {
      sink.put([1]);
      throw new Error("broken");
    });
    const reader = answers[Symbol.asyncIterator]();
    expect((await reader.next()).value).toBe(1);
    await expect(reader.next()).rejects.toThrow("broken");
  });

  test("finds room at once where its reader has taken all before it was asked for", async () => {
    const answers = pushed<number>(async (sink) => {
      for (const answer of [1, 2, 3]) {
        if (sink.put([answer])) continue;
        // Meanwhile the reader takes it, and waits.
        for (let i = 0; i < 3; i++) await new Promise(setImmediate);
        await sink.room();
      }
    });
    expect(await all(answers)).toEqual([1, 2, 3]);
  });

  test("is not held once it is taken, though more of the same list waits", async () => {
    const first = new WeakRef({ text: "first" });
    const reader = pushed<object>(async (sink) => {
      sink.put([first.deref() as object, { text: "second" }]);
      await sink.room();
    })[Symbol.asyncIterator]();
    await reader.next();
    await expect.poll(async () => (await usedMemory()) && first.deref()).toBe(undefined);
    expect((await reader.next()).value).toEqual({ text: "second" });
  });

  test("is wanted no more once its reader has gone", async () => {
    const ended = vi.fn();
    const answers = pushed<number>(async (sink) => {
      sink.put([1, 2]);
      await new Promise((resolve) => sink.signal.addEventListener("abort", resolve));
      await sink.room();
      ended();
    });
    for await (const answer of answers) {
      expect(answer).toBe(1);
      break;
    }
    await vi.waitFor(() => expect(ended).toHaveBeenCalled());
  });
});

describe("pushing all of a plain iterable", () => {
  test("waits for room", async () => {
    const { sink, got, makeRoom } = keeping(2);
    const seen: number[] = [];
    const pushing = pushAll(count(4, seen), sink);
    await vi.waitFor(() => expect(got).toEqual([1, 2]));
    await new Promise(setImmediate);
    expect(seen).toEqual([1, 2]);
    makeRoom();
    await vi.waitFor(() => expect(got).toEqual([1, 2, 3]));
    makeRoom();
    await vi.waitFor(() => expect(got).toEqual([1, 2, 3, 4]));
    makeRoom();
    await pushing;
  });

  test("ends its source once nobody reads", async () => {
    const { sink, got, makeRoom, stop } = keeping(1);
    let ended = false;
    async function* source() {
      try {
        yield* count(9);
      } finally {
        ended = true;
      }
    }
    const pushing = pushAll(source(), sink);
    await vi.waitFor(() => expect(got).toEqual([1]));
    stop.abort(new Error("gone"));
    makeRoom();
    await expect(pushing).rejects.toThrow("gone");
    expect([got, ended]).toEqual([[1], true]);
  });
});

test("a mapped sink hands on what is made of the answers, and the room of the first", async () => {
  const { sink, got } = keeping(3);
  const texts = mapped<string, number>(sink, (answers) => answers.map(Number));
  expect(texts.put(["1", "2"])).toBe(true);
  expect(texts.put(["3"])).toBe(false);
  expect(got).toEqual([1, 2, 3]);
});
