// Times in JSON: RFC 3339 in UTC, with as many digits of a second as are needed, in threes.
import type { Timestamp } from "@bufbuild/protobuf/wkt";

const DAY_S = 86_400;
/** What RFC 3339 can say, in seconds since 1970. */
const FIRST_S = Date.parse("0001-01-01T00:00:00Z") / 1000;
const LAST_S = Date.parse("9999-12-31T23:59:59Z") / 1000;
const TWO_DIGITS = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0"));

/** The times of one answer are mostly of one day, and to write a day takes longer than all the rest. */
let lastDay = Number.NaN;
let lastDayText = "";

/** Throws for a time that RFC 3339 cannot say. */
export function timestampJson({ seconds, nanos }: Timestamp): string {
  const whole = Number(seconds);
  if (!(whole >= FIRST_S && whole <= LAST_S)) throw new Error("a Timestamp must be from the year 1 to the year 9999");
  if (!(nanos >= 0 && nanos <= 999_999_999)) throw new Error("the nanos of a Timestamp must be less than a second");
  const day = Math.floor(whole / DAY_S);
  if (day !== lastDay) {
    lastDayText = new Date(day * DAY_S * 1000).toISOString().slice(0, 11);
    lastDay = day;
  }
  const second = whole - day * DAY_S;
  const hours = TWO_DIGITS[Math.floor(second / 3600)];
  const minutes = TWO_DIGITS[Math.floor(second / 60) % 60];
  return `${lastDayText}${hours}:${minutes}:${TWO_DIGITS[second % 60]}${fractionOf(nanos)}Z`;
}

function fractionOf(nanos: number): string {
  if (nanos === 0) return "";
  if (nanos % 1_000_000 === 0) return `.${String(nanos / 1_000_000).padStart(3, "0")}`;
  const digits = String(nanos).padStart(9, "0");
  return `.${digits.endsWith("000") ? digits.slice(0, 6) : digits}`;
}
