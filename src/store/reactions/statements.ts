// The statements that add, remove and list reactions.
import { EventType } from "../../domain/event-type.ts";
import { ERASED } from "../../domain/identity/actor.ts";
import { MAX_KINDS } from "../../domain/reactions/reaction.ts";
import type { Counts } from "../../domain/reactions/tally.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { SET_MARK_TIME } from "../messages/message-time.ts";
import { forEachViewer, type ViewerKind, visible, writable } from "../visibility.ts";
import { countIn, isFull, reactionFunctions, recounted } from "./functions.ts";

/** The outcome of a change; no row: the caller does not see the message. */
export interface ReactionChangeRow {
  readonly conversation_id: string;
  readonly writable: boolean;
  /** Whether the message takes no other kind. */
  readonly full: boolean;
  /** Null: it has no reactions. */
  readonly reactions: Counts | null;
  /** The caller's own before the change. */
  readonly mine: readonly string[] | null;
}

/**
 * The message's place, its conversation locked, and what there was before: read by a lock too, which sees what others
 * have added while this one waited for the conversation. $1 tenant, $2 caller, $3 message id, $4 the
 * caller as an actor, $5 the reaction.
 */
const target = (kind: ViewerKind) => `place as materialized (
    select m.conversation_id, m.seq, m.tallied from message m
    where m.tenant_id = $1 and m.id = $3::uuid and m.delete_time is null
  ), target as materialized (
    select c.id, p.seq, p.tallied, ${writable(kind)} as writable
    from place p join conversation c on c.tenant_id = $1 and c.id = p.conversation_id
    where c.delete_time is null and ${visible(kind)}
    for no key update of c
  ), latest as materialized (
    select t.reactions from target g join message_tally t on t.tenant_id = $1 and t.conversation_id = g.id and t.seq = g.seq
    for no key update of t
  ), judged as materialized (
    select g.*, t.reactions as before, ${isFull} as full
    from target g left join latest t on true
  )`;

/** Adds an entry to the log for row `changed`, and answers. `type` says what happened. */
const logged = (type: number) => `bump as (
    update conversation c set last_seq = c.last_seq + 1,
      ${SET_MARK_TIME}
    from changed where c.tenant_id = $1 and c.id = changed.conversation_id
    returning c.id, c.last_seq, c.mark_time
  ), entry as (
    insert into event (tenant_id, conversation_id, seq, type, actor, create_time, data)
    select $1, b.id, b.last_seq, ${type}, $4::text, b.mark_time,
      jsonb_build_object('message_id', $3::uuid, 'message_seq', changed.seq, 'reaction', $5::text)
    from bump b cross join changed
  )
  select j.id as conversation_id, j.writable, j.full, coalesce(tally.reactions, j.before) as reactions, (
      select array_agg(r.name) from reaction r
      where r.tenant_id = $1 and r.conversation_id = j.id and r.seq = j.seq and r.actor = $4::text) as mine
  from judged j left join tally on true`;

/**
 * Adds a reaction, counts it and adds its log entry, unless it is there, in one statement and so in one transaction:
 * the conversation is locked first, and rows that others added meanwhile are met by their keys. Parameters as of
 * `target`.
 */
export const addReaction = forEachViewer<ReactionChangeRow>(
  "reaction_add",
  (kind) => `
  with ${target(kind)}, changed as (
    insert into reaction (tenant_id, conversation_id, seq, actor, name, create_time)
    select $1, j.id, j.seq, $4::text, $5::text, date_trunc('milliseconds', statement_timestamp()) from judged j
    where j.writable and not j.full
    on conflict do nothing returning conversation_id, seq
  ), tally as (
    insert into message_tally as t (tenant_id, conversation_id, seq, reactions)
    select $1, changed.conversation_id, changed.seq, jsonb_build_array(jsonb_build_array($5::text, 1)) from changed
    on conflict (tenant_id, conversation_id, seq) do update set reactions = coalesce(
        (select ${recounted("+ 1")} ${countIn("excluded.reactions -> 0 ->> 0")}), t.reactions || excluded.reactions)
    returning t.reactions
  ), flagged as (
    update message m set tallied = true from changed, judged j
    where m.tenant_id = $1 and m.conversation_id = changed.conversation_id and m.seq = changed.seq and j.tallied is null
  ), ${logged(EventType.REACTION_ADDED)}`,
  { changes: true, extendsLog: "conversation_id", sharded: (kind) => reactionFunctions.add[kind].call() },
);

/** Removes one, likewise. */
export const removeReaction = forEachViewer<ReactionChangeRow>(
  "reaction_remove",
  (kind) => `
  with ${target(kind)}, changed as (
    delete from reaction r using judged j
    where r.tenant_id = $1 and r.conversation_id = j.id and r.seq = j.seq and r.actor = $4::text and r.name = $5::text
      and j.writable
    returning r.conversation_id, r.seq
  ), tally as (
    update message_tally t set reactions = coalesce((
        select case when (e.value ->> 1)::integer > 1 then ${recounted("- 1")}
          else t.reactions - (e.ordinality - 1)::integer end
        ${countIn("$5::text")}), t.reactions)
    from changed
    where t.tenant_id = $1 and t.conversation_id = changed.conversation_id and t.seq = changed.seq
    returning t.reactions
  ), ${logged(EventType.REACTION_REMOVED)}`,
  { changes: true, extendsLog: "conversation_id", sharded: (kind) => reactionFunctions.remove[kind].call() },
);

