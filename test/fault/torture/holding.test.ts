// What counts as growth, and what does not.
import { describe, expect, it } from "vitest";
import type { Rest } from "../stage/rest.ts";
import { growth, holdings } from "./holding.ts";

const MIB = 2 ** 20;

/** One look a minute. */
function looks(minutes: number, at: (minute: number) => Partial<Rest> = () => ({})): Rest[] {
  return Array.from({ length: minutes + 1 }, (_, minute) => ({
    atSeconds: 100 + 60 * minute,
    heapUsed: 60 * MIB,
    external: 10 * MIB,
    rss: 280 * MIB,
    files: 40,
    ownFiles: 28,
    openCalls: 0,
    transactions: 0,
    resources: { Timeout: 11 },
    ...at(minute),
  }));
}

describe("what a standing server holds", () => {
  it("is told for its start, for five minutes after the first ten and for the last five, by medians", () => {
    const rests = looks(60, (minute) => ({ heapUsed: minute * MIB, ownFiles: minute === 12 ? 90 : 28 }));
    const { first, warm, last } = holdings(rests);
    expect(first?.heap).toBe(0);
    expect(warm).toEqual({
      heap: 12 * MIB,
      buffers: 10 * MIB,
      resident: 280 * MIB,
      files: 28,
      timers: 11,
      openCalls: 0,
      transactions: 0,
    });
    expect(last?.heap).toBe(58 * MIB);
  });

  it("is not told for times that a run has not reached", () => {
    expect(holdings([])).toEqual({});
    expect(Object.keys(holdings(looks(0)))).toEqual(["first"]);
    expect(Object.keys(holdings(looks(9)))).toEqual(["first", "last"]);
  });
});

describe("growth", () => {
  it("is none where it is level, or below a tenth, or in one look alone", () => {
    expect(growth(looks(60))).toEqual([]);
    expect(growth(looks(60, (minute) => ({ heapUsed: (60 + minute / 10) * MIB })))).toEqual([]);
    expect(growth(looks(60, (minute) => ({ heapUsed: (minute === 60 ? 90 : 60) * MIB })))).toEqual([]);
  });

  it("is told of heap and buffers together", () => {
    const told = ["what heap and buffers hold is 1.14 times what it was after ten minutes"];
    expect(growth(looks(60, (minute) => ({ heapUsed: (minute > 50 ? 70 : 60) * MIB })))).toEqual(told);
    expect(growth(looks(60, (minute) => ({ external: (minute > 50 ? 20 : 10) * MIB })))).toEqual(told);
  });

  it("is told of resident memory", () => {
    const told = ["resident memory is 1.25 times what it was after ten minutes"];
    expect(growth(looks(60, (minute) => ({ rss: (minute > 50 ? 350 : 280) * MIB })))).toEqual(told);
  });

  it("is told of timers", () => {
    const told = ["it has 20 timers more than after ten minutes"];
    expect(growth(looks(60, (minute) => ({ resources: { Timeout: minute > 50 ? 31 : 11 } })))).toEqual(told);
  });

  it("is told of a run of little more than ten minutes, too", () => {
    const grows = (minute: number) => ({ heapUsed: (60 + 10 * minute) * MIB });
    expect(growth(looks(10, grows))).toEqual([]);
    expect(growth(looks(12, grows))).toEqual([
      "what heap and buffers hold is 1.12 times what it was after ten minutes",
    ]);
    expect(growth(looks(16, grows))).toEqual([
      "what heap and buffers hold is 1.22 times what it was after ten minutes",
    ]);
  });
});
