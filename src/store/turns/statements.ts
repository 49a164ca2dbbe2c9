// The statements about the life of turns.
import type { Statement } from "../database.ts";
import { forEachViewer, visible } from "../visibility.ts";
import {
  asksForServer,
  turnColumns as columns,
  isAbandoned,
  isOpen,
  lease,
  now,
  type OpenTurn,
  stop,
  stopFor,
  type TurnRow,
} from "./columns.ts";

/**
 * The open turns of a locked conversation, oldest first. `expired`: nobody will end it, as its lease is over, or it
 * waits for input and has lost its purpose. $1 tenant, $2 conversation.
 */
export const openTurns: Statement<OpenTurn> = asksForServer({
  name: "turn_open",
  text: `
  select t.id, t.state, ${isAbandoned} or (t.state = 6 and ${stop} is not null) as expired from turn t
  where t.tenant_id = $1 and t.conversation_id = $2::uuid and ${isOpen} order by t.message_seq`,
});

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
 * part in it lets the caller write, or null, $12 the tools that the caller brings, or null, $13 the message's id, $14
 * when it was asked for, or null for now, $15 the seq of the first of the entries to reply to, or null, $16 the turn
 * before it or null, $17 options, $18 note, $19 whether deltas are recorded, $20 whether calls that clients run end it,
 * $21 whether its entries are deleted if it fails, $22 whether its record is deleted.
 */
export const insertTurn: Statement<TurnRow> = {
  name: "turn_insert",
  text: `
  insert into turn as t (tenant_id, id, conversation_id, agent_id, caller, message_seq, message_id, reply_id, state,
    server, lease_time, create_time, start_time, member_id, tools, input_seq, previous_id, options, note, deltas,
    ends_with_calls, discards, ephemeral)
  select $1, $2::uuid, $3::uuid, $4::uuid, $5, $6::bigint, $13::uuid, $7::uuid, $8::smallint, $9::uuid, ${lease("$10")},
    n.time, case when $8::smallint = 2 then n.time end, $11, $12, $15::bigint, $16::uuid, $17, $18,
    case when $19::boolean then '' end, $20::boolean, $21::boolean, $22::boolean
  from (select coalesce($14::timestamptz, ${now}) as time) n
  returning ${columns}`,
};

/** Whether no earlier turn of the conversation blocks turn `t`. `$1` is the tenant. */
const next = `not exists (select from turn o where o.tenant_id = $1 and o.conversation_id = t.conversation_id
      and (o.state in (2, 6) or (o.state = 1 and o.message_seq < t.message_seq)))`;

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

/** The messages that the queued turns of a conversation reply to, as ranges of the log. $1 tenant, $2 conversation. */
export const queuedInputs: Statement<{ id: string; first: bigint; last: bigint }> = {
  name: "turn_queued_inputs",
  text: `
  select t.id, coalesce(t.input_seq, t.message_seq) as first, t.message_seq as last
  from turn t where t.tenant_id = $1 and t.state = 1 and t.conversation_id = $2::uuid`,
};

/**
 * Starts a queued turn if it is next, in the order of messages in the log (ids would follow the clocks of several
 * servers). No row: it is not next, not open any more, or another server has taken it over. $1 tenant, $2 conversation,
 * $3 id,
 * $4 the server.
 */
export const startTurn: Statement<TurnRow> = {
  name: "turn_start",
  text: `
  with locked as materialized (
    select c.id from conversation c where c.tenant_id = $1 and c.id = $2::uuid for no key update of c
  )
  update turn t set state = 2, start_time = ${now} from locked
  where t.tenant_id = $1 and t.id = $3::uuid and t.conversation_id = locked.id and t.state = 1
    and t.server = $4::uuid and ${next} and ${stop} is null
  returning ${columns}`,
};

/**
 * Saves the text so far and renews the lease. No row: the turn has ended, or another server runs it.
 * $1 tenant, $2 id, $3 how much of the saved text stays, $4 the text after that, $5 when the first piece came or null,
 * $6 the length of the lease in milliseconds, $7 what the text belongs to, $8 the server, $9 how much of the lengths of
 * deltas stays, $10 those after that.
 */
export const saveTurn: Statement<{ stop: string | null }> = {
  name: "turn_save",
  urgent: true,
  text: `
  update turn t set text = left(t.text, $3::integer) || $4::text, lease_time = ${lease("$6")},
    first_delta_time = coalesce(t.first_delta_time, $5::timestamptz), open_entry = $7,
    deltas = left(t.deltas, $9::integer) || $10::text
  where t.tenant_id = $1 and t.id = $2::uuid and t.state in (1, 2) and t.server = $8::uuid
  returning ${stop} as stop`,
};

/**
 * Renews the lease only. Like `saveTurn`, returns why the turn must stop. $1 tenant, $2 id, $3 the length of the lease
 * in milliseconds, $4 the server.
 */
