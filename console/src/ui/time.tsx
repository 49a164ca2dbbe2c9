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

export interface TimeProps {
  readonly value: Timestamp | undefined;
  /** Whether the hour is shown of other days too. */
  readonly withClock?: boolean;
  readonly className?: string;
}

export function Time({ value, withClock = false, className }: TimeProps) {
  if (value === undefined) return null;
  const date = timestampDate(value);
  return (
    <time dateTime={date.toISOString()} title={whole.format(date)} className={className} lang={LANGUAGE}>
      {shortOf(date, new Date(), withClock)}
    </time>
  );
}

export function shortOf(date: Date, now: Date, withClock: boolean): string {
  if (date.toDateString() === now.toDateString()) return clock.format(date);
  const days = Math.abs(now.getTime() - date.getTime()) < 300 * DAY ? day : year;
  return withClock ? `${days.format(date)}, ${clock.format(date)}` : days.format(date);
}
