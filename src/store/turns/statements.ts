// The statements about turns. A conversation is always locked before its turns.
import { ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { FinishReason, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { Statement } from "../database.ts";
import { isMessage, type MessageRow, messageColumns } from "../messages/columns.ts";
import { setMessageTime } from "../messages/message-time.ts";
import { forEachViewer, takesPart, visible } from "../visibility.ts";

export interface TurnRow {
  readonly id: string;
  readonly conversation_id: string;
  readonly agent_id: string;
  readonly message_id: string;
  readonly message_seq: bigint;
  readonly reply_id: string;
  /** Null: the turn has not ended, or its reply is empty. */
  readonly reply_seq: bigint | null;
  readonly state: TurnState;
  readonly failure: string;
  readonly finish_reason: FinishReason;
  readonly create_time: Date;
  readonly start_time: Date | null;
  readonly end_time: Date | null;
}

const columns = `t.id, t.conversation_id, t.agent_id, t.message_id, t.message_seq, t.reply_id, t.reply_seq, t.state,
  t.failure, t.finish_reason, t.create_time, t.start_time, t.end_time`;

const now = "date_trunc('milliseconds', clock_timestamp())";
const lease = (ms: string) => `clock_timestamp() + ${ms}::integer * interval '1 millisecond'`;

/** Why nothing may be added to conversation `c` for turn `t`, as text; null: it may. `$1` is the tenant. */
const shut = `case
    when c.delete_time is not null then 'the conversation was deleted'
    when c.status = ${ConversationStatus.CLOSED} then 'the conversation was closed'
    when not exists (select from message m where m.tenant_id = $1 and m.conversation_id = c.id
      and m.seq = t.message_seq and m.delete_time is null) then 'the message was deleted'
  end`;

/**
 * Why turn `t` must stop, as text; empty: it was cancelled; null: it may continue. A reply that has begun continues
 * without its caller. `$1` is the tenant.
 */
const stop = `(select case
    when t.cancel_time is not null then ''
    else coalesce(${shut}, case
      when not exists (select from agent a where a.tenant_id = $1 and a.id = t.agent_id and not a.disabled)
        then 'the agent was removed or disabled'
      when t.state = 1 and t.member_id is not null and (not (c.owner_id is not distinct from t.member_id
        or ${takesPart("t.member_id")}) or exists (select from member q
          where q.tenant_id = $1 and q.id = t.member_id and q.delete_time is not null))
        then 'who asked takes part no longer'
    end)
  end from conversation c where c.tenant_id = $1 and c.id = t.conversation_id)`;

/** The open turns of a locked conversation, oldest first. $1 tenant, $2 conversation. */
export const openTurns: Statement<{ id: string; expired: boolean }> = {
  name: "turn_open",
  text: `
  select t.id, t.lease_time < clock_timestamp() as expired from turn t
  where t.tenant_id = $1 and t.conversation_id = $2::uuid and t.state in (1, 2) order by t.message_seq`,
};

/** The latest turn that replies to a message. $1 tenant, $2 conversation, $3 the message's seq. */
export const turnOfMessage: Statement<TurnRow> = {
  name: "turn_of_message",
  text: `
  select ${columns} from turn t where t.tenant_id = $1 and t.conversation_id = $2::uuid and t.message_seq = $3::bigint
  order by t.id desc limit 1`,
};

/**
 * Adds a turn to a locked conversation. $1 tenant, $2 id, $3 conversation, $4 agent, $5 caller, $6 the message's seq,
 * $7 reply id, $8 state, $9 server, $10 the length of the lease in milliseconds, $11 the member whose
 * part in it lets the caller write, or null.
 */
export const insertTurn: Statement<TurnRow> = {
  name: "turn_insert",
  text: `
  insert into turn as t (tenant_id, id, conversation_id, agent_id, caller, message_seq, message_id, reply_id, state,
    server, lease_time, create_time, start_time, member_id)
  select $1, $2::uuid, $3::uuid, $4::uuid, $5, m.seq, m.id, $7::uuid, $8::smallint, $9::uuid, ${lease("$10")},
    m.create_time, case when $8::smallint = 2 then m.create_time end, $11
  from message m where m.tenant_id = $1 and m.conversation_id = $3::uuid and m.seq = $6::bigint
  returning ${columns}`,
};

/** Whether no earlier turn of the conversation blocks turn `t`. `$1` is the tenant. */
const next = `not exists (select from turn o where o.tenant_id = $1 and o.conversation_id = t.conversation_id
      and (o.state = 2 or (o.state = 1 and o.message_seq < t.message_seq)))`;

/**
 * The number of queued turns: in a conversation, of one caller, and in the tenant. Reads only the index of open turns.
 * $1 tenant, $2 conversation, $3 caller or null.
 */
export const countWaiting: Statement<{ conversation: number; caller: number; tenant: number }> = {
  name: "turn_count_waiting",
  text: `
  select count(*) filter (where t.conversation_id = $2::uuid)::integer as conversation,
    count(*) filter (where t.caller = $3)::integer as caller, count(*)::integer as tenant
  from turn t where t.tenant_id = $1 and t.state = 1`,
};

/**
 * Starts a queued turn if it is next, in the order of messages in the log (ids would follow the clocks of several
 * servers). No row: it is not next, or not open any more. $1 tenant, $2 conversation, $3 id.
 */
export const startTurn: Statement<TurnRow> = {
  name: "turn_start",
  text: `
  with locked as materialized (
    select c.id from conversation c where c.tenant_id = $1 and c.id = $2::uuid for no key update of c
  )
  update turn t set state = 2, start_time = ${now} from locked
  where t.tenant_id = $1 and t.id = $3::uuid and t.conversation_id = locked.id and t.state = 1
    and ${next} and ${stop} is null
  returning ${columns}`,
};

/**
 * Saves the text so far and renews the lease. No row: the turn has ended.
 * $1 tenant, $2 id, $3 how much of the saved text stays, $4 the text after that, $5 when the first piece came or null,
 * $6 the length of the lease in milliseconds.
 */
export const saveTurn: Statement<{ stop: string | null }> = {
  name: "turn_save",
  text: `
  update turn t set text = left(t.text, $3::integer) || $4::text, lease_time = ${lease("$6")},
    first_delta_time = coalesce(t.first_delta_time, $5::timestamptz)
  where t.tenant_id = $1 and t.id = $2::uuid and t.state in (1, 2)
  returning ${stop} as stop`,
};

/**
 * Renews the lease only. Like `saveTurn`, returns why the turn must stop. $1 tenant, $2 id, $3 the length of the lease
 * in milliseconds.
 */
export const renewTurn: Statement<{ stop: string | null }> = {
  name: "turn_renew",
  text: `
  update turn t set lease_time = ${lease("$3")}
  where t.tenant_id = $1 and t.id = $2::uuid and t.state in (1, 2)
  returning ${stop} as stop`,
};

/**
 * Renews the leases of queued turns, and returns for each why it must stop, and whether it is next. No row: it is not
 * queued any more. $1 tenant, $2 ids, $3 the length of the lease in milliseconds.
 */
export const renewWaiting: Statement<{ id: string; stop: string | null; next: boolean }> = {
  name: "turn_renew_waiting",
  text: `
  update turn t set lease_time = ${lease("$3")}
  where t.tenant_id = $1 and t.id = any($2::uuid[]) and t.state = 1
  returning t.id, ${stop} as stop, ${next} as next`,
};

/** $1 tenant, $2 id. No row: it has ended. */
export const turnIsOpen: Statement = {
  name: "turn_is_open",
  text: "select t.id from turn t where t.tenant_id = $1 and t.id = $2::uuid and t.state in (1, 2)",
};

/** Asks the server that runs a turn to end it. $1 tenant, $2 id. */
export const requestCancel: Statement = {
  name: "turn_request_cancel",
  text: `
  update turn t set cancel_time = coalesce(t.cancel_time, ${now})
  where t.tenant_id = $1 and t.id = $2::uuid and t.state in (1, 2)`,
};

/**
 * Ends a turn and adds the reply to the log, in one transaction. An empty reply adds no message. If nothing may be
 * added any more, the turn is cancelled without a message. No row: it had ended before, or its server is alive. $1
 * tenant, $2 conversation, $3 id, $4 the states from which it may end, $5 the state it gets, $6 why it failed, $7 the
 * text, or null for what was saved, $8 the state of the message, $9 whether only to end it if its lease is over, $10
 * why the reply ends, $11 the state of a turn that is cancelled, $12 why such a one's reply ends.
 */
export const endTurn: Statement<TurnRow> = {
  name: "turn_end",
  extendsLog: 1,
  text: `
  with locked as materialized (
    select c.id, c.status, c.delete_time from conversation c where c.tenant_id = $1 and c.id = $2::uuid
    for no key update of c
  ), target as materialized (
    select t.id, t.reply_id, t.agent_id, ${shut} as shut,
      case when ${shut} is null then coalesce($7::text, t.text) else '' end as text
    from locked c join turn t on t.tenant_id = $1 and t.id = $3::uuid and t.conversation_id = c.id
    where t.state = any($4::smallint[]) and (not $9::boolean or t.lease_time < clock_timestamp())
    for update of t
  ), bump as (
    update conversation c set
      last_seq = c.last_seq + 1,
      message_count = c.message_count + 1,
      ${setMessageTime("c.update_time", "true", now)}
    from target where c.tenant_id = $1 and c.id = $2::uuid and target.text <> ''
    returning c.last_seq, c.update_time
  ), added as (
    insert into message (tenant_id, conversation_id, seq, id, role, sender, content, state, create_time)
    select $1, $2::uuid, b.last_seq, t.reply_id, 2, 'agent:' || t.agent_id::text, t.text, $8::smallint, b.update_time
    from bump b, target t
  )
  update turn t set
    state = case when target.shut is null then $5 else $11 end::smallint,
    failure = coalesce(target.shut, $6::text),
    finish_reason = case when target.shut is null then $10 else $12 end::smallint,
    text = '', reply_seq = (select last_seq from bump), end_time = ${now}
  from target where t.tenant_id = $1 and t.id = target.id
  returning ${columns}`,
};

/** A turn, and what is saved of its text after an offset while it is open. $1 tenant, $2 caller, $3 id, $4 offset. */
export const followTurn = forEachViewer<TurnRow & { text: string }>(
  "turn_follow",
  (kind) => `
  select ${columns}, substr(t.text, $4::integer + 1) as text
  from turn t join conversation c on c.tenant_id = $1 and c.id = t.conversation_id
  where t.tenant_id = $1 and t.id = $3::uuid and c.delete_time is null and ${visible(kind)}`,
);

/**
 * The latest messages of a conversation, for an agent, the newest first, without their parts. $1 tenant, $2 conversation, $3 how many.
 */
export const latestMessages: Statement<MessageRow> = {
  name: "turn_context",
  text: `
  select ${messageColumns.replace("m.parts", "null::text as parts")} from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.delete_time is null and ${isMessage("m")}
  order by m.seq desc limit $3`,
};

/**
 * Open turns with expired leases, of all tenants; each is then ended within its tenant. Reads only the index of open
 * turns.
 */
export const abandonedTurns: Statement<{ tenant_id: string; id: string; conversation_id: string }> = {
  name: "turn_abandoned",
  text: `
  select t.tenant_id, t.id, t.conversation_id from tenant n join turn t on t.tenant_id = n.id
  where t.state in (1, 2) and t.lease_time < clock_timestamp() limit 100`,
};
