// The statements that erase a member in one conversation, which is locked.
import type { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageKind as Kind } from "../../../gen/colloquy/v1/message_pb.ts";
import { ERASED } from "../../domain/identity/actor.ts";
import type { Statement } from "../database.ts";
import { isOpen, now } from "../turns/columns.ts";
import { isOwn } from "./share-statements.ts";

/**
 * A condition: a text of an audit entry, or a caller's name, is that of the member, or of an API key that acted for it.
 */
export function isName(column: string, member: string): string {
  // A key's id is a UUID: what it acted for begins at the 42nd character.
  return `(${column} = 'member:' || ${member} or left(${column}, 4) = 'key:' and substr(${column}, 42) = ${member})`;
}

/** Such a text without the member: the key stays. */
export function withoutName(column: string): string {
  return `case when left(${column}, 4) = 'key:' then left(${column}, 41) || 'erased' else '${ERASED}' end`;
}

/** A condition on turn `t`: it replied to the member. */
export function isOwnTurn(member: string): string {
  return `(t.member_id = ${member} or ${isName("t.caller", member)})`;
}

/** An entry that goes. */
export interface ErasedEntry {
  readonly id: string;
  readonly seq: bigint;
  readonly kind: MessageKind | null;
  readonly deleted: boolean;
}

/**
 * The next entries that a member sent or that reply to it, and summaries after them. $1 tenant, $2 conversation, $3
 * member, $4 after seq, $5 limit, $6 whether one was erased before.
 */
export const nextEntries: Statement<ErasedEntry & { own: boolean }> = {
  name: "erasure_entries",
  text: `
  select m.id::text as id, m.seq, m.kind, m.delete_time is not null as deleted, coalesce(m.kind, 0) <> ${Kind.SUMMARY} as own
  from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq > $4::bigint and m.sender <> '${ERASED}' and (
    m.sender = $3::text collate "C"
    or m.turn_id is not null and m.turn_id in (
      select t.id from turn t where t.tenant_id = $1 and t.conversation_id = $2::uuid and ${isOwnTurn("$3::text")})
    or m.kind = ${Kind.SUMMARY} and ($6::boolean or exists (
      select from message e where e.tenant_id = $1 and e.conversation_id = $2::uuid and e.seq < m.seq
        and e.sender in ($3::text collate "C", '${ERASED}'))
      or exists (
      select from message_revision r where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq < m.seq
        and r.editor in ($3::text collate "C", '${ERASED}'))))
  order by m.seq limit $5::integer`,
};

/**
 * Empties entries that are deleted. Returns the files of others that they named, and counts. $1 tenant, $2
 * conversation, $3 seqs, $4 member.
 */
export const emptyEntries: Statement<{ files: readonly string[] | null; revisions: bigint; reactions: bigint }> = {
  name: "erasure_empty",
  text: `
  with revisions as (
    delete from message_revision r where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq = any($3::bigint[])
    returning 1
  ), reactions as (
    delete from reaction r where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq = any($3::bigint[]) returning 1
  ), mentions as (
    delete from mention n where n.tenant_id = $1 and n.conversation_id = $2::uuid and n.seq = any($3::bigint[])
  ), tallies as (
    update message_tally t set reactions = '[]'
    where t.tenant_id = $1 and t.conversation_id = $2::uuid and t.seq = any($3::bigint[])
  ), uses as (
    delete from file_use u where u.tenant_id = $1 and u.conversation_id = $2::uuid and u.seq = any($3::bigint[])
    returning u.file_id
  ), emptied as (
    update message m set content = '', metadata = null, parts = null, mentions = null, sender = '${ERASED}', sender_name = null,
      client_id = null, client_time = null
    where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = any($3::bigint[])
  )
  select (select array_agg(distinct u.file_id::text) from uses u
      join file f on f.tenant_id = $1 and f.id = u.file_id and f.uploader <> $4::text collate "C") as files, (select count(*) from revisions) as revisions,
    (select count(*) from reactions) as reactions`,
};

/**
 * Removes the name from the next events, and the names of its reactions, which may be words. Returns the last and how
 * many. $1 tenant, $2 conversation, $3 member, $4 after seq, $5 limit.
 */
export const renameEvents: Statement<{ last_seq: bigint | null; count: bigint }> = {
  name: "erasure_events",
  text: `
  with named as (
    select e.seq from event e
    where e.tenant_id = $1 and e.conversation_id = $2::uuid and e.seq > $4::bigint
      and (e.actor = $3::text collate "C" or e.data ->> 'member_id' = $3::text)
    order by e.seq limit $5::integer
  ), renamed as (
    update event e set actor = case when e.actor = $3::text collate "C" then '${ERASED}' else e.actor end,
      data = case when e.data ->> 'member_id' = $3::text then e.data || '{"member_id": "${ERASED}"}'
        when e.actor = $3::text collate "C" and e.data ? 'reaction' then e.data || '{"reaction": ""}' else e.data end
    where e.tenant_id = $1 and e.conversation_id = $2::uuid and e.seq = any(array(select n.seq from named n))
    returning e.seq
  )
  select (select max(r.seq) from renamed r) as last_seq, (select count(*) from renamed) as count`,
};

