// Times in JSON: RFC 3339 in UTC, with as many digits of a second as are needed, in threes.
import type { Timestamp } from "@bufbuild/protobuf/wkt";

const DAY_S = 86_400;
/** What RFC 3339 can say, in seconds since 1970. */
const FIRST_S = Date.parse("0001-01-01T00:00:00Z") / 1000;
const LAST_S = Date.parse("9999-12-31T23:59:59Z") / 1000;

const ZERO = "0".charCodeAt(0);
const POINT = ".".charCodeAt(0);
const COLON = ":".charCodeAt(0);
const UTC = "Z".charCodeAt(0);

/** The times of one response are of few days, and to write a day takes longer than all the rest. Each has one place. */
const DAYS = 64;
const days: number[] = new Array(DAYS).fill(Number.NaN);
const dayCodes: DayCodes[] = new Array(DAYS).fill(codesOf(0));

/** Throws for a time that RFC 3339 cannot say. */
export function timestampJson({ seconds, nanos }: Timestamp): string {
  const whole = Number(seconds);
  if (!(whole >= FIRST_S && whole <= LAST_S)) throw new Error("a Timestamp must be from the year 1 to the year 9999");
  if (!(nanos >= 0 && nanos <= 999_999_999)) throw new Error("the nanos of a Timestamp must be less than a second");
  const day = Math.floor(whole / DAY_S);
  const place = day & (DAYS - 1);
  if (days[place] !== day) {
    dayCodes[place] = codesOf(day);
    days[place] = day;
  }
  const second = whole - day * DAY_S;
  const ms = nanos / 1_000_000;
  if (!Number.isInteger(ms)) return dayText(day) + fineText(second, nanos);
  return flatText(dayCodes[place] as DayCodes, second, ms);
}

type Code = number;
/** The characters of `0000-00-00T`. */
type DayCodes = readonly [Code, Code, Code, Code, Code, Code, Code, Code, Code, Code, Code];

/**
 * From single characters, which V8 makes one flat string of. What is put together of strings is a tree of them, at
 * which JSON.stringify leaves its fast path for all that it has to write.
 */
function flatText(d: DayCodes, second: number, ms: number): string {
  const hour = Math.trunc(second / 3600);
  const minute = Math.trunc(second / 60) % 60;
  const h1 = tens(hour);
  const h2 = ones(hour);
  const m1 = tens(minute);
  const m2 = ones(minute);
  const s1 = tens(second % 60);
  const s2 = ones(second % 60);
  const text = String.fromCharCode;
  if (ms === 0) {
    // biome-ignore format: one line for the day, one for its time
    return text(d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10],
      h1, h2, COLON, m1, m2, COLON, s1, s2, UTC);
  }
  // biome-ignore format: the same, with milliseconds
  return text(d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10],
    h1, h2, COLON, m1, m2, COLON, s1, s2, POINT, ZERO + Math.trunc(ms / 100), tens(ms % 100), ones(ms), UTC);
}

function tens(number: number): Code {
  return ZERO + Math.trunc(number / 10);
}

function ones(number: number): Code {
  return ZERO + (number % 10);
}

function codesOf(day: number): DayCodes {
  return Array.from(dayText(day), (char) => char.charCodeAt(0)) as unknown as DayCodes;
}

function dayText(day: number): string {
  return new Date(day * DAY_S * 1000).toISOString().slice(0, "0000-00-00T".length);
}

/** The time of day, finer than a millisecond. */
function fineText(second: number, nanos: number): string {
  const time = [Math.trunc(second / 3600), Math.trunc(second / 60) % 60, second % 60];
  const fraction = String(nanos).padStart(9, "0");
  const digits = nanos % 1000 === 0 ? fraction.slice(0, 6) : fraction;
  return `${time.map((number) => String(number).padStart(2, "0")).join(":")}.${digits}Z`;
}
