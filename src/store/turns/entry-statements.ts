// The statements that add a turn's entries to the log: as it goes on, and at its end.
import { pathRows } from "../branches/path.ts";
import type { Statement } from "../database.ts";
import { FOLLOWED_BYTES } from "../driver/row-budget.ts";
import { isMessage, type MessageRow, messageColumns } from "../messages/columns.ts";
import { countMessages, setMessageTime } from "../messages/message-time.ts";
import { asksForServer, isAbandoned, lease, now, shut, stop, type TurnRow, turnColumns } from "./columns.ts";

/**
 * Locks a conversation and its turn, and adds entries in order, unless the conversation takes no more. $1 tenant, $2
 * conversation, $3 turn; $12 the step, $13 tokens, as TokenColumns has them, $14 model, $15 the code points
 * of all messages of the turn, $16 which of the entries is its last message, from 1, or 0; of the entries: $17 ids, $18
 * kinds (null: a message), $19 roles, $20 senders (null: the agent), $21 contents, $22 parts, $23 steps, $24 states.
 *
 * @param condition on turn `t`
 * @param more columns of `target`, after a comma
 */
const addEntries = (condition: string, more = "") => `
  with target as materialized (
    select t.id, t.agent_id, ${shut} as shut, ${stop} as stop, ($13::bigint[])[1] as input_tokens,
      ($13::bigint[])[2] as output_tokens, ($13::bigint[])[3] as cached_tokens, ($13::bigint[])[4] as reasoning_tokens,
      ($13::bigint[])[5] as cache_write_tokens${more}
    from conversation c join turn t on t.tenant_id = $1 and t.id = $3::uuid and t.conversation_id = c.id
    where c.tenant_id = $1 and c.id = $2::uuid and ${condition}
    -- In this order.
    for no key update of c for update of t
  ), bump as (
    update conversation c set
      last_seq = c.last_seq + cardinality($17::uuid[]),
      message_count = c.message_count + ${countMessages("$18")},
      ${setMessageTime("c.update_time", `${countMessages("$18")} > 0`, now)}
    from target
    where c.tenant_id = $1 and c.id = $2::uuid and target.shut is null and cardinality($17::uuid[]) > 0
    returning c.last_seq - cardinality($17::uuid[]) as before, c.update_time
  ), added as (
    insert into message (tenant_id, conversation_id, seq, id, role, sender, content, state, create_time, kind, parts,
      turn_id, step)
    select $1, $2::uuid, b.before + e.ordinal, e.id, e.role, coalesce(e.sender, 'agent:' || t.agent_id::text), e.content,
      e.state, b.update_time, e.kind, e.parts, $3::uuid, e.step
    from target t, bump b,
      unnest($17::uuid[], $18::smallint[], $19::smallint[], $20::text[], $21::text[], $22::text[], $23::smallint[],
        $24::smallint[]) with ordinality as e(id, kind, role, sender, content, parts, step, state, ordinal)
  )`;

const countEntries = `
    entry_count = t.entry_count + case when exists (select from bump) then cardinality($17::uuid[]) else 0 end,
    first_seq = coalesce(t.first_seq, (select before + 1 from bump)),
    last_seq = coalesce((select before + cardinality($17::uuid[]) from bump), t.last_seq),
    reply_id = case when $16::integer > 0 and exists (select from bump) then ($17::uuid[])[$16::integer]
      else t.reply_id end,
    reply_seq = case when $16::integer > 0 then coalesce((select before + $16::integer from bump), t.reply_seq)
      else t.reply_seq end,
    step = $12::smallint, input_tokens = target.input_tokens, output_tokens = target.output_tokens,
    cached_tokens = target.cached_tokens, reasoning_tokens = target.reasoning_tokens,
    cache_write_tokens = target.cache_write_tokens, model = $14, said = $15::integer`;

/** The number before the entries, and when they were added; null: nothing was added. */
export interface AddedRow {
  readonly before: bigint | null;
  readonly update_time: Date | null;
}

