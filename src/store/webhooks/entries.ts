// Reads the entries of many logs at once, with what filters go by, and the conversations of a replay.
import type { Queryable, Statement } from "../database.ts";
import { areCut, PAGE_BYTES } from "../driver/row-budget.ts";
import { type LogRow, logColumns, messageOfEntry } from "../log/statements.ts";
import { LATEST_ENTRY_TIME } from "../messages/message-time.ts";
import type { LogEntry } from "../messages/messages.ts";

/** Entries of one log: after `after`, up to `upto`. */
export interface LogRange {
  readonly conversationId: string;
  readonly after: bigint;
  readonly upto: bigint;
}

/** What a filter goes by. */
export interface ConversationTraits {
  readonly owner_id: string | null;
  readonly agent: string;
  readonly entity_type: string;
  readonly mode: string;
}

interface RangeRow extends LogRow, ConversationTraits {
  /** The place of the range in the list, from 1. */
  readonly ordinal: bigint;
}

/**
 * Entries as they are now: those of deleted messages have no content. No row of a range whose conversation is gone; a
 * row with a null `seq` where it holds no entries.
 * $1 tenant, $2 ids, $3 after, $4 up to, $5 the time from which on, or null.
 */
const readRangesStatement: Statement<RangeRow> = {
  name: "webhook_read_ranges",
  text: `
  select r.ordinal, c.owner_id, c.agent, c.entity_type, c.mode,
    ${logColumns}
  from unnest($2::uuid[], $3::bigint[], $4::bigint[]) with ordinality as r(id, after_seq, upto, ordinal)
  join conversation c on c.tenant_id = $1 and c.id = r.id
  left join lateral (
    (select m.seq, 0::smallint as type, m.sender as actor, m.create_time, null::jsonb as data, m.seq as message_seq
     from message m where m.tenant_id = $1 and m.conversation_id = c.id and m.seq > r.after_seq and m.seq <= r.upto
       and ($5::timestamptz is null or m.create_time >= $5))
    union all
    (select v.seq, v.type, v.actor, v.create_time, v.data, (v.data ->> 'message_seq')::bigint
     from event v where v.tenant_id = $1 and v.conversation_id = c.id and v.seq > r.after_seq and v.seq <= r.upto
       and ($5::timestamptz is null or v.create_time >= $5))
  ) e on true
  ${messageOfEntry}
  order by r.ordinal, e.seq`,
  maxBytes: PAGE_BYTES,
};

export interface RangeEntry {
  readonly range: LogRange;
  readonly entry: LogEntry;
  readonly traits: ConversationTraits;
}

export interface RangeEntries {
  /** In the order of the ranges and of `seq`. */
  readonly entries: readonly RangeEntry[];
  /** Whether more did not fit: what comes after the last entry is still to be read. */
  readonly cut: boolean;
}

/** The entries of ranges as they are now. */
export async function readRanges(
  on: Queryable,
  tenantId: string,
  ranges: readonly LogRange[],
  since?: Date,
): Promise<RangeEntries> {
  const rows = await on.query(readRangesStatement, [
    tenantId,
    ranges.map(({ conversationId }) => conversationId),
    ranges.map(({ after }) => after),
    ranges.map(({ upto }) => upto),
    since ?? null,
  ]);
  const entries = rows.flatMap((row): RangeEntry[] => {
    const range = ranges[Number(row.ordinal) - 1];
    return row.seq === null || range === undefined ? [] : [{ range, entry: row as LogEntry, traits: row }];
  });
  return { entries, cut: areCut(rows) };
}

/**
 * Conversations by id, with the last number of each that comes before a place in the feed. What comes after it is in
 * the feed. $1 tenant, $2 the id after which, or null, $3 limit, $4 position, $5 seq, $6 the time from which on, or
 * null.
 */
const replayStatement: Statement<{ id: string; head: bigint }> = {
  name: "webhook_replay",
  text: `
  select c.id, coalesce((
      select min(case when f.position = $4::bigint then greatest(f.after_seq, $5::bigint) else f.after_seq end)
      from feed f where f.tenant_id = $1 and f.conversation_id = c.id
        and (f.position > $4::bigint or (f.position = $4::bigint and f.seq > $5::bigint))
    ), h.seq, 0) as head
  from conversation c left join feed_head h on h.tenant_id = $1 and h.conversation_id = c.id
  where c.tenant_id = $1 and ($2::uuid is null or c.id > $2::uuid)
    and ($6::timestamptz is null or ${LATEST_ENTRY_TIME} >= $6)
  order by c.id limit $3`,
};

export interface ReplayPlace {
  readonly position: bigint;
  readonly seq: bigint;
  readonly since: Date | undefined;
}

/** The next conversations of a replay up to a place in the feed. */
export function replayConversations(
  on: Queryable,
  tenantId: string,
  after: string | undefined,
  limit: number,
  { position, seq, since }: ReplayPlace,
): Promise<{ id: string; head: bigint }[]> {
  return on.query(replayStatement, [tenantId, after ?? null, limit, position, seq, since ?? null]);
}
