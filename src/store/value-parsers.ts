// How native statements read PostgreSQL's values: int8 as bigint, timestamptz as Date, json and jsonb parsed.
import pg, { type CustomTypesConfig } from "pg";
import { parseJson } from "../domain/json.ts";

const INT8 = 20;
const INT8_ARRAY = 1016;
const TIMESTAMPTZ = 1184;
const ZERO = "0".charCodeAt(0);
const JSON_TEXT = 114;
const JSONB = 3802;

const parseStrings = pg.types.getTypeParser(INT8_ARRAY as never) as (text: string) => (string | null)[];

function parseBigints(text: string): (bigint | null)[] {
  return parseStrings(text).map((item) => (item === null ? null : BigInt(item)));
}

const parseTime = pg.types.getTypeParser(TIMESTAMPTZ as never) as (text: string) => Date;

/** Milliseconds for one unit of the last digit, by the number of digits after the point. */
const UNITS = [0, 100, 10, 1];

/**
 * Reads `2026-01-31 23:59:59.123+00`, with three digits after the point or fewer: what PostgreSQL writes of our columns in
 * a session in UTC, and a tenth of the time that pg's parser takes. Leaves anything else to that.
 */
export function parseTimestamp(text: string): Date {
  const fraction = text.length === 22 ? 0 : text.length - 23;
  const unit = UNITS[fraction];
  if (unit === undefined || text[0] === "0" || text[10] !== " " || !text.endsWith("+00")) return parseTime(text);
  if (!text.startsWith(lastDay)) {
    lastDayMs = Date.UTC(digits(text, 0, 4), digits(text, 5, 7) - 1, digits(text, 8, 10));
    lastDay = text.slice(0, 11);
  }
  const seconds = (digits(text, 11, 13) * 60 + digits(text, 14, 16)) * 60 + digits(text, 17, 19);
  return new Date(lastDayMs + seconds * 1000 + digits(text, 20, 20 + fraction) * unit);
}

/** The times of one answer are mostly of one day. */
let lastDay = "none yet";
let lastDayMs = Number.NaN;

function digits(text: string, start: number, end: number): number {
  let number = 0;
  for (let i = start; i < end; i++) number = number * 10 + text.charCodeAt(i) - ZERO;
  return number;
}

/**
 * Given with each query, so that MikroORM, which shares the connections, keeps parsers of its own. What is not listed
 * here is pg's default: numeric stays text, timestamptz becomes a Date (milliseconds), json and jsonb are parsed.
 */
export const VALUE_PARSERS: CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") => {
    if (oid === INT8) return BigInt;
    if (oid === TIMESTAMPTZ) return parseTimestamp;
    if (oid === INT8_ARRAY) return parseBigints;
    if (oid === JSONB || oid === JSON_TEXT) return parseJson;
    return pg.types.getTypeParser(oid, format as "text");
  }) as CustomTypesConfig["getTypeParser"],
};
