// The statement that reads the messages of many conversations.
import { pathRows } from "../branches/path.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { tallyOf } from "../reactions/tally.ts";
import { type ViewerKind, visible } from "../visibility.ts";
import { bytesOf, isMessage, isOfKinds, type MessageRow, messageColumns } from "./columns.ts";

/** Bytes of a message in a response, without its text, metadata and parts. */
const MESSAGE_BYTES = 256;

/** A message, or a row without one for a conversation of which none is read. */
export interface BatchRow extends Omit<MessageRow, "id"> {
  /** The position of the conversation in the request, from 1. */
  readonly ordinal: bigint;
  readonly asked_id: string;
  /** Whether it has messages, but earlier conversations reached the limit. */
  readonly skipped: boolean;
  readonly id: string | null;
  /** The number of messages read up to this one. */
  readonly place: bigint;
  /** The bytes of the messages before this one. */
  readonly bytes_before: bigint;
}

/**
 * The messages of conversations, in the order asked for, oldest first in each, and a row for each conversation and one
 * message more than fits, to tell where the response ends. How many a conversation holds is known without reading it,
 * so what lies behind the limit is not read. No row: the caller does not see the conversation. $1 tenant, $2 caller, $3
 * ids, $4 latest of each or null, $5 limit, $6 of the first conversation only after this seq, $7 the most bytes; of
 * other kinds than messages alone: $8 kinds.
 */
export function listMessageBatch(viewer: ViewerKind, latest: boolean, ofKinds: boolean): Statement<BatchRow> {
  return {
    name: `message_batch_${viewer}${latest ? "_latest" : ""}${ofKinds ? "_kinds" : ""}`,
    maxBytes: 4 * PAGE_BYTES,
    text: `
  with asked as (
    select c.id, c.segmented, a.ordinal, case when a.ordinal = 1 and $6::bigint > 0 then 0
        else least(${ofKinds ? "c.last_seq" : "c.message_count"}, $4::bigint) end
      as wanted
    from unnest($3::uuid[]) with ordinality a(id, ordinal)
    join conversation c on c.tenant_id = $1 and c.id = a.id
    where c.delete_time is null and ${visible(viewer)}
  ), reached as (
    select a.id, a.segmented, a.ordinal, a.wanted, sum(a.wanted) over (order by a.ordinal) - a.wanted >= $5::bigint as behind from asked a
  ), found as (
    select r.ordinal, r.id as asked_id, r.behind and r.wanted > 0 as skipped, ${messageColumns}, m.tallied,
      coalesce(${bytesOf("m")} + ${MESSAGE_BYTES}, 0) as bytes
    from reached r left join lateral (
      ${pathRows({
        conversation: "r",
        after: "case when r.ordinal = 1 then $6::bigint else 0 end",
        where: `l.delete_time is null and not r.behind and ${ofKinds ? isOfKinds("l", "$8") : isMessage("l")}`,
        newestFirst: latest,
        limit: latest ? "$4::bigint" : "$5::bigint + 1",
      })}
    ) m on true
  ), counted as (
    select f.*, count(f.id) over w as place, sum(f.bytes) over w - f.bytes as bytes_before
    from found f window w as (order by f.ordinal, f.seq rows unbounded preceding)
  ), ended as (
    select c.*, lag(c.bytes_before) over (order by c.ordinal, c.seq) as bytes_before_last,
      row_number() over (partition by c.ordinal order by c.seq) = 1 as first
    from counted c
  )
  select e.*, ${tallyOf("e", "e.asked_id")} from ended e
  where e.first or (e.place <= $5::bigint + 1 and coalesce(e.bytes_before_last, 0) < $7::bigint)
  order by e.ordinal, e.seq`,
  };
}
