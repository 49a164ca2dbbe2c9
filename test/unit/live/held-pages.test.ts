// What slow readers have not taken yet is bounded, and they take what was dropped from where they stopped.
import { describe, expect, test } from "vitest";
import { HeldPages } from "../../../src/live/followers/held-pages.ts";
import { RowBudget } from "../../../src/store/driver/row-budget.ts";
import type { LogEntry } from "../../../src/store/messages/messages.ts";

const ROW = 100;

function rows(count: number): LogEntry[] {
  const entries = Array.from({ length: count }, (_, i) => ({ seq: BigInt(i) }) as LogEntry);
  const budget = new RowBudget(1_000_000, true);
  for (const _ of entries) budget.takes(ROW);
  budget.note(entries);
  return entries;
}

describe("pages of readers", () => {
  test("are counted from when they are read until the last entry is taken, or they are released", () => {
    const pages = new HeldPages(10 * ROW);
    const [some, others] = [pages.hold(rows(3)), pages.hold(rows(2))];
    expect(pages.bytes).toBe(5 * ROW);
    expect([some.take(), some.take(), some.take()].map((entry) => entry?.seq)).toEqual([0n, 1n, 2n]);
    expect(pages.bytes).toBe(2 * ROW);
    others.release();
    others.release();
    expect([pages.bytes, some.take(), others.take()]).toEqual([0, undefined, undefined]);
  });

  test("are dropped where all are too much: first that of who took none for the longest time", () => {
    const pages = new HeldPages(10 * ROW);
    const [stuck, reading] = [pages.hold(rows(4)), pages.hold(rows(4))];
    reading.take();
    stuck.take();
    reading.take();
    const late = pages.hold(rows(4));
    expect(pages.bytes).toBe(8 * ROW);
    expect([stuck.take(), reading.take()?.seq, late.take()?.seq]).toEqual([undefined, 2n, 0n]);
  });

  test("include the newest, even one that is too much by itself", () => {
    const pages = new HeldPages(ROW);
    const large = pages.hold(rows(3));
    expect([large.take()?.seq, pages.bytes]).toEqual([0n, 3 * ROW]);
    const next = pages.hold(rows(3));
    expect([large.take(), next.take()?.seq, pages.bytes]).toEqual([undefined, 0n, 3 * ROW]);
  });
});
