// Values as PostgreSQL writes them, read as pg reads them.
import fc from "fast-check";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { type Bytes, valueReader } from "../../../src/store/driver/value-readers.ts";

const BYTEA = 17;
const INT8 = 20;
const INT4 = 23;
const TEXT = 25;
const TIMESTAMPTZ = 1184;

/** Reads a text that has others before and behind it, as in a row. */
function read(type: number, text: string): unknown {
  const bytes = Buffer.from(`9ä${text}9`) as Bytes;
  return valueReader(type)(bytes, 3, bytes.length - 1);
}

const byPg = (type: number, text: string) => (pg.types.getTypeParser(type, "text") as (text: string) => unknown)(text);

it("reads bytes into memory of their own, so that one that is kept keeps no others", () => {
  const bytes = read(BYTEA, "\\x00ff10") as Buffer;
  expect(bytes).toEqual(Buffer.from([0, 255, 16]));
  expect(bytes.buffer.byteLength).toBe(3);
});

describe("times", () => {
  it("are read in UTC as pg does", () => {
    const moment = fc.date({
      min: new Date("1000-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59.999Z"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(moment, (date) => {
        const text = date
          .toISOString()
          .replace("T", " ")
          .replace(/\.?0*Z$/, "+00");
        expect(read(TIMESTAMPTZ, text)).toEqual(date);
        expect(byPg(TIMESTAMPTZ, text)).toEqual(date);
      }),
    );
  });

  it.each([
    "2026-01-31 23:59:59.123456+00",
    "2026-01-31 23:59:59+05:30",
    "2026-01-31 23:59:59.1-08",
    "2026-01-31 23:59:59.12+01",
    "0050-01-31 23:59:59+00",
    "0044-03-15 12:00:00+00 BC",
    "12026-01-31 23:59:59+00",
    "infinity",
    "-infinity",
  ])("that are unusual are left to pg: %s", (text) => {
    expect(read(TIMESTAMPTZ, text)).toEqual(byPg(TIMESTAMPTZ, text));
  });
});

describe("numbers", () => {
  it("of 64 bits are bigints, all digits of them", () => {
    const min = -(2n ** 63n);
    fc.assert(
      fc.property(fc.bigInt({ min, max: 2n ** 63n - 1n }), (number) => {
        expect(read(INT8, String(number))).toBe(number);
      }),
    );
    for (const number of [0n, -1n, min, 999_999_999_999_999n, 1_000_000_000_000_000n, 9_007_199_254_740_993n]) {
      expect(read(INT8, String(number))).toBe(number);
    }
  });

  it("of 32 bits are numbers", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (number) => {
        expect(read(INT4, String(number))).toBe(number);
      }),
    );
  });
});

it("reads texts of any letters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(read(TEXT, text)).toBe(text);
    }),
  );
});
