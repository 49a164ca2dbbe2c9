// The statements of replies and mentions.
import { onPath } from "../branches/path.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { isMessage, type MessageRow, messageColumns, withinBytes } from "../messages/columns.ts";
import { tallyOf } from "../reactions/tally.ts";
import { forEachViewer, visible } from "../visibility.ts";

/** The places of messages that are not deleted. $1 tenant, $2 ids. */
export const placesOf: Statement<{ id: string; conversation_id: string; seq: bigint }> = {
  name: "reply_places",
  text: `
  select m.id, m.conversation_id, m.seq from message m
  where m.tenant_id = $1 and m.id = any($2::uuid[]) and m.delete_time is null`,
};

/**
 * Counts replies that were just added to a locked conversation. $1 tenant, $2 conversation, then arrays: ids of the
 * messages that they reply to, how many reply.
 */
export const countReplies: Statement = {
  name: "reply_count",
  text: `
  with parent as materialized (
    select p.seq, n.count from unnest($3::uuid[], $4::integer[]) as n(id, count)
    cross join lateral (
      select p.seq from message p where p.tenant_id = $1 and p.id = n.id and p.conversation_id = $2::uuid limit 1) p
  ), flagged as (
    update message m set tallied = true from parent
    where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = parent.seq and m.tallied is null
  )
  insert into message_tally as t (tenant_id, conversation_id, seq, reply_count, last_reply_time)
  select $1, $2::uuid, parent.seq, parent.count, (
    select c.last_message_time from conversation c where c.tenant_id = $1 and c.id = $2::uuid) from parent
  on conflict (tenant_id, conversation_id, seq) do update
    set reply_count = t.reply_count + excluded.reply_count, last_reply_time = excluded.last_reply_time`,
};

/**
 * Notes whom messages of a locked conversation mention. $1 tenant, $2 conversation, then arrays: seqs, member ids.
 */
export const addMentions: Statement = {
  name: "mention_add",
  text: `
  with flagged as (
    update message m set tallied = true
    where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = any($3::bigint[]) and m.tallied is null
  ), tallies as (
    insert into message_tally (tenant_id, conversation_id, seq)
    select distinct $1::uuid, $2::uuid, n.seq from unnest($3::bigint[]) as n(seq) on conflict do nothing
  ), known as (
    update conversation c set mentioned = true where c.tenant_id = $1 and c.id = $2::uuid and not c.mentioned
  )
  insert into mention (tenant_id, conversation_id, member_id, seq, message_id, create_time)
  select $1, $2::uuid, n.member_id, n.seq, m.id, m.create_time
  from unnest($3::bigint[], $4::text[]) as n(seq, member_id)
  join message m on m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = n.seq and m.sender <> n.member_id
  on conflict do nothing`,
};

/** Who takes part. $1 tenant, $2 conversation, $3 limit. */
export const participantIds: Statement<{ member_id: string }> = {
  name: "mention_all",
  text: `
  select p.member_id from participant p where p.tenant_id = $1 and p.conversation_id = $2::uuid limit $3`,
};

/** A message of a page; `id` is null in the only row of an empty page. */
export type ReplyRow = Omit<MessageRow, "id"> & {
  readonly id: string | null;
  /** Of all replies, in every row. */
  readonly unread_count: number;
};

/** Replies are counted as unread up to this number. */
const UNREAD_CAP = 1000;

/**
 * Messages that reply to one, deleted or not. No row: the caller does not see it. $1 tenant, $2 who asks, as an actor,
 * $3 message id, $4 seq after or before which, $5 limit.
 */
export function listReplies(newestFirst: boolean) {
  const [order, sign] = newestFirst ? ["desc", "<"] : ["asc", ">"];
  return forEachViewer<ReplyRow>(
    `reply_list_${order}`,
    (kind) => `
  select ${messageColumns}, m.followed, ${tallyOf("m")}, unread.count as unread_count
  from message p join conversation c on c.tenant_id = $1 and c.id = p.conversation_id
  left join lateral (${withinBytes(
    `select * from message l
    where l.tenant_id = $1 and l.conversation_id = p.conversation_id and l.reply_to = p.id and l.seq ${sign} $4::bigint
      and l.delete_time is null and ${isMessage("l")}
    order by l.seq ${order} limit $5`,
    `seq ${order}`,
  )}) m on true
  cross join lateral (select count(*)::integer as count from (
    select from participant me join message u
      on u.tenant_id = $1 and u.conversation_id = me.conversation_id and u.reply_to = p.id and u.seq > me.read_seq
    where me.tenant_id = $1 and me.conversation_id = p.conversation_id and me.member_id = $2::text
      and u.delete_time is null and ${isMessage("u")} and u.sender <> me.member_id
    limit ${UNREAD_CAP}) u) unread
  where p.tenant_id = $1 and p.id = $3::uuid and c.delete_time is null and ${visible(kind)}
  order by m.seq ${order}`,
    { maxBytes: PAGE_BYTES },
  );
}

