// Numbers and spans of time, in the reader's language.
import { type Duration, durationMs, type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { LOCALES } from "./locale.ts";

const number = new Intl.NumberFormat(LOCALES);

export function amount(value: bigint | number): string {
  return number.format(value);
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** `812 bytes`, `1 MiB`, `1.5 GiB`: rounded down, so that what is within a limit as it is told is taken. */
export function size(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${number.format(Math.floor((bytes / 1024 ** unit) * 10) / 10)} ${UNITS[unit]}`;
}

/** The server tells limits to programs: in bytes. */
export function withSizes(message: string): string {
  return message.replace(/\b(\d+) bytes\b/g, (_, bytes) => size(Number(bytes)));
}

/** The server counts unread messages up to here. */
const MOST_UNREAD = 1_000;

export function unreadCount(count: number): string {
  return count >= MOST_UNREAD ? `${number.format(MOST_UNREAD)}+` : number.format(count);
}

/** The middle one; of an even number, the mean of both in the middle. Undefined: there is none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** `350 ms`, `4.2 s`, `3 min 20 s`, `5 min`. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${number.format(Math.round(ms / 100) / 10)} s`;
  if (ms < 3_600_000) return ofTwo(Math.round(ms / 1_000), "min", "s");
  return ofTwo(Math.round(ms / 60_000), "h", "min");
}

/** Sixty of the small unit are one of the large; none of the small are not said. */
function ofTwo(count: number, large: string, small: string): string {
  const rest = count % 60;
  return `${Math.floor(count / 60)} ${large}${rest === 0 ? "" : ` ${rest} ${small}`}`;
}

/** The span between two times. Undefined: one of them is not there yet. */
export function msBetween(from: Timestamp | undefined, to: Timestamp | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : timestampMs(to) - timestampMs(from);
}

export function spanOf(duration: Duration | undefined): string | undefined {
  return duration === undefined ? undefined : span(durationMs(duration));
}
