// The statements that list messages: of one conversation, deleted ones of all, and search.
import type { Deleted } from "../../domain/lists/deleted.ts";
import { onPath, pathCount, pathRows } from "../branches/path.ts";
import { changedSince, MOMENT } from "../changed-since.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { tallyOf } from "../reactions/tally.ts";
import { forEachViewer, SHOWN, type ViewerKind, visible } from "../visibility.ts";
import { isMessage, isOfKinds, type MessageRow, messageColumns, withinBytes } from "./columns.ts";
import { searchFilter } from "./search-filters.ts";

/** A message of a page; `id` is null in the only row of an empty page. */
export interface ListedMessageRow extends Omit<MessageRow, "id"> {
  readonly id: string | null;
  /** Whether another message was found after it that does not fit into the page; null in an empty page. */
  readonly followed?: boolean | null;
  /** The total number of matches; null unless requested. */
  readonly total: bigint | null;
  /** In the first row of a list that may be known: the state of the conversation; null: it has none. */
  readonly log_state?: string | null;
}

export interface MessageListShape {
  readonly viewer: ViewerKind;
  readonly newestFirst: boolean;
  readonly deleted: Deleted;
  /** Whether rows are skipped, filtered by role, sender or kind, or counted; a plain page needs none of it. */
  readonly filtered: boolean;
  /** Whether what is counted is all messages of the conversation, which its row knows; such a list is filtered. */
  readonly all?: boolean;
  /** Whether one is looked up by its client id; such a list is filtered. */
  readonly named?: boolean;
  /** Whether the list is of another branch than the live one; such a list is filtered. */
  readonly given?: boolean;
  /**
   * Whether its rows are read only if the conversation is in another state than a known one; such a list is not
   * filtered, and has nothing of a conversation without a state.
   */
  readonly known?: boolean;
}

/**
 * The state of conversation `c`: its place in its log, and the transaction that wrote its row, which every change of
 * its messages and of their counts writes. A segmented one has none, for what it shows is in the states of others, too.
 */
const STATE = "case when not c.segmented then c.last_seq || '.' || c.xmin end";

/**
 * A page of a conversation's messages. No row: the caller does not see the conversation. One of $4 and $5 is the edge
 * of the page before, if there was one; all that match are counted within $11 and $12 instead. $1 tenant, $2 caller, $3
 * conversation, $4 after seq, $5 before seq, $6 limit; filtered: $7 skip, $8 role or 0, $9 sender or null, $10 whether
 * to count, $11 after seq and $12 before seq of the whole list, $13 kinds; known: $7 the known state or an empty text;
 * and then, named: a client id, given: arrays of first seqs, last seqs, sources and times of the path's segments.
 */
export function listMessages(shape: MessageListShape): Statement<ListedMessageRow> {
  const { viewer, newestFirst, deleted, filtered, all = false, named = false, given = false, known = false } = shape;
  const [letters, isShown] = SHOWN[deleted];
  const filters = filtered
    ? `($8::smallint = 0 or l.role = $8) and ($9::text is null or l.sender = $9) and ${isOfKinds("l", "$13")}${
        named ? " and l.client_id = $14::text" : ""
      }`
    : isMessage("l");
  // In the place where the rows are read, so that none is where the state is known.
  const moved = known ? ` and (${STATE}) is distinct from $7::text` : "";
  const where = `${isShown("l")} and ${filters}${moved}`;
  const [first = 0, ...rest] = [0, 1, 2, 3].map((place) => place + (named ? 15 : 14));
  const segments = `select * from unnest($${first}::bigint[], $${rest[0]}::bigint[], $${rest[1]}::uuid[], $${rest[2]}::timestamptz[])
      as s(from_seq, to_seq, source_id, as_of)`;
  const path = { conversation: "c", where, ...(given && { segments }), ...(known && { segments: "none" }) };
  const rows = pathRows({
    ...path,
    newestFirst,
    after: "$4::bigint",
    before: "$5::bigint",
    limit: "$6::bigint",
    ...(filtered && { skip: "$7::bigint" }),
  });
  const count = pathCount({ ...path, after: "$11::bigint", before: "$12::bigint" });
  const order = `seq ${newestFirst ? "desc" : "asc"}`;
  const page = withinBytes(rows, order);
  const flags = `${known ? "_known" : ""}${filtered ? "_filtered" : ""}${all ? "_all" : ""}${named ? "_named" : ""}${given ? "_given" : ""}`;
  return {
    name: `message_list_${viewer}_${newestFirst ? "desc" : "asc"}${flags}${letters && `_${letters}`}`,
    maxBytes: PAGE_BYTES,
    text: `
  select ${messageColumns}, m.followed, ${filtered ? "counted.total" : "null::bigint as total"},
    ${tallyOf("m", "c.id")}${known ? `, case when m.is_first is not false then ${STATE} end as log_state` : ""}
  from conversation c
  left join lateral (${page}) m on true
  ${
    filtered
      ? `left join lateral (
    select case when $10::boolean then ${all ? `case when not c.segmented then c.message_count else ${count} end` : count} end as total
  ) counted on true`
      : ""
  }
  where c.tenant_id = $1 and c.id = $3::uuid and c.delete_time is null and ${visible(viewer)}
  order by m.${order}`,
  };
}

