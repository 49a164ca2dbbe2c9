// A time with its day and its second, in the reader's zone: where it matters when exactly.
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { LOCALES } from "./locale.ts";

const format = new Intl.DateTimeFormat(LOCALES, { dateStyle: "medium", timeStyle: "medium" });

export function WholeTime({ value }: { value: Timestamp | undefined }) {
  if (value === undefined) return null;
  const date = timestampDate(value);
  return (
    <time dateTime={date.toISOString()} lang={format.resolvedOptions().locale} style={{ whiteSpace: "nowrap" }}>
      {format.format(date)}
    </time>
  );
}
