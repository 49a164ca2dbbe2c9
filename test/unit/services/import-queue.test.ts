// The queue of an import: which batches go side by side, and in which order their outcomes are told.
import { expect, test } from "vitest";
import type { BatchOutcome } from "../../../src/services/transfer/import/batch.ts";
import type { ReadLine } from "../../../src/services/transfer/import/line.ts";
import { BatchQueue } from "../../../src/services/transfer/import/queue.ts";

/** A queue whose batches end when the test says so. */
function queueOf(lanes: number) {
  const begun: number[] = [];
  const told: number[] = [];
  const ends = new Map<number, PromiseWithResolvers<BatchOutcome>>();
  const queue = new BatchQueue(
    lanes,
    (lines) => {
      const [{ number } = { number: 0 }] = lines;
      begun.push(number);
      const end = Promise.withResolvers<BatchOutcome>();
      ends.set(number, end);
      return end.promise;
    },
    ({ messages }) => told.push(messages),
  );
  return {
    queue,
    begun,
    told,
    end: (number: number) =>
      ends.get(number)?.resolve({ conversations: 0, messages: number, events: 0, skipped: 0, errors: [] }),
    fail: (number: number) => ends.get(number)?.reject(new Error(`batch ${number}`)),
  };
}

/** A batch of one entry for each conversation; its number is that of its first line. */
const batch = (number: number, ...conversations: string[]) =>
  conversations.map((conversationId) => ({ kind: "entry", number, conversationId }) as ReadLine);

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("batches of different conversations go side by side, as many as there are lanes", async () => {
  const { queue, begun, end } = queueOf(2);
  await queue.add(batch(1, "a"));
  expect(queue.free).toBe(true);
  await queue.add(batch(2, "b"));
  expect(queue.free).toBe(false);
  const third = queue.add(batch(3, "c"));
  await turn();
  expect(begun).toEqual([1, 2]);
  end(2);
  await third;
  expect(begun).toEqual([1, 2, 3]);
});

test("a batch waits for every earlier one that has a conversation of its own", async () => {
  const { queue, begun, end } = queueOf(3);
  await queue.add(batch(1, "a", "b"));
  await queue.add(batch(2, "c"));
  const third = queue.add(batch(3, "c", "a"));
  end(2);
  await turn();
  expect(begun).toEqual([1, 2]);
  end(1);
  await third;
  expect(begun).toEqual([1, 2, 3]);
});

test("outcomes are told in the order of the batches", async () => {
  const { queue, told, end } = queueOf(2);
  await queue.add(batch(1, "a"));
  await queue.add(batch(2, "b"));
  end(2);
  await turn();
  expect(told).toEqual([]);
  end(1);
  await queue.settled();
  expect(told).toEqual([1, 2]);
});

test("after a failure nothing begins any more, and it is thrown once all have ended", async () => {
  const { queue, begun, told, end, fail } = queueOf(2);
  await queue.add(batch(1, "a"));
  await queue.add(batch(2, "b"));
  const third = queue.add(batch(3, "c"));
  fail(1);
  let settled = false;
  const failure = third.catch((error: Error) => {
    settled = true;
    return error.message;
  });
  await turn();
  expect(settled).toBe(false);
  end(2);
  expect(await failure).toBe("batch 1");
  expect([begun, told]).toEqual([[1, 2], []]);
  await expect(queue.settled()).rejects.toThrow("batch 1");
});