/**
 * Adds entries to a turn that goes on. No row: it has ended, or has other entries than the caller knows of. `stop`: as
 * in `saveTurn`. $4 how many entries it has, $5 the server that runs it, or null: any, $6 its state then, $7 the server
 * that runs it then, $8 the length of the lease in milliseconds, or null: until it was to end before, $9 what the text belongs to, $10 the text, $11 the
 * calls without a result, $25 when the first piece came or null, $26 how much of the lengths of deltas stays, $27 those
 * after that.
 */
export const appendEntries: Statement<AddedRow & { stop: string | null; shut: boolean }> = {
  name: "turn_append",
  urgent: true,
  extendsLog: 1,
  text: `${addEntries("t.state in (2, 6) and t.entry_count = $4::integer and ($5::uuid is null or t.server = $5::uuid)", `, ${lease("$8")} as lease_time`)}
  , changed as (
    update turn t set state = $6::smallint, server = $7::uuid, lease_time = coalesce(target.lease_time, t.lease_time),
      open_entry = $9, text = $10,
      pending = $11, first_delta_time = coalesce(t.first_delta_time, $25::timestamptz),
      deltas = left(t.deltas, $26::integer) || $27::text, ${countEntries}
    from target where t.tenant_id = $1 and t.id = target.id and target.shut is null
  )
  select b.before, b.update_time, t.stop, t.shut is not null as shut from target t left join bump b on true`,
};

/**
 * Adds the last entries of a turn and ends it, in one transaction. Like `endTurn`. $4 how many entries it has, $5 the
 * states from which it may end, $6 the state it gets, $7 why it failed, $8 why the reply ends, $9 whether only to end
 * it if its lease is over, $10 the state of a turn that is cancelled, $11 why such a one's reply ends, $25 how much of
 * the lengths of deltas stays, $26 those after that, $27 the status and $28 the code with which the agent's endpoint
 * refused.
 */
export const finishTurn: Statement<TurnRow> = asksForServer({
  name: "turn_finish",
  urgent: true,
  extendsLog: 1,
  text: `${addEntries(`t.entry_count = $4::integer and t.state = any($5::smallint[])
      and (not $9::boolean or ${isAbandoned})`)}
  update turn t set
    state = case when target.shut is null then $6 else $10 end::smallint,
    failure = coalesce(target.shut, $7::text),
    finish_reason = case when target.shut is null then $8 else $11 end::smallint,
    text = '', open_entry = null, pending = null, options = null, end_time = ${now},
    deltas = left(t.deltas, $25::integer) || $26::text, failure_status = $27::smallint, failure_code = $28::text,
    ${countEntries}
  from target where t.tenant_id = $1 and t.id = target.id
  returning ${turnColumns}`,
});

/**
 * Ends a turn whose reply is one message of plain text, and adds that to the log, in one transaction. An empty reply
 * adds no message. If nothing may be added any more, the turn is cancelled without a message. No row: it had ended
 * before, or its server is alive, or it has entries. $1 tenant, $2 conversation, $3 id, $4 the states from which it may
 * end, $5 the state it gets, $6 why it failed, $7 the text, or null for what was saved, $8 the state of the message, $9
 * whether only to end it if its lease is over, $10 why the reply ends, $11 the state of a turn that is cancelled, $12
 * why such a one's reply ends, $13 tokens, as TokenColumns has them, $14 model, $15 how much of the lengths
 * of deltas stays, $16 those after that, $17 the status and $18 the code with which the agent's endpoint refused.
 */
