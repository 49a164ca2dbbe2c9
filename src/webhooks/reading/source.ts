// Reads the next events for an endpoint, in order.
import type { Database } from "../../store/database.ts";
import type { FeedRow } from "../../store/feed/feed.ts";
import { type LogRange, readRanges, replayConversations } from "../../store/webhooks/entries.ts";
import { type Encode, type ReadEntry, readEntry, readNotice } from "./entry.ts";
import type { HeldEntries, Reader } from "./held.ts";
import type { LogReader } from "./log-reader.ts";
import type { Place } from "./place.ts";

/** A step: an entry, or none where there is nothing to send, and the place after it. */
export interface Step {
  readonly entry: ReadEntry | undefined;
  readonly place: Place;
}

export interface Source {
  /** The next steps, about so many; none: there is nothing more for now, or at all in a replay. */
  next(limit: number, reader: Reader): Promise<readonly Step[]>;
}

/** Rows of the feed from a place on. */
export type ReadRows = (position: bigint, seq: bigint) => Promise<readonly FeedRow[]>;

/** The feed, from a place on. */
export function feedSource(
  rows: ReadRows,
  logs: LogReader,
  encode: Encode,
  from: Extract<Place, { kind: "feed" }>,
): Source {
  let { position, seq } = from;
  return {
    async next(limit, reader) {
      const found = await rows(position, seq);
      const parts = partsOf(found, position, seq, limit);
      const read = await Promise.all(
        parts.map(({ row, range }) =>
          range === undefined ? { entries: [readNotice(encode, row)], upto: row.seq } : logs.read(range, reader),
        ),
      );
      const steps: Step[] = [];
      for (const [index, { row, range }] of parts.entries()) {
        const { entries, upto } = read[index] ?? { entries: [], upto: 0n };
        position = row.position;
        for (const entry of entries) {
          if (entry === undefined) continue;
          seq = range === undefined ? row.seq : entry.seq;
          steps.push({ entry, place: { kind: "feed", position, seq } });
        }
        if (seq !== upto) steps.push({ entry: undefined, place: { kind: "feed", position, seq: upto } });
        seq = upto;
        // What comes after it did not fit: it is read again from here.
        if (range !== undefined && upto < range.upto) break;
      }
      return steps;
    },
  };
}

interface Part {
  readonly row: FeedRow;
  /** Undefined: the row is a notice. */
  readonly range: LogRange | undefined;
}

function partsOf(rows: readonly FeedRow[], position: bigint, seq: bigint, limit: number): Part[] {
  const parts: Part[] = [];
  let left = BigInt(limit);
  for (const row of rows) {
    if (left <= 0n) break;
    if (row.notice !== null) {
      parts.push({ row, range: undefined });
      left--;
      continue;
    }
    const after = row.position === position && seq > row.after_seq ? seq : row.after_seq;
    const upto = row.seq - after > left ? after + left : row.seq;
    parts.push({ row, range: { conversationId: row.conversation_id, after, upto } });
    left -= upto - after;
    if (upto < row.seq) break;
  }
  return parts;
}

/** Conversations of a replay that are looked up at once. */
const CONVERSATIONS = 200;

/** Everything before a place in the feed, conversation by conversation. */
export function replaySource(
  database: Database,
  tenantId: string,
  encode: Encode,
  held: HeldEntries,
  from: Extract<Place, { kind: "replay" }>,
  until: { readonly position: bigint; readonly seq: bigint; readonly since: Date | undefined },
): Source {
  let ranges: LogRange[] = [];
  let last: string | undefined = from.conversationId === "" ? undefined : from.conversationId;
  let begun = last === undefined;

  async function look(): Promise<boolean> {
    if (!begun) {
      // The conversation in which it stopped is gone on with: it is the first after its predecessor.
      begun = true;
      const [own] = await replayConversations(database, tenantId, predecessorOf(from.conversationId), 1, until);
      if (own?.id === from.conversationId && own.head > from.seq) {
        ranges = [{ conversationId: own.id, after: from.seq, upto: own.head }];
        return true;
      }
    }
    const found = await replayConversations(database, tenantId, last, CONVERSATIONS, until);
    last = found.at(-1)?.id ?? last;
    ranges = found.flatMap(({ id, head }) => (head > 0n ? [{ conversationId: id, after: 0n, upto: head }] : []));
    return found.length > 0;
  }

  return {
    async next(limit, reader) {
      const steps: Step[] = [];
      while (steps.length === 0) {
        while (ranges.length === 0) if (!(await look())) return [];
        const some = takeRanges(ranges, limit);
        const read = () => readRanges(database, tenantId, some, until.since);
        const { entries, cut } = await held.read(reader, read);
        for (const { range, entry, traits } of entries) {
          const { conversationId } = range;
          const place: Place = { kind: "replay", conversationId, seq: entry.seq };
          steps.push({ entry: readEntry(encode, conversationId, entry, traits), place });
        }
        const end = cut ? entries.at(-1) : undefined;
        ranges = restOf(ranges, some, end && { range: end.range, seq: end.entry.seq });
      }
      return steps;
    },
  };
}

function takeRanges(ranges: readonly LogRange[], limit: number): LogRange[] {
  const some: LogRange[] = [];
  let left = BigInt(limit);
  for (const range of ranges) {
    if (left <= 0n) break;
    const upto = range.upto - range.after > left ? range.after + left : range.upto;
    some.push({ ...range, upto });
    left -= upto - range.after;
  }
  return some;
}

/** What is left of ranges when the first of them were read, the last of them perhaps in part. */
function restOf(
  ranges: readonly LogRange[],
  read: readonly LogRange[],
  end: { range: LogRange; seq: bigint } | undefined,
): LogRange[] {
  const count = end === undefined ? read.length : read.indexOf(end.range) + 1;
  const upto = end?.seq ?? read.at(-1)?.upto ?? 0n;
  const [last] = ranges.slice(count - 1, count);
  const rest = ranges.slice(count);
  return last !== undefined && upto < last.upto ? [{ ...last, after: upto }, ...rest] : rest;
}

/** The greatest id that is less, by the order of uuid. Undefined: there is none. */
function predecessorOf(id: string): string | undefined {
  const number = BigInt(`0x${id.replaceAll("-", "")}`);
  if (number === 0n) return undefined;
  const hex = (number - 1n).toString(16).padStart(32, "0");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