export const renewTurn: Statement<{ stop: string | null }> = {
  name: "turn_renew",
  urgent: true,
  text: `
  update turn t set lease_time = ${lease("$3")}
  where t.tenant_id = $1 and t.id = $2::uuid and t.state in (1, 2) and t.server = $4::uuid
  returning ${stop} as stop`,
};

/**
 * Renews the leases of queued turns, and returns for each why it must stop, and whether it is next. No row: it is not
 * queued here any more. $1 tenant, $2 ids, $3 the length of the lease in milliseconds, $4 the server.
 */
export const renewWaiting: Statement<{ id: string; stop: string | null; next: boolean }> = {
  name: "turn_renew_waiting",
  urgent: true,
  text: `
  update turn t set lease_time = ${lease("$3")}
  where t.tenant_id = $1 and t.id = any($2::uuid[]) and t.state = 1 and t.server = $4::uuid
  returning t.id, ${stop} as stop, ${next} as next`,
};

/**
 * Takes over a queued turn whose server is gone. No row: it is not queued, its server is alive, or it has lost its
 * purpose.
 * $1 tenant, $2 id, $3 the server, $4 the length of the lease in milliseconds.
 */
export const takeOverTurn: Statement<{ id: string }> = asksForServer({
  name: "turn_take_over",
  text: `
  update turn t set server = $3::uuid, lease_time = ${lease("$4")}
  where t.tenant_id = $1 and t.id = $2::uuid and t.state = 1 and ${isAbandoned} and ${stop} is null
  returning t.id`,
});

/** Leaves a queued turn to other servers. $1 tenant, $2 id, $3 the server that had it. */
export const leaveTurn: Statement = {
  name: "turn_leave",
  text: `
  update turn t set lease_time = '-infinity'
  where t.tenant_id = $1 and t.id = $2::uuid and t.state = 1 and t.server = $3::uuid`,
};

/** $1 tenant, $2 id. No row: it has ended. */
export const turnIsOpen: Statement = {
  name: "turn_is_open",
  text: `select t.id from turn t where t.tenant_id = $1 and t.id = $2::uuid and ${isOpen}`,
};

/** Asks the server that runs a turn to end it. $1 tenant, $2 id. */
export const requestCancel: Statement = {
  name: "turn_request_cancel",
  text: `
  update turn t set cancel_time = coalesce(t.cancel_time, moment.now) from (select ${now} as now) moment
  where t.tenant_id = $1 and t.id = $2::uuid and ${isOpen}`,
};

export interface FollowedTurnRow extends TurnRow {
  /** The saved text of the open entry after the offset. */
  readonly text: string;
  /** What it belongs to, as domain/turns/reply-item.ts writes it; null: the reply, a message. */
  readonly open_entry: string | null;
  /** The lengths of its deltas; null: they are not recorded. */
  readonly deltas: string | null;
}

/** A turn, and what is saved of its text after an offset while it is open. $1 tenant, $2 caller, $3 id, $4 offset. */
export const followTurn = forEachViewer<FollowedTurnRow>(
  "turn_follow",
  (kind) => `
  select ${columns}, substr(t.text, $4::integer + 1) as text, t.open_entry, t.deltas
  from turn t join conversation c on c.tenant_id = $1 and c.id = t.conversation_id
  where t.tenant_id = $1 and t.id = $3::uuid and t.delete_time is null and c.delete_time is null and ${visible(kind)}`,
);

/**
 * Open turns with expired leases, of all tenants; each is then ended within its tenant. Reads only the index of open
 * turns.
 */
export const abandonedTurns: Statement<{ tenant_id: string; id: string; conversation_id: string }> = asksForServer({
  name: "turn_abandoned",
  text: `
  select t.tenant_id, t.id, t.conversation_id from tenant n join turn t on t.tenant_id = n.id
  where ${isOpen} and t.lease_time < statement_timestamp() and ${isAbandoned} limit 100`,
});

/**
 * Turns that wait for input and have lost their purpose, of all tenants: no server runs one, so none would notice.
 * Reads the index of open turns, and for each that waits its conversation, message and agent.
 */
export const unwantedTurns: Statement<{ tenant_id: string; id: string; conversation_id: string }> = {
  name: "turn_unwanted",
  text: `
  select t.tenant_id, t.id, t.conversation_id from tenant n join turn t on t.tenant_id = n.id
  where t.state = 6 and ${stopFor("t.tenant_id")} is not null limit 100`,
};

/** Why a turn must stop that waits for input. No row: it does not wait. $1 tenant, $2 id. */
export const stopOfWaiting: Statement<{ stop: string | null }> = {
  name: "turn_stop",
  text: `select ${stop} as stop from turn t where t.tenant_id = $1 and t.id = $2::uuid and t.state = 6`,
};
