// The statements that read, lock and write messages.
import type { JsonObject } from "@bufbuild/protobuf";
import type { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { ERASED } from "../../domain/identity/actor.ts";
import { onPathOf } from "../branches/path.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { tallyOf } from "../reactions/tally.ts";
import { forEachViewer, visible } from "../visibility.ts";
import { isOfKinds, type MessageRow, messageColumns, withinBytes } from "./columns.ts";

/** $1 tenant, $2 caller, $3 id, $4 whether to include a deleted one. */
export const getMessage = forEachViewer<MessageRow>(
  "message_get",
  (kind) => `
  select ${messageColumns}, ${tallyOf("m")}
  from message m join conversation c on c.tenant_id = $1 and c.id = m.conversation_id
  where m.tenant_id = $1 and m.id = $3::uuid and ($4::boolean or m.delete_time is null) and c.delete_time is null
    and ${visible(kind)}`,
);

/** The place of a message, to lock its conversation first. $1 tenant, $2 id. */
export const locateMessage: Statement<{ conversation_id: string; seq: bigint }> = {
  name: "message_locate",
  text: "select m.conversation_id, m.seq from message m where m.tenant_id = $1 and m.id = $2::uuid",
};

/**
 * One message of a conversation that is locked already. $1 tenant, $2 who asks, as an actor, $3 conversation, $4 seq.
 */
export const readMessage: Statement<MessageRow> = {
  name: "message_read",
  text: `
  select ${messageColumns}, ${tallyOf("m")} from message m
  where m.tenant_id = $1 and m.conversation_id = $3::uuid and m.seq = $4`,
};

/** Places and times of messages, in the order of the ids. $1 tenant, $2 ids. */
export const placesById: Statement<Pick<MessageRow, "id" | "seq" | "create_time">> = {
  name: "message_places_by_id",
  text: `
  select m.id, m.seq, m.create_time from unnest($2::uuid[]) with ordinality as asked(id, ordinal)
  join message m on m.tenant_id = $1 and m.id = asked.id order by asked.ordinal`,
};

/**
 * Messages of a conversation that are not deleted, oldest first: as many as fit into a page, one at least.
 * $1 tenant, $2 conversation, $3 after seq, $4 limit, $5 kinds.
 */
export const messagesAfter: Statement<MessageRow> = {
  name: "message_after",
  maxBytes: PAGE_BYTES,
  text: `
  select ${messageColumns}, m.followed from (${withinBytes(
    `select * from message l
    where l.tenant_id = $1 and l.conversation_id = $2::uuid and l.delete_time is null and l.seq > $3::bigint
      and ${isOfKinds("l", "$5")} and ${onPathOf("l", "$2::uuid")}
    order by l.seq limit $4`,
    "seq",
  )}) m order by m.seq`,
};

/** The same without content. */
export const placesAfter: Statement<{ id: string; seq: bigint; kind: MessageKind | null }> = {
  name: "message_places_after",
  text: `
  select m.id, m.seq, m.kind from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.delete_time is null and m.seq > $3::bigint
    and ${isOfKinds("m", "$5")} and ${onPathOf("m", "$2::uuid")}
  order by m.seq limit $4`,
};

/**
 * Edits messages and keeps their earlier content as revisions.
 * $1 tenant, $2 conversation, $3 editor, $4 seqs, $5 roles, $6 contents, $7 metadata (JSON text), $8 client times,
 * $9 parts (JSON text or null).
 */
export const editMessages: Statement = {
  name: "message_edit",
  text: `
  with edit as (
    select * from unnest($4::bigint[], $5::smallint[], $6::text[], $7::text[], $8::timestamptz[],
      $9::text[]) as e(seq, role, content, metadata, client_time, parts)
  ), kept as (
    insert into message_revision (tenant_id, conversation_id, seq, revision, role, content, metadata, client_time,
      create_time, editor, parts)
    select m.tenant_id, m.conversation_id, m.seq, m.revision, m.role, m.content, m.metadata, m.client_time,
      coalesce(m.edit_time, m.create_time), $3, m.parts
    from message m join edit e on e.seq = m.seq
    where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = any($4::bigint[])
  )
  update message m set role = e.role, content = e.content, metadata = e.metadata::jsonb, client_time = e.client_time,
    parts = e.parts, revision = m.revision + 1, version = m.version + 1, edit_time = date_trunc('milliseconds', statement_timestamp())
  from edit e
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = any($4::bigint[]) and m.seq = e.seq`,
};

/**
 * Marks messages as deleted, or as not deleted any more; what was erased stays deleted. Returns those that are on the
 * live path. $1 tenant, $2 conversation, $3 seqs, $4 whether deleted.
 */
export const markMessagesDeleted: Statement<{ kind: MessageKind | null }> = {
  name: "message_mark_deleted",
  text: `
  with marked as (
  update message m set delete_time = case when $4::boolean then t.now end, version = m.version + 1
  from (select date_trunc('milliseconds', statement_timestamp()) as now) t
  -- With bounds, for PostgreSQL 15 would hold every message of the conversation against the list.
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = any($3::bigint[]) and ($4::boolean or m.sender <> '${ERASED}')
    and m.seq >= (select min(n) from unnest($3::bigint[]) n) and m.seq <= (select max(n) from unnest($3::bigint[]) n)
  returning m.conversation_id, m.seq, m.kind, m.reply_to, m.create_time
  ), parents as materialized (
    select n.reply_to, n.count, n.last, p.seq
    from (
      select m.reply_to, count(*)::integer as count, max(m.create_time) as last from marked m
      where m.reply_to is not null and m.kind is null group by m.reply_to
    ) n cross join lateral (
      -- A fence: each is looked up.
      select p.seq from message p where p.tenant_id = $1 and p.id = n.reply_to and p.conversation_id = $2::uuid limit 1
    ) p
  ), replied as (
    update message_tally t set reply_count = t.reply_count + case when $4::boolean then -n.count else n.count end,
      last_reply_time = case when $4::boolean then (
          select l.create_time from message l
          where l.tenant_id = $1 and l.conversation_id = $2::uuid and l.reply_to = n.reply_to and l.delete_time is null
            and l.kind is null and l.seq <> all($3::bigint[])
          order by l.seq desc limit 1)
        else greatest(t.last_reply_time, n.last) end
    from parents n
    -- Twice, so that their rows are found by the key: the join alone may read those of the whole conversation.
    where t.tenant_id = $1 and t.conversation_id = $2::uuid and t.seq = any(array(select o.seq from parents o)) and t.seq = n.seq
  )
  select m.kind from marked m where ${onPathOf("m", "$2::uuid")}`,
};

/**
 * Marks the next entries of a conversation. Returns how many changed, how many of those are messages, and the last.
 * $1 tenant, $2 conversation, $3 whether deleted, $4 after seq, $5 limit.
 */
export const markMessagesDeletedAfter: Statement<{ count: bigint; messages: bigint; last_seq: bigint | null }> = {
  name: "message_mark_deleted_after",
  text: `
  with piece as materialized (
    select count(*) as count, count(*) filter (where n.kind is null and n.live) as messages, max(n.seq) as last_seq from (
      select l.seq, l.kind, ${onPathOf("l", "$2::uuid")} as live from message l
      where l.tenant_id = $1 and l.conversation_id = $2::uuid and (l.delete_time is null) = $3::boolean
        and l.seq > $4::bigint and ($3::boolean or l.sender <> '${ERASED}')
      order by l.seq limit $5) n
  ), changed as (
    update message m set delete_time = case when $3::boolean then t.now end, version = m.version + 1
    from (select date_trunc('milliseconds', statement_timestamp()) as now) t
    where m.tenant_id = $1 and m.conversation_id = $2::uuid and (m.delete_time is null) = $3::boolean
      and ($3::boolean or m.sender <> '${ERASED}') and m.seq > $4::bigint and m.seq <= (select p.last_seq from piece p)
    returning m.reply_to, m.create_time, m.kind
  ), replied as (
    -- All replies go, in order: the last one takes the time with it.
    update message_tally t set reply_count = t.reply_count + case when $3::boolean then -n.count else n.count end,
      last_reply_time = case when $3::boolean then case when t.reply_count > n.count then t.last_reply_time end
        else greatest(t.last_reply_time, n.last) end
    from (
      select m.reply_to, count(*)::integer as count, max(m.create_time) as last from changed m
      where m.reply_to is not null and m.kind is null group by m.reply_to
    ) n cross join lateral (
      -- A fence: each is looked up.
      select p.seq from message p where p.tenant_id = $1 and p.id = n.reply_to and p.conversation_id = $2::uuid limit 1
    ) p
    where t.tenant_id = $1 and t.conversation_id = $2::uuid and t.seq = p.seq
  ) select count, messages, last_seq from piece`,
};

export interface RevisionRow {
  /** Null: the message was never edited. */
  readonly revision: number | null;
  readonly content: string;
  readonly metadata: JsonObject | null;
  readonly create_time: Date;
  readonly editor: string;
  readonly parts: string | null;
  readonly followed?: boolean;
}

/** The texts before. No row: the caller does not see the message. $1 tenant, $2 caller, $3 id, $4 after, $5 limit. */
export const listRevisions = forEachViewer<RevisionRow>(
  "message_revisions",
  (kind) => `
  select r.revision, r.content, r.metadata, r.create_time, r.editor, r.parts, r.followed
  from message m join conversation c on c.tenant_id = $1 and c.id = m.conversation_id
  left join lateral (${withinBytes(
    `select r.revision as id, r.revision, r.content, r.metadata, r.create_time, r.editor, r.parts
    from message_revision r
    where r.tenant_id = $1 and r.conversation_id = m.conversation_id and r.seq = m.seq and r.revision > $4
    order by r.revision limit $5`,
    "revision",
  )}) r on true
  where m.tenant_id = $1 and m.id = $3::uuid and m.delete_time is null and c.delete_time is null and ${visible(kind)}
  order by r.revision`,
  { maxBytes: PAGE_BYTES },
);
