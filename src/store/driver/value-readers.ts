// How native statements read PostgreSQL's values, straight from the bytes of their text form: int8 as bigint, timestamptz as Date, json and jsonb parsed.
import pg from "pg";
import { parseJson } from "../../domain/json.ts";

/** Node's buffer, with the method that its `toString` comes down to, which takes a third longer. */
export interface Bytes extends Buffer {
  utf8Slice(start: number, end: number): string;
}

/** Reads the value whose text form lies from `start` to `end`. Throws if it is damaged. */
export type ReadValue = (bytes: Bytes, start: number, end: number) => unknown;

const BYTEA = 17;
const INT8_ARRAY = 1016;
const TIMESTAMPTZ = 1184;

/**
 * How values of a type are read, by its number in `pg_type`. What is not listed here is read as pg does: numeric stays
 * text, bytea becomes bytes, arrays become arrays.
 */
export function valueReader(type: number): ReadValue {
  return READERS[type] ?? byPg(type);
}

function byPg(type: number): ReadValue {
  const parse = pg.types.getTypeParser(type, "text") as (text: string) => unknown;
  return (bytes, start, end) => parse(bytes.utf8Slice(start, end));
}

const readText: ReadValue = (bytes, start, end) => bytes.utf8Slice(start, end);

const readJson: ReadValue = (bytes, start, end) => parseJson(bytes.utf8Slice(start, end));

const readBoolean: ReadValue = (bytes, start) => bytes[start] === TRUE;

const readInteger: ReadValue = (bytes, start, end) =>
  bytes[start] === MINUS ? -digits(bytes, start + 1, end) : digits(bytes, start, end);

const readBigint: ReadValue = (bytes, start, end) =>
  // So many digits are a number that is exact.
  end - start <= 15 && bytes[start] !== MINUS ? BigInt(digits(bytes, start, end)) : BigInt(bytes.utf8Slice(start, end));

const bytesByPg = byPg(BYTEA);

/**
 * Bytes with memory of their own. Node cuts small buffers from slabs of 64 KiB, and one that is kept, such as the hash of a
 * key, would keep its whole slab.
 */
const readBytes: ReadValue = (bytes, start, end) => {
  const read = bytesByPg(bytes, start, end) as Buffer;
  const own = Buffer.allocUnsafeSlow(read.length);
  read.copy(own);
  return own;
};

const arrayByPg = byPg(INT8_ARRAY);

const readBigints: ReadValue = (bytes, start, end) =>
  (arrayByPg(bytes, start, end) as (string | null)[]).map((text) => (text === null ? null : BigInt(text)));

const timestampByPg = byPg(TIMESTAMPTZ);

/**
 * Reads `2026-01-31 23:59:59.123+00`, with three digits after the point or fewer: what PostgreSQL writes of our columns in
 * a session in UTC, and a tenth of the time that pg's parser takes. Leaves anything else to that.
 */
const readTimestamp: ReadValue = (bytes, start, end) => {
  const length = end - start;
  const fraction = length === 22 ? 0 : length - 23;
  const unit = UNITS[fraction];
  const isUtc = bytes[end - 3] === PLUS && bytes[end - 2] === ZERO && bytes[end - 1] === ZERO;
  if (unit === undefined || !isUtc || bytes[start] === ZERO || bytes[start + 10] !== SPACE) {
    return timestampByPg(bytes, start, end);
  }
  const year = two(bytes, start) * 100 + two(bytes, start + 2);
  const month = two(bytes, start + 5);
  const day = two(bytes, start + 8);
  const date = (year * 100 + month) * 100 + day;
  if (date !== lastDate) {
    lastDateMs = Date.UTC(year, month - 1, day);
    lastDate = date;
  }
  const minutes = two(bytes, start + 11) * 60 + two(bytes, start + 14);
  const seconds = minutes * 60 + two(bytes, start + 17);
  return new Date(lastDateMs + seconds * 1000 + digits(bytes, start + 20, start + 20 + fraction) * unit);
};

/** Milliseconds for one unit of the last digit, by the number of digits after the point. */
const UNITS = [0, 100, 10, 1];

/** The times of one answer are mostly of one day. */
let lastDate = Number.NaN;
let lastDateMs = Number.NaN;

const READERS: Readonly<Record<number, ReadValue>> = {
  16: readBoolean,
  [BYTEA]: readBytes,
  20: readBigint,
  21: readInteger,
  23: readInteger,
  25: readText,
  114: readJson,
  [INT8_ARRAY]: readBigints,
  1043: readText,
  [TIMESTAMPTZ]: readTimestamp,
  2950: readText,
  3802: readJson,
};

const ZERO = "0".charCodeAt(0);
const SPACE = " ".charCodeAt(0);
const PLUS = "+".charCodeAt(0);
const MINUS = "-".charCodeAt(0);
const TRUE = "t".charCodeAt(0);

function digits(bytes: Bytes, start: number, end: number): number {
  let number = 0;
  for (let i = start; i < end; i++) number = number * 10 + (bytes[i] as number) - ZERO;
  return number;
}

function two(bytes: Bytes, at: number): number {
  return (bytes[at] as number) * 10 + (bytes[at + 1] as number) - 11 * ZERO;
}
