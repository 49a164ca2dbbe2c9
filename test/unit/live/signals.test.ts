// Signals in one process: what holds, who is given it, and how long.
import { afterEach, describe, expect, test, vi } from "vitest";
import { Deliveries, type SignalReader } from "../../../src/live/followers/fan-out.ts";
import { SignalBoard } from "../../../src/live/signals/board.ts";
import { decodeSignal, encodeSignal, type KeptSignal, type Signal } from "../../../src/live/signals/signal.ts";
import { Signals } from "../../../src/live/signals/signals.ts";
import { SpareRoom } from "../../../src/services/events/signal-responses.ts";
import type { LogEntry } from "../../../src/store/messages/messages.ts";

const made = (actor: string, more: Partial<Signal> = {}): Signal => ({
  tenantId: "t",
  conversationId: "c",
  seq: 1n,
  actor,
  name: "typing",
  threadId: "",
  data: null,
  ended: false,
  time: 0,
  ...more,
});
const actors = (signals: readonly KeptSignal[]) => signals.map(({ actor }) => actor);
const never = new AbortController().signal;

afterEach(() => void vi.useRealTimers());

describe("the board", () => {
  test("holds the last signal of each actor and name for 8 seconds, and forgets it by itself", () => {
    vi.useFakeTimers();
    const board = new SignalBoard();
    board.post(made("ann"));
    vi.advanceTimersByTime(5_000);
    board.post(made("bob"));
    board.post(made("ann", { name: "recording" }));
    board.post(made("ann"));
    expect(actors(board.after("t", "c", 0, 1n))).toEqual(["bob", "ann", "ann"]);
    vi.advanceTimersByTime(7_999);
    expect(actors(board.after("t", "c", 0, 1n))).toHaveLength(3);
    vi.advanceTimersByTime(1_001);
    expect(board.after("t", "c", 0, 1n)).toEqual([]);
    expect(board.conversationsAfter("t", 0)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([-3_600_000, 3_600_000])("keeps its 8 seconds though the clock is set by %i ms", (ms) => {
    vi.useFakeTimers();
    const board = new SignalBoard();
    board.post(made("ann"));
    vi.setSystemTime(Date.now() + ms);
    vi.advanceTimersByTime(7_999);
    expect(actors(board.after("t", "c", 0, 1n))).toEqual(["ann"]);
    vi.advanceTimersByTime(1);
    expect(board.after("t", "c", 0, 2n)).toEqual([]);
  });

  test("holds back what was sent after the entries that were read", () => {
    const board = new SignalBoard();
    board.post(made("ann", { seq: 3n }));
    board.post(made("bob", { seq: 5n }));
    board.post(made("cy", { seq: 4n }));
    expect(actors(board.after("t", "c", 0, 2n))).toEqual([]);
    expect(actors(board.after("t", "c", 0, 4n))).toEqual(["ann"]);
    expect(actors(board.after("t", "c", 0, 5n))).toEqual(["ann", "bob", "cy"]);
    expect(actors(board.after("t", "c", 2, 5n))).toEqual(["cy"]);
    expect(board.after("other", "c", 0, 5n)).toEqual([]);
  });

  test("keeps no more than 10,000, of one tenant half of that, and again once they are over", () => {
    vi.useFakeTimers();
    const board = new SignalBoard();
    const kept = (tenantId: string) => board.after(tenantId, "c", 0, 1n).length;
    const flood = (tenantId: string) => {
      for (let index = 0; index < 5_001; index++) board.post(made(`m${index}`, { tenantId }));
    };
    for (const tenantId of ["a", "b", "c"]) flood(tenantId);
    expect(["a", "b", "c"].map(kept)).toEqual([5_000, 5_000, 0]);
    vi.advanceTimersByTime(9_000);
    for (const tenantId of ["c", "a"]) flood(tenantId);
    expect(["a", "b", "c"].map(kept)).toEqual([5_000, 0, 5_000]);
  });

  test("lets each actor send one each 2 seconds in a conversation", () => {
    vi.useFakeTimers();
    const board = new SignalBoard();
    expect([board.admit(made("x")).allowed, board.admit(made("x")).allowed]).toEqual([true, false]);
    expect(board.admit(made("x", { conversationId: "d" })).allowed).toBe(true);
    vi.advanceTimersByTime(2_000);
    expect(board.admit(made("x")).allowed).toBe(true);
  });
});

describe("followers of a log", () => {
  function createFollowed() {
    const log: LogEntry[] = [];
    const board = new SignalBoard();
    const deliveries = new Deliveries(
      (seq) => log.filter((entry) => entry.seq > seq),
      (number, seq) => board.after("t", "c", number, seq),
    );
    board.listen("t", "c", () => void deliveries.serveSignals());
    const extend = () => log.push({ seq: BigInt(log.length + 1) } as LogEntry);
    return { deliveries, board, extend };
  }

  test("are given a signal once they have read what was in the log when it was sent", async () => {
    const { deliveries, board, extend } = createFollowed();
    const seen: string[] = [];
    const reader: SignalReader = {
      number: 0,
      take(signals) {
        seen.push(...actors(signals));
        return true;
      },
    };
    const stop = new AbortController();
    const take = (entries: readonly LogEntry[]) => {
      seen.push(...entries.map(({ seq }) => String(seq)));
      return true;
    };
    const stay = deliveries.add(0n, take, 60_000, stop.signal, reader).catch(() => {});
    board.post(made("ann", { seq: 2n }));
    extend();
    await deliveries.serve();
    await deliveries.serve();
    expect(seen).toEqual(["1"]);
    extend();
    await deliveries.serve();
    await expect.poll(() => seen).toEqual(["1", "2", "ann"]);
    stop.abort();
    await stay;
  });

  test("that had no room are given what still holds when they are back, and every entry", async () => {
    const { deliveries, board, extend } = createFollowed();
    let room = false;
    const seen: string[] = [];
    const reader: SignalReader = {
      number: 0,
      take(signals) {
        seen.push(...actors(signals));
        return room;
      },
    };
    const stay = deliveries.add(0n, () => true, 60_000, never, reader);
    board.post(made("ann", { seq: 0n }));
    await stay;
    for (let index = 0; index < 5; index++) board.post(made("bob", { seq: 0n, time: index }));
    extend();
    room = true;
    const stop = new AbortController();
    const back = deliveries.add(0n, () => true, 60_000, stop.signal, reader).catch(() => {});
    expect(seen).toEqual(["ann", "bob"]);
    stop.abort();
    await back;
  });
});

describe("spare room", () => {
  test("takes signals only where the source could put as well", async () => {
    const put: string[] = [];
    let full = true;
    let freed = Promise.withResolvers<void>();
    const spare = new SpareRoom<string>({
      signal: never,
      put(texts) {
        put.push(...texts);
        return !full;
      },
      room: () => freed.promise,
    });
    expect(spare.put(["entry 1"])).toBe(false);
    spare.offer(["dropped"]);
    full = false;
    freed.resolve();
    await spare.room();
    spare.offer(["signal 1"]);
    freed = Promise.withResolvers();
    full = true;
    spare.offer(["signal 2"]);
    spare.offer(["dropped"]);
    full = false;
    freed.resolve();
    await spare.room();
    spare.offer(["signal 3"]);
    expect(put).toEqual(["entry 1", "signal 1", "signal 2", "signal 3"]);
  });
});

describe("between servers", () => {
  test("a signal is one line, and what is none is passed over", () => {
    const signal = made("ann\n,", { data: { a: ["\n"] }, threadId: "m", ended: true, seq: 2n ** 60n });
    expect(encodeSignal(signal)).not.toContain("\n");
    expect(decodeSignal(encodeSignal(signal))).toEqual(signal);
    for (const text of ["", "x", "null", "[1]", "{}"]) expect(decodeSignal(text)).toBeUndefined();
  });

  test("texts stay within the carrier's bytes, and hold the latest of each sender", async () => {
    const texts: string[] = [];
    const carrier = { maxBytes: 7_999, send: async (text: string) => void texts.push(text) };
    const [one, two] = [new Signals(true, carrier, () => {}), new Signals(true, undefined, () => {})];
    const data = { text: "ü".repeat(500) };
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 20; index++) one.send(made(`m${index}`, { data, time: round }));
    }
    await expect.poll(() => texts.flatMap((text) => text.split("\n").slice(1)).length).toBe(20);
    expect(texts.length).toBeGreaterThan(1);
    for (const text of texts) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(7_999);
    for (const text of texts) two.receive(text);
    const got = two.board.after("t", "c", 0, 1n);
    expect(got.map(({ time }) => time)).toEqual(Array.from({ length: 20 }, () => 2));
    const before = one.board.last;
    for (const text of texts) one.receive(text);
    expect(one.board.last).toBe(before);
    await one.close();
  });
});
