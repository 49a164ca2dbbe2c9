// The statements that find the conversations in which a member left something.
import type { Statement } from "../database.ts";
import { holdsOver, ONE_BY_ONE } from "../legal-holds/condition.ts";
import { LATEST_ENTRY_TIME } from "../messages/message-time.ts";
import { isOwn, wordsOf } from "./share-statements.ts";
import { isName, isOwnTurn } from "./statements.ts";

/**
 * Whether somebody else than member `$3` has to do with conversation `c`: as its owner, a participant, an author or in
 * a fork.
 */
const OTHERS = `(c.owner_id is not null and c.owner_id <> $3::text collate "C"
    or c.owner_id is null and c.creator <> $3::text collate "C"
    or exists (select from participant p where p.tenant_id = $1 and p.conversation_id = c.id and p.member_id <> $3::text collate "C" ${ONE_BY_ONE})
    or exists (select from branch_run shown where shown.tenant_id = $1 and shown.source_id = c.id and shown.source_id <> shown.conversation_id ${ONE_BY_ONE})
    or exists (select from message m where m.tenant_id = $1 and m.conversation_id = c.id and m.sender <> $3::text collate "C"
      and left(m.sender, 4) <> 'key:' and left(m.sender, 6) <> 'agent:' and left(m.sender, 7) <> 'system:' ${ONE_BY_ONE}))`;

const WROTE = `exists (select from message m where m.tenant_id = $1 and m.conversation_id = c.id
      and (m.sender = $3::text collate "C" or m.mentions ? $3::text) ${ONE_BY_ONE})`;

/** Whether member `$3` left something in conversation `c`. The log is read where nothing else says so. */
const INVOLVED = `(c.owner_id = $3::text collate "C" or c.creator = $3::text collate "C"
    or exists (select from participant p where p.tenant_id = $1 and p.conversation_id = c.id and p.member_id = $3::text collate "C" ${ONE_BY_ONE})
    or exists (select from draft d where d.tenant_id = $1 and d.conversation_id = c.id and d.actor = $3::text collate "C" ${ONE_BY_ONE})
    or exists (select from scheduled_message s where s.tenant_id = $1 and s.conversation_id = c.id and s.actor = $3::text collate "C" ${ONE_BY_ONE})
    or exists (select from turn t where t.tenant_id = $1 and t.conversation_id = c.id and ${isOwnTurn("$3::text")} ${ONE_BY_ONE})
    or ${WROTE}
    or exists (select from event e where e.tenant_id = $1 and e.conversation_id = c.id
      and (e.actor = $3::text collate "C" or e.data ->> 'member_id' = $3::text) ${ONE_BY_ONE})
    or exists (select from reaction r where r.tenant_id = $1 and r.conversation_id = c.id and r.actor = $3::text collate "C" ${ONE_BY_ONE})
    or exists (select from message_revision r where r.tenant_id = $1 and r.conversation_id = c.id and r.editor = $3::text collate "C" ${ONE_BY_ONE}))`;

/** Conversations with more entries than this are looked at in windows of their own: no statement takes long. */
const WINDOW_ENTRIES = 50_000;

const WINDOW = `looked as materialized (
    select n.id from (
      select l.id, sum(l.last_seq) over (order by l.id) - l.last_seq as before from (
        select c.id, c.last_seq from conversation c
        where c.tenant_id = $1 and c.id > $2::uuid and ($4::timestamptz is null or ${LATEST_ENTRY_TIME} >= $4)
        order by c.id limit $5::integer) l
    ) n where n.before < ${WINDOW_ENTRIES}
  )`;

/** Each is looked up by its id: a join may go through all of the tenant for each. */
const LOOKED_UP = `looked l cross join lateral (
      select * from conversation x where x.tenant_id = $1 and x.id = l.id ${ONE_BY_ONE}) c`;

/**
 * The next conversations, and those of them in which a member left something. $1 tenant, $2 after id, $3 member, $4
 * only those changed since, or null, $5 how many.
 */
export const nextWindow: Statement<{
  last_id: string | null;
  looked: number;
  ids: readonly string[] | null;
  places: readonly number[] | null;
}> = {
  name: "erasure_window",
  text: `
  with ${WINDOW}, found as materialized (
    select c.id, (select count(*)::integer from looked p where p.id <= c.id) as place from ${LOOKED_UP} where ${INVOLVED}
  )
  select (select max(l.id::text collate "C") from looked l) as last_id, (select count(*)::integer from looked) as looked,
    (select array_agg(f.id::text order by f.id) from found f) as ids,
    (select array_agg(f.place order by f.id) from found f) as places`,
};

/** The same, counted. Parameters as of `nextWindow`. */
export const countWindow: Statement<{
  last_id: string | null;
  involved: bigint;
  alone: bigint;
  held: bigint;
  messages: bigint;
  edited: bigint;
  changed: bigint;
}> = {
  name: "erasure_count_window",
  text: `
  with ${WINDOW}, involved as materialized (
    select c.id, exists (${holdsOver("c.id", "0")}) as held, ${OTHERS} as others, (
      select count(*) from message m
      where m.tenant_id = $1 and m.conversation_id = c.id and m.sender = $3::text collate "C") as messages, (
      select count(distinct r.seq) from message_revision r
      join message m on m.tenant_id = $1 and m.conversation_id = c.id and m.seq = r.seq
      where r.tenant_id = $1 and r.conversation_id = c.id and r.editor = $3::text collate "C"
        and m.sender <> $3::text collate "C") as edited, ${isOwn("$3::text")} or ${wordsOf("$3::text")} is not null as changed
    from ${LOOKED_UP} where ${INVOLVED}
  )
  select (select max(l.id::text collate "C") from looked l) as last_id, (select count(*) from involved) as involved,
    (select count(*) from involved i where not i.others and not i.held) as alone,
    (select count(*) from involved i where i.held) as held,
    (select coalesce(sum(i.messages), 0)::bigint from involved i) as messages,
    (select coalesce(sum(i.edited), 0)::bigint from involved i) as edited,
    (select count(*) from involved i where i.changed and (i.others or i.held)) as changed`,
};

/** Whether nobody else has to do with a locked conversation. $1 tenant, $2 conversation, $3 member. */
export const isAlone: Statement<{ alone: boolean }> = {
  name: "erasure_is_alone",
  text: `select not ${OTHERS} as alone from conversation c where c.tenant_id = $1 and c.id = $2::uuid`,
};

/** $1 tenant. */
export const countConversations: Statement<{ count: bigint }> = {
  name: "erasure_count",
  text: "select count(*) as count from conversation c where c.tenant_id = $1",
};

/** Files that a member uploaded. $1 tenant, $2 member. */
export const countFiles: Statement<{ count: bigint }> = {
  name: "erasure_count_files",
  text: `select count(*) as count from file f where f.tenant_id = $1 and f.uploader = $2::text collate "C" and f.erase_time is null`,
};

/** API keys that a member made and that were not revoked. $1 tenant, $2 member. */
export const countKeys: Statement<{ count: bigint }> = {
  name: "erasure_count_keys",
  text: `
  select count(*) as count from api_key k
  where k.tenant_id = $1 and k.revoke_time is null and ${isName("k.creator", "$2::text")}`,
};

/** A hold in force on a member or on the whole tenant. $1 tenant, $2 member. */
export const holdOnMember: Statement<{ id: string }> = {
  name: "erasure_hold",
  text: `
  select h.id::text as id from legal_hold h
  where h.tenant_id = $1 and h.lift_time is null and (h.kind = 1 or h.kind = 2 and h.member_id = $2::text) limit 1`,
};