export interface ReactionRow {
  /** Null in the only row of an empty page. */
  readonly name: string | null;
  readonly actor: string;
  readonly create_time: Date;
}

/**
 * Reactions to a message, oldest first. No row: the caller does not see the message. $1 tenant, $2 caller, $3 message
 * id,
 * $4 only this one or null, $5 time, $6 actor and $7 reaction after, $8 limit.
 */
export const listReactions = forEachViewer<ReactionRow>(
  "reaction_list",
  (kind) => `
  select r.name, r.actor, r.create_time
  from message m join conversation c on c.tenant_id = $1 and c.id = m.conversation_id
  left join lateral (
    select r.name, r.actor, r.create_time from reaction r
    where r.tenant_id = $1 and r.conversation_id = m.conversation_id and r.seq = m.seq
      and ($4::text is null or r.name = $4::text)
      and (r.create_time, r.actor, r.name) > ($5::timestamptz, $6::text collate "C", $7::text collate "C")
    order by r.create_time, r.actor, r.name limit $8
  ) r on true
  where m.tenant_id = $1 and m.id = $3::uuid and m.delete_time is null and c.delete_time is null and ${visible(kind)}
  order by r.create_time, r.actor, r.name`,
  { maxBytes: PAGE_BYTES },
);

/**
 * Reactions of a message for an export. $1 tenant, $2 conversation, $3 seq, then the last before: $4 time, $5 actor, $6
 * reaction, $7 limit.
 */
export const exportReactions: Statement<ReactionRow & { name: string }> = {
  name: "export_reactions",
  text: `
  select r.name, r.actor, r.create_time from reaction r
  where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq = $3::bigint
    and (r.create_time, r.actor, r.name) > ($4::timestamptz, $5::text collate "C", $6::text collate "C")
  order by r.create_time, r.actor, r.name limit $7`,
};

/**
 * Adds missing reactions to messages of locked conversations that were not erased, of each message up to the most kinds.
 * Returns them. $1 tenant, then arrays: message ids, actors, reactions, times.
 */
export const importReactions: Statement<{ conversation_id: string; seq: bigint }> = {
  name: "import_reactions",
  text: `
  with given as materialized (
    select m.conversation_id, m.seq, r.actor, r.name, r.create_time,
      case when k.known then 0 else coalesce(jsonb_array_length(t.reactions), 0)
        + dense_rank() over (partition by m.conversation_id, m.seq, k.known order by r.place) end as kind
    from (
      select g.*, min(g.ordinality) over (partition by g.message_id, g.name) as place
      from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) with ordinality
        as g(message_id, actor, name, create_time)
    ) r
    join message m on m.tenant_id = $1 and m.id = r.message_id and m.sender <> '${ERASED}'
    left join message_tally t on t.tenant_id = $1 and t.conversation_id = m.conversation_id and t.seq = m.seq
    cross join lateral (
      select coalesce(t.reactions @> jsonb_build_array(jsonb_build_array(r.name)), false) as known) k
  ), flagged as (
    update message m set tallied = true from (select distinct g.conversation_id, g.seq from given g) g
    where m.tenant_id = $1 and m.conversation_id = g.conversation_id and m.seq = g.seq and m.tallied is null
  ), tallies as (
    insert into message_tally (tenant_id, conversation_id, seq)
    select distinct $1::uuid, g.conversation_id, g.seq from given g on conflict do nothing
  )
  insert into reaction (tenant_id, conversation_id, seq, actor, name, create_time)
  select $1, g.conversation_id, g.seq, g.actor, g.name, g.create_time from given g where g.kind <= ${MAX_KINDS}
  on conflict do nothing returning conversation_id, seq`,
};

/** Counts the reactions of messages again. $1 tenant, then arrays: conversations, seqs. */
export const recountReactions: Statement = {
  name: "import_count_reactions",
  text: `
  update message_tally t set reactions = n.reactions
  from (
    select k.conversation_id, k.seq, jsonb_agg(jsonb_build_array(k.name, k.count) order by k.first, k.name) as reactions
    from (
      select r.conversation_id, r.seq, r.name, count(*) as count, min(r.create_time) as first
      from unnest($2::uuid[], $3::bigint[]) as a(conversation_id, seq)
      join reaction r on r.tenant_id = $1 and r.conversation_id = a.conversation_id and r.seq = a.seq
      group by r.conversation_id, r.seq, r.name
    ) k group by k.conversation_id, k.seq
  ) n
  where t.tenant_id = $1 and t.conversation_id = n.conversation_id and t.seq = n.seq`,
};
