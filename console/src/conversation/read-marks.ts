// Where on the page members have read up to.
import type { LogWindow } from "./log/log-window.ts";

export interface Mark {
  readonly memberId: string;
  readonly readSeq: bigint;
}

export interface Placing extends Pick<LogWindow, "messages" | "hasLater"> {
  /** The member that reads the page: what it has read it knows. */
  readonly ownId?: string;
}

/**
 * The members at the last message that they have read, by its place in the log. A mark may lie at an entry that is no
 * message, such as that of a new participant; one outside of the window is left out.
 */
export function placedReaders(
  marks: readonly Mark[],
  { messages, hasLater, ownId }: Placing,
): ReadonlyMap<bigint, readonly string[]> {
  const readers = new Map<bigint, string[]>();
  const last = messages.at(-1)?.seq ?? 0n;
  for (const { memberId, readSeq } of marks) {
    if (memberId === ownId) continue;
    if (hasLater && readSeq > last) continue;
    const place = messages.findLast(({ seq }) => seq <= readSeq)?.seq;
    if (place !== undefined) readers.set(place, [...(readers.get(place) ?? []), memberId]);
  }
  return readers;
}
