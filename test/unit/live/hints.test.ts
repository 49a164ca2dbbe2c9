// Hints: who is woken, how they are batched, and that losing them hurts nobody.
import { describe, expect, test } from "vitest";
import { newId } from "../../../src/domain/ids/id.ts";
import { decodeHints, encodeHints, HINT_LENGTH } from "../../../src/live/hints/encode.ts";
import { createHints, type Hint, type HintCarrier, type Waker } from "../../../src/live/hints/hints.ts";

const [tenantId, one, two] = [newId(), newId(), newId()];
const hint = (conversationId: string, kind: Hint["kind"] = "log"): Hint => ({ kind, tenantId, conversationId });

/** Whether a reader is awake now: it then goes on in this turn of the loop. */
async function isAwake(waker: Waker): Promise<boolean> {
  const asleep = new AbortController();
  const waking = waker.wait(60_000, asleep.signal).then(
    () => true,
    () => false,
  );
  await new Promise((resolve) => setImmediate(resolve));
  asleep.abort();
  return waking;
}

describe("a hint", () => {
  test("wakes those who follow its conversation or its tenant, and nobody else", async () => {
    const hints = await createHints();
    const readers = {
      own: hints.listen({ kind: "log", tenantId, conversationId: one }),
      other: hints.listen({ kind: "log", tenantId, conversationId: two }),
      turns: hints.listen({ kind: "turn", tenantId, conversationId: one }),
      tenant: hints.listen({ kind: "log", tenantId }),
      stranger: hints.listen({ kind: "log", tenantId: newId() }),
    };
    hints.publish(hint(one));
    expect(await isAwake(readers.own)).toBe(true);
    expect(await isAwake(readers.tenant)).toBe(true);
    expect([...(readers.tenant.named() ?? [])]).toEqual([one]);
    for (const name of ["other", "turns", "stranger"] as const) expect(await isAwake(readers[name]), name).toBe(false);
    await hints.close();
  });

  test("that comes while nobody waits is not lost, and wakes once", async () => {
    const hints = await createHints();
    const reader = hints.listen({ kind: "log", tenantId, conversationId: one });
    hints.publish(hint(one));
    hints.publish(hint(one));
    expect(await isAwake(reader)).toBe(true);
    expect(await isAwake(reader)).toBe(false);
    await hints.close();
  });

  test("wakes nobody where hints are switched off", async () => {
    const hints = await createHints({ enabled: false });
    const reader = hints.listen({ kind: "log", tenantId, conversationId: one });
    hints.publish(hint(one));
    expect(await isAwake(reader)).toBe(false);
    await hints.close();
  });
});

describe("a carrier", () => {
  function carrier(sendMs = 0) {
    const batches: { at: number; hints: readonly Hint[] }[] = [];
    let receive: (hints: readonly Hint[] | undefined) => void = () => {};
    const own: HintCarrier = {
      batchSize: 3,
      async start(receiver) {
        receive = receiver;
      },
      async send(sent) {
        batches.push({ at: performance.now(), hints: sent });
        await new Promise((resolve) => setTimeout(resolve, sendMs));
      },
      async close() {},
    };
    return { own, batches, receive: (hints: readonly Hint[] | undefined) => receive(hints) };
  }

  test("gets each hint of 5 ms once, in batches of its size, with a pause between them", async () => {
    const { own, batches } = carrier();
    const hints = await createHints({ carrier: own });
    const ids = Array.from({ length: 7 }, newId);
    for (let times = 0; times < 100; times++) for (const id of ids) hints.publish(hint(id));
    await expect.poll(() => batches.flatMap((batch) => batch.hints).length).toBe(7);
    expect(batches.map((batch) => batch.hints.length)).toEqual([3, 3, 1]);
    expect(batches.flatMap((batch) => batch.hints.map(({ conversationId }) => conversationId))).toEqual(ids);
    // A timer may fire a fraction of a millisecond early.
    for (const [index, { at }] of batches.entries())
      if (index > 0) expect(at - (batches[index - 1]?.at ?? 0)).toBeGreaterThan(3.5);
    await hints.close();
  });

  test("that does not know what it has lost wakes everybody, to look everywhere", async () => {
    const { own, receive } = carrier();
    const hints = await createHints({ carrier: own });
    const reader = hints.listen({ kind: "log", tenantId });
    receive(undefined);
    expect(await isAwake(reader)).toBe(true);
    expect(reader.named()).toBeUndefined();
    receive([hint(two)]);
    expect([...(reader.named() ?? [])]).toEqual([two]);
    await hints.close();
  });

  test("that fails is told of, and asked again for the next hints", async () => {
    const lost: unknown[] = [];
    const failing: HintCarrier = { ...carrier().own, send: async () => Promise.reject(new Error("gone")) };
    const hints = await createHints({ carrier: failing, onLost: (error) => lost.push(error) });
    hints.publish(hint(one));
    await expect.poll(() => lost.length).toBe(1);
    hints.publish(hint(one));
    await expect.poll(() => lost.length).toBe(2);
    await hints.close();
  });
});

test("hints as text are read back, within the length they are said to have", () => {
  const hints = [hint(one), hint(two, "turn"), hint(one, "cancel")];
  const text = encodeHints(hints);
  expect(text.length).toBe(hints.length * HINT_LENGTH - 1);
  expect(decodeHints(text)).toEqual(hints);
  for (const other of ["", "x", `${text},?`, `z${text}`]) expect(decodeHints(other)).toBeUndefined();
});
