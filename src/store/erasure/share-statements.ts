// The statements that erase what a member put into messages and conversations of others. Both are locked.
import { EventType } from "../../domain/event-type.ts";
import { ERASED } from "../../domain/identity/actor.ts";
import type { Statement } from "../database.ts";

/** A message of another that the member edited. */
export interface EditedMessage {
  readonly message_id: string;
  readonly seq: bigint;
  readonly revision: number;
  /** Whether its text changed, so that it reads otherwise now. */
  readonly changed: boolean;
}

/**
 * A condition on text `t`: somebody else wrote it. Those of members that were erased before hold what others wrote,
 * too.
 */
const BY_ANOTHER = `t.author <> $3::text collate "C" and t.author <> '${ERASED}'`;

const TEXT = ["content", "metadata", "parts", "role", "client_time"] as const;

const EMPTY: Readonly<Record<(typeof TEXT)[number], (row: string) => string>> = {
  content: () => "''",
  metadata: () => "null",
  parts: () => "null",
  role: (row) => `${row}.role`,
  client_time: () => "null",
};

/** Sets the text of a row to that of `o`; to none where there is none. */
const replaced = (row: string, when?: string) =>
  TEXT.map((name) => {
    const value = `case when o.seq is null then ${EMPTY[name](row)} else o.${name} end`;
    return `${name} = ${when === undefined ? value : `case when ${when} then ${value} else ${row}.${name} end`}`;
  }).join(", ");

/** `o`: the newest text of a message, before revision `before`, that somebody else wrote. */
const othersBefore = (seq: string, before: string) => `left join lateral (
      select r.* from texts t join message_revision r
        on r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq = t.seq and r.revision = t.revision
      where t.seq = ${seq} and t.revision < ${before} and ${BY_ANOTHER}
      order by t.revision desc limit 1
    ) o`;

/**
 * Replaces each text that a member gave to the next messages of others by the one before it that somebody else wrote,
 * so that forks, which show a message as it was, have it too. A revision names who replaced it: its successor's author.
 * $1 tenant, $2 conversation, $3 member, $4 after seq, $5 limit.
 */
export const replaceTexts: Statement<EditedMessage> = {
  name: "erasure_texts",
  text: `
  with edited as materialized (
    select distinct r.seq from message_revision r
    where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq > $4::bigint and r.editor = $3::text collate "C"
    order by r.seq limit $5::integer
  ), texts as materialized (
    select r.seq, r.revision, r.editor, coalesce(lag(r.editor) over (partition by r.seq order by r.revision), m.sender) as author,
      lead(r.revision) over (partition by r.seq order by r.revision) is null as last
    from message_revision r
    join message m on m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = r.seq
    where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq = any(array(select n.seq from edited n))
  ), before as (
    update message_revision r set editor = case when r.editor = $3::text collate "C" then '${ERASED}' else r.editor end,
      ${replaced("r", "n.own")}
    from (
      select t.seq as text_seq, t.revision as text_revision, t.author = $3::text collate "C" as own from texts t
      where t.author = $3::text collate "C" or t.editor = $3::text collate "C"
    ) n ${othersBefore("n.text_seq", "n.text_revision")} on n.own
    where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq = any(array(select e.seq from edited e))
      and r.seq = n.text_seq and r.revision = n.text_revision
  ), now as (
    update message m set ${replaced("m")}, version = m.version + 1
    from (
      select t.seq as text_seq, t.revision + 1 as text_revision from texts t
      where t.last and t.editor = $3::text collate "C"
    ) n ${othersBefore("n.text_seq", "n.text_revision")} on true
    where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = any(array(select e.seq from edited e)) and m.seq = n.text_seq
    returning m.seq
  )
  select m.id::text as message_id, m.seq, m.revision, m.delete_time is null and exists (select from now w where w.seq = m.seq) as changed
  from edited e join message m on m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = e.seq order by m.seq`,
};

/** What a conversation says in words. Labels and its entity stay: policies, holds and applications find it by them. */
export const WORDS = ["title", "metadata", "persona", "profile_info", "state_json"] as const;

/** A condition on conversation `c`: it was the member's, so that all its words go. */
export const isOwn = (member: string) =>
  `(c.owner_id = ${member} collate "C" or c.owner_id is null and c.creator = ${member} collate "C")`;

/**
 * The words of conversation `c` that a member wrote last, as its log says; what it does not say, its creator wrote. $1
 * tenant.
 */
export const wordsOf = (member: string) => `(
    select array_agg(w.name) from unnest(array['${WORDS.join("', '")}']) w(name)
    where coalesce(to_jsonb(c) ->> w.name, '') <> '' and coalesce((
        select e.actor from event e
        where e.tenant_id = $1 and e.conversation_id = c.id and e.type = ${EventType.CONVERSATION_UPDATED}
          and e.data -> 'fields' ? w.name
        order by e.seq desc limit 1), c.creator) in (${member} collate "C", '${ERASED}'))`;

/**
 * Empties what a member wrote last in a conversation of others. Returns which fields. $1 tenant, $2 conversation, $3
 * member.
 */
export const emptyWords: Statement<{ fields: string[] }> = {
  name: "erasure_words",
  text: `
  with found as materialized (
    select ${wordsOf("$3::text")} as fields from conversation c
    where c.tenant_id = $1 and c.id = $2::uuid and not ${isOwn("$3::text")}
  )
  update conversation c set ${WORDS.map(
    (name) =>
      `${name} = case when '${name}' = any(f.fields) then ${name === "title" ? "''" : "null"} else c.${name} end`,
  ).join(", ")}
  from found f where c.tenant_id = $1 and c.id = $2::uuid and f.fields is not null returning f.fields`,
};
