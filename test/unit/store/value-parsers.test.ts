// Times as PostgreSQL writes them, read as pg reads them.
import fc from "fast-check";
import pg from "pg";
import { expect, it } from "vitest";
import { parseTimestamp } from "../../../src/store/value-parsers.ts";

const byPg = pg.types.getTypeParser(1184 as never) as (text: string) => Date | number;

it("reads times in UTC as pg does", () => {
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
      expect(parseTimestamp(text)).toEqual(date);
      expect(byPg(text)).toEqual(date);
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
])("leaves %s to pg", (text) => {
  expect(parseTimestamp(text)).toEqual(byPg(text));
});
