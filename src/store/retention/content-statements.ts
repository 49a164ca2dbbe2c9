// The statements that erase what was said in a conversation, which is locked.
import { ERASED } from "../../domain/identity/actor.ts";
import type { Statement } from "../database.ts";
import { WORDS } from "../erasure/share-statements.ts";
import type { ErasedEntry } from "../erasure/statements.ts";
import { isOpen, now } from "../turns/columns.ts";

/** Returns the end of the log. $1 tenant, $2 conversation. */
export const beginContentErasure: Statement<{ last_seq: bigint }> = {
  name: "content_erasure_begin",
  text: `
  update conversation c set content_erase_time = coalesce(c.content_erase_time, moment.now),
    content_erase_seq = coalesce(c.content_erase_seq, 0)
  from (select ${now} as now) moment
  where c.tenant_id = $1 and c.id = $2::uuid returning c.last_seq`,
};

/**
 * The next entries that were not erased before, deleted ones too. $1 tenant, $2 conversation, $3 after seq, $4 last
 * seq, $5 limit.
 */
export const nextContent: Statement<ErasedEntry> = {
  name: "content_erasure_entries",
  text: `
  select m.id::text as id, m.seq, m.kind, m.delete_time is not null as deleted from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq > $3::bigint and m.seq <= $4::bigint and m.sender <> '${ERASED}'
  order by m.seq limit $5::integer`,
};

/**
 * Removes what was not sent, and empties stored responses, turns, what participants keep for themselves, and the names
 * of reactions in the log. Turns that go on are asked to end. $1 tenant, $2 conversation.
 */
export const emptyBeside: Statement = {
  name: "content_erasure_beside",
  text: `
  with drafts as (
    delete from draft d where d.tenant_id = $1 and d.conversation_id = $2::uuid
  ), scheduled as (
    delete from scheduled_message s where s.tenant_id = $1 and s.conversation_id = $2::uuid
  ), answers as (
    update idempotency i set answer = null where i.tenant_id = $1 and i.conversation_id = $2::uuid and i.answer is not null
  ), ended as (
    update turn t set text = '', failure = '', options = null, note = null, tools = null, pending = null, open_entry = null,
      deltas = null
    where t.tenant_id = $1 and t.conversation_id = $2::uuid and not (${isOpen})
  ), views as (
    update participant p set view = nullif(p.view - 'metadata', '{}')
    where p.tenant_id = $1 and p.conversation_id = $2::uuid and p.view ? 'metadata'
  ), open as (
    update turn t set cancel_time = coalesce(t.cancel_time, moment.now) from (select ${now} as now) moment
    where t.tenant_id = $1 and t.conversation_id = $2::uuid and ${isOpen}
  )
  update event e set data = e.data || '{"reaction": ""}'
  where e.tenant_id = $1 and e.conversation_id = $2::uuid and e.data ->> 'reaction' <> ''`,
};

/** Empties the words of a conversation. Returns which it had; no row: none. $1 tenant, $2 conversation. */
export const emptyConversation: Statement<{ fields: string[] }> = {
  name: "content_erasure_words",
  text: `
  with found as materialized (
    select array_remove(array[case when c.title <> '' then 'title' end, ${WORDS.slice(1)
      .map((name) => `case when c.${name} is not null then '${name}' end`)
      .join(", ")}], null) as fields
    from conversation c where c.tenant_id = $1 and c.id = $2::uuid
  )
  update conversation c set title = '', ${WORDS.slice(1)
    .map((name) => `${name} = null`)
    .join(", ")}
  from found f where c.tenant_id = $1 and c.id = $2::uuid and cardinality(f.fields) > 0 returning f.fields`,
};

/**
 * Notes that all was erased, unless somebody wrote meanwhile, or a turn goes on, whose words a later run erases. $1
 * tenant, $2 conversation, $3 the last seq that was erased.
 */
export const endContentErasure: Statement = {
  name: "content_erasure_end",
  text: `
  update conversation c set content_erase_seq = c.last_seq
  where c.tenant_id = $1 and c.id = $2::uuid and not exists (
    select from message m where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq > $3::bigint)
    and not exists (select from turn t where t.tenant_id = $1 and t.conversation_id = $2::uuid and ${isOpen})`,
};