export const endTurn: Statement<TurnRow> = asksForServer({
  name: "turn_end",
  urgent: true,
  extendsLog: 1,
  text: `
  with target as materialized (
    select t.id, t.reply_id, t.agent_id, t.step, ${shut} as shut,
      case when ${shut} is null then coalesce($7::text, t.text) else '' end as text
    from conversation c join turn t on t.tenant_id = $1 and t.id = $3::uuid and t.conversation_id = c.id
    where c.tenant_id = $1 and c.id = $2::uuid and t.state = any($4::smallint[]) and (not $9::boolean or ${isAbandoned})
      and t.entry_count = 0 and t.open_entry is null and t.pending is null
    -- In this order.
    for no key update of c for update of t
  ), bump as (
    update conversation c set
      last_seq = c.last_seq + 1,
      message_count = c.message_count + 1,
      ${setMessageTime("c.update_time", "true", now)}
    from target where c.tenant_id = $1 and c.id = $2::uuid and target.text <> ''
    returning c.last_seq, c.update_time
  ), added as (
    insert into message (tenant_id, conversation_id, seq, id, role, sender, content, state, create_time, turn_id, step)
    select $1, $2::uuid, b.last_seq, t.reply_id, 2, 'agent:' || t.agent_id::text, t.text, $8::smallint, b.update_time,
      t.id, t.step
    from bump b, target t
  )
  update turn t set
    state = case when target.shut is null then $5 else $11 end::smallint,
    failure = coalesce(target.shut, $6::text),
    finish_reason = case when target.shut is null then $10 else $12 end::smallint,
    text = '', options = null, reply_seq = (select last_seq from bump), first_seq = (select last_seq from bump),
    last_seq = (select last_seq from bump), entry_count = (select count(*) from bump), end_time = ${now},
    input_tokens = coalesce(($13::bigint[])[1], t.input_tokens),
    output_tokens = coalesce(($13::bigint[])[2], t.output_tokens),
    cached_tokens = coalesce(($13::bigint[])[3], t.cached_tokens),
    reasoning_tokens = coalesce(($13::bigint[])[4], t.reasoning_tokens),
    cache_write_tokens = coalesce(($13::bigint[])[5], t.cache_write_tokens), model = coalesce($14, t.model),
    deltas = left(t.deltas, $15::integer) || $16::text, failure_status = $17::smallint, failure_code = $18::text
  from target where t.tenant_id = $1 and t.id = target.id
  returning ${turnColumns}`,
});

/**
 * The entries of a turn, in order, deleted ones too. $1 tenant, $2 conversation, $3 turn, $4 after this number of the
 * log,
 * $5 up to this one, $6 how many.
 */
export const turnEntries: Statement<MessageRow> = {
  name: "turn_entries",
  text: `
  select ${messageColumns} from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq > $4::bigint and m.seq <= $5::bigint
    and m.turn_id = $3::uuid
  order by m.seq limit $6`,
  maxBytes: FOLLOWED_BYTES,
  isWeighed: true,
};

/** The calls of tools that an agent would get of a conversation. $1 tenant, $2 conversation. */
export const callEntries: Statement<{ parts: string | null }> = {
  name: "turn_call_entries",
  text: `
  select m.parts from conversation c cross join lateral (${pathRows({
    conversation: "c",
    newestFirst: true,
    after: "0",
    where: "l.delete_time is null and l.kind = 3",
    limit: "10000",
  })}) m
  where c.tenant_id = $1 and c.id = $2::uuid`,
  maxBytes: 64 << 20,
};

/** The most bytes of a conversation that an agent gets. */
export const MAX_CONTEXT_READ = 16 << 20;
const LATEST = { conversation: "c", newestFirst: true };

/**
 * What an agent gets of a conversation, the newest first: the latest messages, and all other entries since the first of
 * them, or from the beginning where there are fewer; and the last summary, once more if it is among these. $1 tenant,
 * $2 conversation, $3 how many messages, $4 what else from this number on, or null, $5 how many entries at most.
 */
export const turnContext: Statement<MessageRow> = {
  name: "turn_context",
  text: `
  with latest as (
    select m.seq from conversation c cross join lateral (${pathRows({
      ...LATEST,
      after: "0",
      where: `l.delete_time is null and ${isMessage("l")}`,
      limit: "$3::bigint",
    })}) m
    where c.tenant_id = $1 and c.id = $2::uuid
  )
  select ${messageColumns} from conversation c cross join lateral (
    select * from (${pathRows({
      ...LATEST,
      after: `(case when (select count(*) from latest) < $3::bigint then 0
        else least((select min(t.seq) from latest t), $4::bigint) - 1 end)`,
      where: "l.delete_time is null",
      limit: "$5::bigint",
    })}) n
    union all
    select * from (${pathRows({
      ...LATEST,
      after: "0",
      where: "l.delete_time is null and l.kind = 8 and l.content <> ''",
      limit: "1",
    })}) s
  ) m
  where c.tenant_id = $1 and c.id = $2::uuid
  order by m.seq desc`,
  maxBytes: MAX_CONTEXT_READ,
};
