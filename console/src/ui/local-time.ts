// Times of filters: the field shows the reader's zone, and the address has the instant, which is the same for a
// colleague elsewhere.
import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";

/** The field of a request, unless what the address has is no time. */
export function timeOf<N extends string>(name: N, instant: string | undefined): { readonly [K in N]?: Timestamp } {
  const date = new Date(instant ?? "");
  return Number.isNaN(date.getTime()) ? {} : ({ [name]: timestampFromDate(date) } as { [K in N]: Timestamp });
}

/** What a field for local times holds, as an instant. Empty: it holds none. */
export function toInstant(local: unknown): string {
  const date = new Date(typeof local === "string" ? local : "");
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

/** An instant as a field for local times holds it. Empty: it is no time. */
export function toLocal(instant: string | undefined): string {
  const date = new Date(instant ?? "");
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