/**
 * Removes the next reactions of a member, and says of which messages. $1 tenant, $2 conversation, $3 member, $4 from
 * seq, $5 limit.
 */
export const removeReactions: Statement<{ message_id: string; seq: bigint }> = {
  name: "erasure_reactions",
  text: `
  with gone as (
    delete from reaction r where r.tenant_id = $1 and r.conversation_id = $2::uuid and (r.seq, r.name) in (
        select o.seq, o.name from reaction o
        where o.tenant_id = $1 and o.conversation_id = $2::uuid and o.seq >= $4::bigint and o.actor = $3::text collate "C"
        order by o.seq, o.name limit $5::integer)
      and r.actor = $3::text collate "C"
    returning r.seq, r.name
  ), tallies as (
    update message_tally t set reactions = '[]'
    from (select distinct g.seq from gone g) n
    where t.tenant_id = $1 and t.conversation_id = $2::uuid and t.seq = n.seq
  )
  select m.id::text as message_id, g.seq from gone g
  join message m on m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = g.seq order by g.seq`,
};

/**
 * Removes the next mentions of a member in what others wrote. $1 tenant, $2 conversation, $3 member, $4 after seq, $5
 * limit.
 */
export const removeMentions: Statement<{ message_id: string; seq: bigint; revision: number }> = {
  name: "erasure_mentions",
  text: `
  with named as (
    select m.seq from message m
    where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq > $4::bigint and m.mentions ? $3::text
    order by m.seq limit $5::integer
  )
  update message m set mentions = nullif(m.mentions - $3::text, '[]'), version = m.version + 1
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = any(array(select n.seq from named n))
  returning m.id::text as message_id, m.seq, m.revision`,
};

/** $1 tenant, $2 conversation, $3 member, $4 after seq, $5 limit. */
export const forgetMentions: Statement<{ last_seq: bigint | null }> = {
  name: "erasure_mention_rows",
  text: `
  with gone as (
    delete from mention n where n.tenant_id = $1 and n.conversation_id = $2::uuid and n.member_id = $3::text collate "C"
      and n.seq in (select o.seq from mention o where o.tenant_id = $1 and o.conversation_id = $2::uuid
        and o.member_id = $3::text collate "C" and o.seq > $4::bigint order by o.seq limit $5::integer)
    returning n.seq
  ) select max(g.seq) as last_seq from gone g`,
};

/**
 * Forgets whom turns that have ended replied to, and asks others to end. $1 tenant, $2 conversation, $3 member.
 */
export const forgetTurns: Statement<{ ended: bigint; open: bigint }> = {
  name: "erasure_turns",
  text: `
  with ended as (
    update turn t set caller = ${withoutName("t.caller")}, member_id = null, text = '', failure = '', failure_code = '',
      options = null, note = null, tools = null, pending = null, open_entry = null, deltas = null
    where t.tenant_id = $1 and t.conversation_id = $2::uuid and ${isOwnTurn("$3::text")} and not (${isOpen}) returning 1
  ), open as (
    update turn t set cancel_time = coalesce(t.cancel_time, moment.now) from (select ${now} as now) moment
    where t.tenant_id = $1 and t.conversation_id = $2::uuid and ${isOwnTurn("$3::text")} and ${isOpen} returning 1
  )
  select (select count(*) from ended) as ended, (select count(*) from open) as open`,
};

/**
 * Ends what a member was in a conversation, and forgets the answers that are kept for repeats. $1 tenant, $2
 * conversation, $3 member.
 */
export const leaveConversation: Statement<{ left: bigint; unsent: bigint; answers: bigint; owned: boolean }> = {
  name: "erasure_leave",
  text: `
  with parts as (
    delete from participant p
    where p.tenant_id = $1 and p.conversation_id = $2::uuid and p.member_id = $3::text collate "C" returning 1
  ), drafts as (
    delete from draft d where d.tenant_id = $1 and d.conversation_id = $2::uuid and d.actor = $3::text collate "C" returning 1
  ), scheduled as (
    delete from scheduled_message s
    where s.tenant_id = $1 and s.conversation_id = $2::uuid and s.actor = $3::text collate "C" returning 1
  ), answers as (
    update idempotency i set answer = null
    where i.tenant_id = $1 and i.conversation_id = $2::uuid and i.answer is not null returning 1
  ), whole as (
    update conversation c set owner_id = case when c.owner_id = $3::text collate "C" then null else c.owner_id end,
      title = '', metadata = null, persona = null, profile_info = null, state_json = null, client_id = null, create_hash = null,
      creator = case when c.creator = $3::text collate "C" then '${ERASED}' else c.creator end
    where c.tenant_id = $1 and c.id = $2::uuid and ${isOwn("$3::text")}
    returning 1
  ), created as (
    update conversation c set creator = '${ERASED}'
    where c.tenant_id = $1 and c.id = $2::uuid and c.creator = $3::text collate "C" and c.owner_id <> $3::text collate "C"
  )
  select (select count(*) from parts) as left, (select count(*) from drafts) + (select count(*) from scheduled) as unsent,
    (select count(*) from answers) as answers, exists (select from whole) as owned`,
};
