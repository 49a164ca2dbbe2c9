// The statements that write a conversation's log: every entry gets the next number in the transaction that adds it.

import type { JsonObject } from "@bufbuild/protobuf";
import type { Interrupt } from "../../domain/cancellation.ts";
import { ACCESS_CHANGES } from "../../domain/event-type.ts";
import type { Statement } from "../database.ts";
import { FOLLOWED_BYTES, PAGE_BYTES } from "../driver/row-budget.ts";
import { countMessages, setEventTime, setMessageTime } from "../messages/message-time.ts";
import { forEachViewer, type ViewerKind, visible } from "../visibility.ts";

export { type SendRow, send } from "./send-statement.ts";

/**
 * Assigns the next numbers and adds entries as events, in order. A change of the conversation itself (not only of its
 * messages) also increments `version`. $1 tenant, $2 id, $3 actor, $4 types, $5 data (JSON text), $6 whether the
 * version moves, $7 the change in the number of messages, $8 the change in the number of participants, $9 whether it is
 * activity.
 */
export const appendEvents: Statement<{ last_seq: bigint }> = {
  name: "log_append_events",
  extendsLog: 1,
  changesAccess: ([, , , types]) => (types as readonly number[]).some((type) => ACCESS_CHANGES.has(type)),
  text: `
  with bump as (
    update conversation set
      last_seq = last_seq + cardinality($4::smallint[]),
      version = version + $6::integer,
      message_count = message_count + $7::bigint,
      participant_count = participant_count + $8::integer,
      ${setEventTime("$9::boolean")}
    where tenant_id = $1 and id = $2::uuid
    returning last_seq, case when $9::boolean then update_time else mark_time end as now
  ), added as (
    insert into event (tenant_id, conversation_id, seq, type, actor, create_time, data)
    select $1, $2::uuid, b.last_seq - cardinality($4::smallint[]) + e.ordinal, e.type, $3, b.now, e.data::jsonb
    from bump b, unnest($4::smallint[], $5::text[]) with ordinality as e(type, data, ordinal)
  )
  select last_seq from bump`,
};

/**
 * Assigns the next numbers and adds messages, in order, to a locked conversation.
 * $1 tenant, $2 id, $3 sender, $4 ids, $5 roles, $6 contents, $7 metadata (JSON text), $8 client times, $9 kinds (null:
 * a message), $10 parts (JSON text or null), $11 client ids or nulls, $12 parent ids or
 * nulls, $13 ids of messages that they reply to or nulls, $14 mentions (JSON text or null), $15 names of
 * senders or nulls.
 */
export const appendMessages: Statement<{ last_seq: bigint }> = {
  name: "log_append_messages",
  extendsLog: 1,
  text: `
  with bump as (
    update conversation set
      last_seq = last_seq + cardinality($4::uuid[]),
      message_count = message_count + ${countMessages("$9")},
      ${setMessageTime("update_time", `${countMessages("$9")} > 0`)}
    where tenant_id = $1 and id = $2::uuid
    returning last_seq, update_time
  ), added as (
    insert into message (tenant_id, conversation_id, seq, id, role, sender, content, metadata, client_time, create_time,
      kind, parts, client_id, parent_id, reply_to, mentions, sender_name)
    select $1, $2::uuid, b.last_seq - cardinality($4::uuid[]) + m.ordinal, m.id, m.role, $3, m.content, m.metadata::jsonb,
      m.client_time, b.update_time, m.kind, m.parts, m.client_id, m.parent_id, m.reply_to, m.mentions::jsonb,
      m.sender_name
    from bump b, unnest($4::uuid[], $5::smallint[], $6::text[], $7::text[], $8::timestamptz[], $9::smallint[], $10::text[],
      $11::text[], $12::uuid[], $13::uuid[], $14::text[], $15::text[])
      with ordinality as m(id, role, content, metadata, client_time, kind, parts, client_id, parent_id, reply_to,
        mentions, sender_name, ordinal)
  )
  select last_seq from bump`,
};

/**
 * Writes the rows of conversations whose messages or counts were changed without a new entry: by their rows it is known
 * whether a page still shows what there is. $1 tenant, $2 ids.
 */
export const touchConversations: Statement = {
  name: "log_touch",
  text: "update conversation c set last_seq = c.last_seq where c.tenant_id = $1 and c.id = any($2::uuid[])",
};

