// A time with its day and its second, in the reader's zone: where it matters when exactly.
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function WholeTime({ value }: { value: Timestamp | undefined }) {
  if (value === undefined) return null;
  const date = timestampDate(value);
  return (
    <time dateTime={date.toISOString()} style={{ whiteSpace: "nowrap" }}>
      {format.format(date)}
    </time>
  );
}
