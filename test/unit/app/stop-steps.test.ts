import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { createStopSteps } from "../../../src/app/stop-steps.ts";

/** A step that ends when it is told to. */
function opened() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { end: () => promise, resolve, reject };
}

function createRecorded(limitMs: number) {
  const lines: { msg: string; waiting_for?: string; step?: string }[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const begun: string[] = [];
  return { lines, begun, step: createStopSteps({ limitMs, logger, waitsFor: (what) => begun.push(what) }) };
}

test("a step is waited for, and what it fails with is passed on", async () => {
  const { step, lines, begun } = createRecorded(60_000);
  const slow = opened();
  let over = false;
  const waited = step("the slow one", slow.end).then(() => {
    over = true;
  });
  await new Promise(setImmediate);
  expect(over).toBe(false);
  slow.resolve();
  await waited;
  await expect(step("the broken one", () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(begun).toEqual(["the slow one", "the broken one"]);
  expect(lines).toEqual([]);
});

test("steps that never end take the time of all steps once, and those after them are begun all the same", async () => {
  vi.useFakeTimers();
  const { step, lines, begun } = createRecorded(8_000);
  const first = step("one", opened().end);
  await vi.advanceTimersByTimeAsync(7_999);
  expect(lines).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  await first;
  const second = step("two", opened().end);
  await vi.advanceTimersByTimeAsync(0);
  await second;
  // What ends at once has ended in time.
  const third = step("three", () => Promise.resolve());
  await vi.advanceTimersByTimeAsync(0);
  await third;
  expect(begun).toEqual(["one", "two", "three"]);
  expect(lines.map((line) => line.waiting_for)).toEqual(["one", "two"]);
});

test("what a step fails with after it was left is told, and ends nothing", async () => {
  vi.useFakeTimers();
  const { step, lines } = createRecorded(10);
  const left = opened();
  const waited = step("one", left.end);
  await vi.advanceTimersByTimeAsync(10);
  await waited;
  left.reject(new Error("the connection was closed"));
  await vi.advanceTimersByTimeAsync(0);
  expect(lines.at(-1)).toMatchObject({ msg: "a step of the stop that was left failed", step: "one" });
});