/**
 * Deleted messages of all conversations in the order in which they were sent, or the latest first.
 * $1 tenant, $2 caller, $3 time and $4 id at the edge of the page before or null, $5 limit, $6 skip, $7 whether to
 * count,
 * $8 role or 0, $9 sender or null, $10 kinds.
 */
export function listDeletedMessages(viewer: ViewerKind, oldestFirst: boolean): Statement<ListedMessageRow> {
  const order = oldestFirst ? "asc" : "desc";
  const matching = `
    from message m join conversation c on c.tenant_id = $1 and c.id = m.conversation_id
    where m.tenant_id = $1 and m.delete_time is not null and c.delete_time is null
      and ($8::smallint = 0 or m.role = $8) and ($9::text is null or m.sender = $9) and ${isOfKinds("m", "$10")}
      and ${visible(viewer)}`;
  return {
    name: `message_list_deleted_${viewer}_${order}`,
    maxBytes: PAGE_BYTES,
    text: `
  with page as (${withinBytes(
    `select ${messageColumns}, m.tallied ${matching}
      and ($3::timestamptz is null or (m.create_time, m.id) ${oldestFirst ? ">" : "<"} ($3::timestamptz, $4::uuid))
    order by m.create_time ${order}, m.id ${order} limit $5 offset $6`,
    `create_time ${order}, id ${order}`,
  )}), counted as (
    select case when $7::boolean then (select count(*) ${matching}) end as total
  )
  select ${messageColumns.replaceAll("m.", "page.")}, page.followed, counted.total, ${tallyOf("page")} from counted left join page on true
  order by page.create_time ${order}, page.id ${order}`,
  };
}

export interface MatchRow extends MessageRow {
  readonly followed: boolean;
  readonly score: number;
  /** The moment of the statement. */
  readonly moment: string;
  /** Whether it has changed since the first page, and is repeated at the end. */
  readonly late: boolean;
  /** Of its conversation. */
  readonly title: string | null;
}

const BEST_FIRST = "late, place desc, id desc";

/**
 * Nodes of a query of four words. ts_rank compares the positions of each pair of required words, up to 134 million
 * pairs in one message (1.2 s, not interruptible): beyond four words each counts by itself.
 */
const NEAR_NODES = 7;

/**
 * Search, best match first. One index lookup has the words, the tenant and, if given, the conversation. An edit may
 * move a message past the pages that were read: messages that changed since the first page come at the end, by id, if
 * they still match. $1 tenant, $2 caller, $3 conversation or null, $4 query, $5 role or 0, $6 sender or null, $7 and $8
 * the score and id of the last of the page before or null, $9 limit, $10 whether that was at the end, $11 and $12 the
 * moment of the first page, $13 labels of the conversation or null, from $14 on the filters.
 */
export const searchMessages = forEachViewer<MatchRow>(
  "message_search",
  (kind) => `
  with asked as (
    select case when numnode(words) = 0 then words else words && quote_literal('tenant:' || $1::uuid::text)::tsquery && coalesce(
        quote_literal('conversation:' || $3::uuid::text)::tsquery, quote_literal('tenant:' || $1::uuid::text)::tsquery) end as scoped,
      case when numnode(words) <= ${NEAR_NODES} then words
        else regexp_replace(words::text, ' (&|<->|<[0-9]+>) ', ' | ', 'g')::tsquery end as ranked
    from to_tsquery('simple', $4) as words
  ), found as (
    select ${messageColumns}, m.tallied, c.title, ts_rank(m.search, asked.ranked) as score,
      ${changedSince("m", "$11", "$12")} as changed, ${MOMENT} as moment
    from asked, message m join conversation c on c.tenant_id = $1 and c.id = m.conversation_id
    where m.tenant_id = $1 and m.search @@ asked.scoped and m.delete_time is null and ${isMessage("m")}
      and ${onPath("m")} and ($3::uuid is null or m.conversation_id = $3::uuid) and c.delete_time is null
      and ($5::smallint = 0 or m.role = $5) and ($6::text is null or m.sender = $6)
      and ($13::jsonb is null or c.labels @> $13::jsonb) and ${searchFilter(14)} and ${visible(kind)}
  ), placed as (
    select *, case when not late then score end as place from (
      select *, $7::real is not null and ($10::boolean or not (score, id) < ($7::real, $8::uuid)) as late from found
    ) found
  )
  select f.*, ${tallyOf("f")} from (${withinBytes(
    `select * from placed where not late or (changed and (not $10::boolean or id < $8::uuid))
    order by ${BEST_FIRST} limit $9`,
    BEST_FIRST,
  )}) f
  order by ${BEST_FIRST}`,
  { maxBytes: PAGE_BYTES },
);
