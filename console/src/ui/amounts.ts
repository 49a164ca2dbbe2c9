// Numbers and spans of time, in the reader's language.
import { type Duration, durationMs, type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";

const number = new Intl.NumberFormat();

export function amount(value: bigint | number): string {
  return number.format(value);
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
