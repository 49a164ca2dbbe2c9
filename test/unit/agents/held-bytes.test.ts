// What turns of a process hold together is bounded: who would hold more waits, and none starves.
import { expect, test } from "vitest";
import type { Connectors } from "../../../src/agents/connectors/connectors.ts";
import { connectorsWithFiles } from "../../../src/agents/connectors/stored-files.ts";
import { HeldBytes } from "../../../src/agents/held-bytes.ts";
import { HistoryRoom } from "../../../src/agents/turns/history-room.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { FinishReason } from "../../../src/domain/turns/turn.ts";

const { signal } = new AbortController();

/** The names of takes, in the order in which they got room. */
function taking(room: HeldBytes) {
  const order: string[] = [];
  const take = async (name: string, bytes: number, by = signal) => {
    const hold = await room.take(name.slice(0, 1), bytes, by);
    order.push(name);
    return hold;
  };
  return { order, take };
}

test("room is given to the tenant that holds least, in order, and a large one is not passed by", async () => {
  const room = new HeldBytes(10);
  const { order, take } = taking(room);
  const [a, b] = [await take("a1", 6), await take("b1", 4)];
  const waiting = [take("a2", 1), take("a3", 2), take("b2", 9), take("c1", 2)];
  expect(order).toEqual(["a1", "b1"]);
  a?.shrinkTo(4);
  const c = await waiting[3];
  b?.leave();
  c?.leave();
  // b2 waits for nearly all, and a2, which would fit, waits behind it.
  expect(order).toEqual(["a1", "b1", "c1"]);
  a?.shrinkTo(1);
  const large = await waiting[2];
  expect(order).toEqual(["a1", "b1", "c1", "b2"]);
  large?.leave();
  await Promise.all(waiting.slice(0, 2));
  expect(order).toEqual(["a1", "b1", "c1", "b2", "a2", "a3"]);
});

test("more than there is at all counts as all of it, and too many that wait get none", async () => {
  const room = new HeldBytes(10, 1);
  const all = await room.take("a", 50, signal);
  const next = room.take("a", 1, signal);
  expect(await room.take("a", 1, signal)).toBeUndefined();
  all?.leave();
  expect(await next).toBeDefined();
});

test("one that stops waiting lets those behind it go on", async () => {
  const room = new HeldBytes(10);
  await room.take("a", 5, signal);
  const stopping = new AbortController();
  const large = room.take("b", 9, stopping.signal);
  const small = room.take("b", 1, signal);
  stopping.abort(new Error("stopped"));
  await expect(large).rejects.toThrow("stopped");
  expect(await small).toBeDefined();
});

test("a history is read once there is room for it, and counts as what it is from then on", async () => {
  const mib = 1 << 20;
  const room = new HistoryRoom(20 * mib);
  const asking = { tenantId: "a", patienceMs: 60_000, signal };
  const { promise: end, resolve } = Promise.withResolvers<void>();
  let read = 0;
  const turn = (bytes: number) =>
    room.within(
      asking,
      async () => {
        read++;
        return { messages: [{ content: "x".repeat(bytes), parts: null }] } as never;
      },
      () => end,
    );
  const turns = [turn(mib), turn(mib), turn(3 * mib), turn(mib)];
  await expect.poll(() => read).toBe(3);
  const late = room.within(
    { ...asking, patienceMs: 1 },
    () => Promise.reject(new Error("read")),
    () => end,
  );
  await expect(late).rejects.toThrow("as many turns as it has room for");
  expect(read).toBe(3);
  resolve();
  await Promise.all(turns);
  expect(read).toBe(4);
});

test("the bytes of files are read for as many calls as there is room for, and who waits is alive", async () => {
  const [tenantId, fileId, conversationId] = [newId(), newId(), newId()];
  const size = 1_000;
  let read = 0;
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const options = {
    room: new HeldBytes(2 * 4 * size),
    database: { query: async () => [{ id: fileId, name: "a.txt", media_type: "text/plain", size: BigInt(size) }] },
    bytes: {
      async *read() {
        read++;
        yield Buffer.alloc(size);
      },
    },
  };
  const plain = {
    connectorOf: () =>
      async function* () {
        await end;
        yield { kind: "text", text: "done" };
        return FinishReason.STOP;
      },
  };
  const { connectorOf } = connectorsWithFiles(plain as unknown as Connectors, options as never);
  const parts = JSON.stringify([{ file: { fileId } }]);
  const request = { tenantId, conversationId, messages: [{ conversation_id: conversationId, seq: 1n, parts }] };
  const calls = Array.from({ length: 3 }, () =>
    connectorOf(tenantId, { id: newId(), connector: "connect" } as never)(request as never, signal),
  );
  const first = calls.map((call) => call.next());
  expect(await first[2]).toEqual({ done: false, value: { kind: "heartbeat" } });
  expect(read).toBe(2);
  // One that is not asked any more leaves its place.
  await calls[2]?.return(FinishReason.UNSPECIFIED);
  resolve();
  expect(await Promise.all([first[0], first[1]])).toMatchObject([
    { value: { text: "done" } },
    { value: { text: "done" } },
  ]);
  expect(read).toBe(2);
  await calls[0]?.next();
  const next = connectorOf(tenantId, { id: newId(), connector: "connect" } as never)(request as never, signal);
  expect(await next.next()).toMatchObject({ value: { text: "done" } });
});
