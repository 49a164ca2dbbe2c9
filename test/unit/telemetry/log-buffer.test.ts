// When lines of the log are written.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLogBuffer } from "../../../src/telemetry/log-buffer.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function opened() {
  const writes: string[] = [];
  return { writes, buffer: createLogBuffer({ write: (text) => void writes.push(text) }, { bytes: 10, forMs: 100 }) };
}

test("lines go out together, whole, once there are bytes enough", () => {
  const { writes, buffer } = opened();
  buffer.write("one\n");
  buffer.write("two\n");
  expect(writes).toEqual([]);
  // Two bytes, one character.
  buffer.write("ü");
  expect(writes).toEqual(["one\ntwo\nü"]);
});

test("a line waits for no other for longer than the time", () => {
  const { writes, buffer } = opened();
  buffer.write("one\n");
  vi.advanceTimersByTime(100);
  expect(writes).toEqual(["one\n"]);
  vi.advanceTimersByTime(1_000);
  expect(writes, "nothing is written when there is nothing").toEqual(["one\n"]);
});

test("what is held back can be had at once", () => {
  const { writes, buffer } = opened();
  buffer.write("one\n");
  buffer.flushSync();
  buffer.flushSync();
  expect(writes).toEqual(["one\n"]);
});
