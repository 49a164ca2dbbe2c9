// A time in the reader's zone: short in sight, whole on demand.
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { LOCALES } from "./locale.ts";

const DAY = 24 * 60 * 60 * 1000;
const clock = new Intl.DateTimeFormat(LOCALES, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(LOCALES, { day: "numeric", month: "short" });
/** That of the words of dates, which the page's need not be. */
const LANGUAGE = clock.resolvedOptions().locale;
const year = new Intl.DateTimeFormat(LOCALES, { day: "numeric", month: "short", year: "numeric" });
const whole = new Intl.DateTimeFormat(LOCALES, { dateStyle: "full", timeStyle: "long" });

export function Time({ value, className }: { value: Timestamp | undefined; className?: string }) {
  if (value === undefined) return null;
  const date = timestampDate(value);
  return (
    <time dateTime={date.toISOString()} title={whole.format(date)} className={className} lang={LANGUAGE}>
      {shortOf(date)}
    </time>
  );
}

function shortOf(date: Date): string {
  const now = new Date();
  if (date.toDateString() === now.toDateString()) return clock.format(date);
  if (Math.abs(now.getTime() - date.getTime()) < 300 * DAY) return day.format(date);
  return year.format(date);
}