const LATEST = "create_time desc, id desc";

/**
 * Messages that mention the caller, latest first. $1 tenant, $2 the caller, a member, $3 conversation or null, $4 time
 * and
 * $5 id before or null, $6 limit.
 */
export const listMentions = forEachViewer<MessageRow>(
  "mention_list",
  (kind) => `
  select ${messageColumns}, m.followed, ${tallyOf("m")} from (${withinBytes(
    `select m.* from mention n
    join message m on m.tenant_id = $1 and m.conversation_id = n.conversation_id and m.seq = n.seq
    join conversation c on c.tenant_id = $1 and c.id = n.conversation_id
    where n.tenant_id = $1 and n.member_id = $2::text and ($3::uuid is null or n.conversation_id = $3::uuid)
      and ($4::timestamptz is null or (n.create_time, n.message_id) < ($4::timestamptz, $5::uuid))
      and m.delete_time is null and c.delete_time is null and ${onPath("m")} and ${visible(kind)}
    order by n.create_time desc, n.message_id desc limit $6`,
    LATEST,
  )}) m
  order by m.create_time desc, m.id desc`,
  { maxBytes: PAGE_BYTES },
);

/**
 * Counts the replies and notes the mentions of messages that an import has added. $1 tenant, then arrays:
 * conversations, seqs.
 */
export const importReferences: Statement = {
  name: "import_references",
  text: `
  with added as materialized (
    select m.conversation_id, m.seq, m.id, m.sender, m.reply_to, m.mentions, m.create_time, m.delete_time, m.kind
    from unnest($2::uuid[], $3::bigint[]) as n(conversation_id, seq)
    join message m on m.tenant_id = $1 and m.conversation_id = n.conversation_id and m.seq = n.seq
  ), parent as materialized (
    select p.conversation_id, p.seq, count(*)::integer as count, max(a.create_time) as last
    from added a join message p on p.tenant_id = $1 and p.id = a.reply_to and p.conversation_id = a.conversation_id
    where a.delete_time is null and a.kind is null group by p.conversation_id, p.seq
  ), named as materialized (
    select distinct a.conversation_id, a.seq, a.id, a.create_time, p.member_id
    from added a cross join lateral jsonb_array_elements_text(a.mentions) as n(name)
    join participant p on p.tenant_id = $1 and p.conversation_id = a.conversation_id
      and (p.member_id = n.name or n.name = '@all')
    where p.member_id <> a.sender
  ), flagged as (
    update message m set tallied = true
    from (select conversation_id, seq from parent union select conversation_id, seq from named) f
    where m.tenant_id = $1 and m.conversation_id = f.conversation_id and m.seq = f.seq and m.tallied is null
  ), tallies as (
    insert into message_tally as t (tenant_id, conversation_id, seq, reply_count, last_reply_time)
    select $1::uuid, f.conversation_id, f.seq, max(f.count), max(f.last) from (
      select conversation_id, seq, count, last from parent
      union all select conversation_id, seq, 0, null from named
    ) f group by f.conversation_id, f.seq
    on conflict (tenant_id, conversation_id, seq) do update
      set reply_count = t.reply_count + excluded.reply_count,
        last_reply_time = greatest(t.last_reply_time, excluded.last_reply_time)
  ), known as (
    update conversation c set mentioned = true
    where c.tenant_id = $1 and c.id in (select n.conversation_id from named n) and not c.mentioned
  )
  insert into mention (tenant_id, conversation_id, member_id, seq, message_id, create_time)
  select $1, n.conversation_id, n.member_id, n.seq, n.id, n.create_time from named n on conflict do nothing`,
};
