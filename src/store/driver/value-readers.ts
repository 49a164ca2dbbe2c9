// Decodes PostgreSQL's values from the bytes of their text format: int8 as bigint, timestamptz as Date, json and jsonb
// parsed.
import pg from "pg";
import { parseJson } from "../../domain/json.ts";

/** Node's buffer with the private method behind `toString`, which takes a third longer. */
export interface Bytes extends Buffer {
  utf8Slice(start: number, end: number): string;
}

/** Decodes the text from `start` to `end`. Throws if it is invalid. */
export type ReadValue = (bytes: Bytes, start: number, end: number) => unknown;

const BYTEA = 17;
const INT8_ARRAY = 1016;
const TIMESTAMPTZ = 1184;

/**
 * The decoder of a type, by its oid. Other types are decoded as by pg: numeric stays text, bytea becomes bytes, arrays
 * become arrays.
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
  // Up to 15 digits are exact in a double.
  end - start <= 15 && bytes[start] !== MINUS ? BigInt(digits(bytes, start, end)) : BigInt(bytes.utf8Slice(start, end));

const bytesByPg = byPg(BYTEA);

/**
 * Copies the bytes. Node allocates small buffers from pools of 64 KiB, and a retained one, such as the hash of a key,
 * would retain its pool.
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
 * Decodes `2026-01-31 23:59:59.123+00` with up to three fractional digits, as PostgreSQL writes our columns in a UTC
 * session, in a tenth of the time of pg's parser, which decodes anything else.
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

/** Milliseconds of the last digit, by the number of fractional digits. */
const UNITS = [0, 100, 10, 1];

/** The times of one result are mostly on the same day. */
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