/** An entry of the log: a message where `type` is 0, else an event. */
export interface LogRow {
  /** Null: the log holds nothing after the cursor. */
  readonly seq: bigint | null;
  readonly type: number;
  readonly actor: string;
  readonly create_time: Date;
  readonly data: JsonObject | null;
  readonly message_id: string | null;
  readonly message_seq: bigint | null;
  readonly role: number | null;
  readonly sender: string | null;
  readonly content: string | null;
  readonly metadata: JsonObject | null;
  readonly state: number | null;
  readonly client_time: Date | null;
  readonly message_create_time: Date | null;
  readonly edit_time: Date | null;
  readonly delete_time: Date | null;
  readonly revision: number | null;
  readonly version: number | null;
  readonly kind: number | null;
  readonly parts: string | null;
  readonly client_id: string | null;
  readonly turn_id: string | null;
  readonly step: number | null;
  readonly parent_id: string | null;
  readonly reply_to: string | null;
  readonly mentions: readonly string[] | null;
  readonly sender_name: string | null;
}

/** The last number of logs. $1 tenant, $2 ids of conversations. */
export const readEnds: Statement<{ id: string; last_seq: bigint }> = {
  name: "log_ends",
  text: "select id::text as id, last_seq from conversation where tenant_id = $1 and id = any ($2::uuid[])",
};

/**
 * Visibility of conversations: the positions, from 1, of the pairs in which the viewer sees the conversation.
 * $1 tenant, $2 viewers, $3 ids of conversations, as many.
 */
export const readVisible = forEachViewer<{ place: bigint }>(
  "log_visible",
  (kind) => `
  select a.place
  from unnest($2::text[], $3::uuid[]) with ordinality as a(viewer, id, place)
  join conversation c on c.tenant_id = $1 and c.id = a.id
  where ${visible(kind, '(a.viewer collate "C")')}`,
);

/** An entry `e` with its message `m` as it is now: of a deleted one, without content. */
export const logColumns = `e.seq, e.type, e.actor, e.create_time, e.data, m.id as message_id, m.seq as message_seq, m.role, m.sender,
    case when m.delete_time is null then m.content else '' end as content,
    case when m.delete_time is null then m.metadata end as metadata,
    m.state, m.client_time, m.create_time as message_create_time, m.edit_time, m.delete_time, m.revision, m.version,
    m.kind, case when m.delete_time is null then m.parts end as parts, m.client_id, m.turn_id, m.step,
    m.parent_id, m.reply_to, m.mentions, m.sender_name`;

/** Joins the message of entry `e` of conversation `c`. `$1` is the tenant. */
export const messageOfEntry = `left join lateral (
    -- A fence: each message is looked up, instead of joining with all those of the conversation.
    select * from message l where l.tenant_id = $1 and l.conversation_id = c.id and l.seq = e.message_seq limit 1
  ) m on true`;

export interface ReadLogOptions {
  readonly signal?: Interrupt;
  readonly showDeleted?: boolean;
  /**
   * Whether the page is held for a reader who may be slow: it is smaller, and `bytesOf` says how large. Default: false.
   */
  readonly isHeld?: boolean;
}

const logAfter = (kind: ViewerKind) => `
  select ${logColumns}
  from conversation c
  left join lateral (
    select * from (
      (select m.seq, 0::smallint as type, m.sender as actor, m.create_time, null::jsonb as data, m.seq as message_seq
       from message m where m.tenant_id = $1 and m.conversation_id = c.id and m.seq > $4::bigint
       order by m.seq limit $5)
      union all
      (select v.seq, v.type, v.actor, v.create_time, v.data, (v.data ->> 'message_seq')::bigint
       from event v where v.tenant_id = $1 and v.conversation_id = c.id and v.seq > $4::bigint
       order by v.seq limit $5)
    ) merged order by merged.seq limit $5
  ) e on true
  ${messageOfEntry}
  where c.tenant_id = $1 and c.id = $3::uuid and ($6::boolean or c.delete_time is null) and ${visible(kind)}
  order by e.seq`;

/**
 * The log after a cursor: messages and events merged by `seq`. One row with a null `seq`: there are no entries. No row:
 * the caller does not see the conversation. $1 tenant, $2 caller, $3 id, $4 after, $5 limit, $6 whether the log of a
 * deleted conversation is read too.
 */
export const readLog = forEachViewer<LogRow>("log_read", logAfter, { maxBytes: PAGE_BYTES });

/** The same, a little at a time, for readers who may be slow. */
export const readBacklog = forEachViewer<LogRow>("log_backlog", logAfter, {
  maxBytes: FOLLOWED_BYTES,
  isWeighed: true,
});
