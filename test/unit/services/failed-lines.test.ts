// When an import gives up: lines that fail are weighed against those that do not.
import { expect, test } from "vitest";
import { FailedLines } from "../../../src/services/transfer/import/failed-lines.ts";

const MIB = 1024 * 1024;
const batch = (from: number, count: number) => Array.from({ length: count }, (_, i) => ({ number: from + i }));
const failed = (lines: readonly { number: number }[]) => lines.map(({ number }) => ({ line: number }));

test("lines that could not be added weigh as those that could not be read, once their batch has ended", () => {
  const lines = new FailedLines();
  for (let i = 0; i < 9_999; i++) lines.addUnreadable(1);
  const two = batch(10_000, 2);
  for (const { number } of two) lines.addRead(number, 1);
  expect(lines.areTooMany).toBe(false);
  lines.settle(two, failed(two));
  expect(lines.areTooMany).toBe(true);
});

test("their bytes count too, and each line once", () => {
  const lines = new FailedLines();
  const all = batch(1, 16);
  for (const { number } of all) lines.addRead(number, 4 * MIB);
  lines.settle(all, failed(all.slice(1)));
  lines.settle(all, failed(all));
  expect(lines.areTooMany).toBe(false);
  lines.addUnreadable(4 * MIB);
  lines.addUnreadable(4 * MIB);
  expect(lines.areTooMany).toBe(true);
});

test("what a batch tells of lines that were unreadable before is not counted again", () => {
  const lines = new FailedLines();
  for (let i = 0; i < 5_000; i++) lines.addUnreadable(1);
  lines.settle(batch(1, 5_000), failed(batch(1, 5_000)));
  expect(lines.areTooMany).toBe(false);
});
