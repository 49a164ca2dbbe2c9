// Times in JSON: RFC 3339 in UTC, with as many digits of a second as are needed, in threes.
import type { Timestamp } from "@bufbuild/protobuf/wkt";

const DAY_S = 86_400;
/** What RFC 3339 can say, in seconds since 1970. */
const FIRST_S = Date.parse("0001-01-01T00:00:00Z") / 1000;
const LAST_S = Date.parse("9999-12-31T23:59:59Z") / 1000;

/**
 * Each time is written here and read as one: a string that is put together of many is taken apart again by whoever writes
 * it out, which takes several times as long.
 */
const text = Buffer.from("0000-00-00T00:00:00.000000000Z");
const FRACTION_AT = "0000-00-00T00:00:00".length;
const ZERO = "0".charCodeAt(0);
const POINT = ".".charCodeAt(0);
const UTC = "Z".charCodeAt(0);

/** The times of one answer are mostly of one day, and to write a day takes longer than all the rest. */
let lastDay = Number.NaN;

/** Throws for a time that RFC 3339 cannot say. */
export function timestampJson({ seconds, nanos }: Timestamp): string {
  const whole = Number(seconds);
  if (!(whole >= FIRST_S && whole <= LAST_S)) throw new Error("a Timestamp must be from the year 1 to the year 9999");
  if (!(nanos >= 0 && nanos <= 999_999_999)) throw new Error("the nanos of a Timestamp must be less than a second");
  const day = Math.floor(whole / DAY_S);
  if (day !== lastDay) {
    text.write(new Date(day * DAY_S * 1000).toISOString(), "latin1");
    lastDay = day;
  }
  const second = whole - day * DAY_S;
  const minute = Math.trunc(second / 60);
  writeTwo(11, Math.trunc(minute / 60));
  writeTwo(14, minute % 60);
  writeTwo(17, second % 60);
  return text.toString("latin1", 0, writeFraction(nanos));
}

/** Gives where the text ends. */
function writeFraction(nanos: number): number {
  let end = FRACTION_AT;
  if (nanos !== 0) {
    const digits = nanos % 1_000_000 === 0 ? 3 : nanos % 1000 === 0 ? 6 : 9;
    text[end] = POINT;
    writeDigits(end + 1, digits, nanos / 10 ** (9 - digits));
    end += 1 + digits;
  }
  text[end] = UTC;
  return end + 1;
}

function writeTwo(at: number, number: number): void {
  const tens = Math.trunc(number / 10);
  text[at] = ZERO + tens;
  text[at + 1] = ZERO + number - 10 * tens;
}

function writeDigits(at: number, count: number, number: number): void {
  let rest = number;
  for (let i = at + count - 1; i >= at; i--) {
    text[i] = ZERO + (rest % 10);
    rest = Math.trunc(rest / 10);
  }
}
