// The statements of an import.

import { ERASED } from "../../domain/identity/actor.ts";
import type { WritableColumn } from "../conversations/statements.ts";
import type { Statement } from "../database.ts";
import { isErased } from "../erasure/tombstones.ts";

/** Creates missing members. $1 tenant, $2 ids. */
export const importMembers: Statement = {
  name: "import_members",
  text: `
  insert into member (tenant_id, id) select $1, i.id from unnest($2::text[]) as i(id) where not ${isErased("i.id")}
  on conflict (tenant_id, id) do nothing`,
};

/** The types of the columns that an import sets from JSON, without the id. */
const importedColumns = {
  creator: "text",
  title: "text",
  status: "smallint",
  owner_id: "text",
  agent: "text",
  mode: "text",
  call_type: "smallint",
  entity_type: "text",
  entity_id: "text",
  pinned: "boolean",
  labels: "jsonb",
  metadata: "jsonb",
  persona: "jsonb",
  profile_info: "jsonb",
  max_context_length: "integer",
  state_json: "text",
  unlisted: "boolean",
  participant_count: "integer",
  version: "integer",
  create_time: "timestamptz",
  update_time: "timestamptz",
  delete_time: "timestamptz",
  purge_time: "timestamptz",
} as const satisfies Record<WritableColumn, string> & Record<string, string>;

/** A conversation without its log, in JSON types. */
export type ImportedConversationRow = Readonly<
  Record<"id" | "client_id" | "origin_id" | "origin_seq" | keyof typeof importedColumns, unknown>
>;

const names = Object.keys(importedColumns);

/**
 * Adds conversations without their logs; answers those that were not there. $1 tenant, $2 them as a JSON array, no id
 * and no client id of an owner twice. A client id that is taken is left out.
 */
export const importConversations: Statement<{ id: string }> = {
  name: "import_conversations",
  text: `
  insert into conversation (tenant_id, id, ${names.join(", ")}, origin_id, origin_seq, last_seq, client_id)
  select $1, c.id, ${names.map((name) => `c.${name}`).join(", ")}, c.origin_id, c.origin_seq, coalesce(c.origin_seq, 0),
    case when not exists (select from conversation o
    where o.tenant_id = $1 and o.client_id = c.client_id and coalesce(o.owner_id, '') = coalesce(c.owner_id, ''))
    then c.client_id end
  from json_to_recordset($2::json) as c(id uuid, client_id text, origin_id uuid, origin_seq bigint, ${Object.entries(
    importedColumns,
  )
    .map(([name, type]) => `${name} ${type}`)
    .join(", ")})
  order by c.id on conflict (tenant_id, id) do nothing returning id`,
};

/**
 * Returns those that did not take part yet. $1 tenant, then arrays: conversations, member ids, join seqs, join times,
 * read seqs.
 */
export const importParticipants: Statement<{ conversation_id: string }> = {
  name: "import_participants",
  text: `
  insert into participant (tenant_id, conversation_id, member_id, join_seq, join_time, read_seq, conversation_time)
  select $1, p.*, c.create_time
  from unnest($2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[]) as p(id)
  join conversation c on c.tenant_id = $1 and c.id = p.id
  on conflict (tenant_id, conversation_id, member_id) do nothing returning conversation_id`,
};

/** $1 tenant, then arrays: conversations, how many joined. */
export const countImportedParticipants: Statement = {
  name: "import_count_participants",
  text: `
  update conversation c set participant_count = c.participant_count + j.joined
  from unnest($2::uuid[], $3::integer[]) as j(id, joined) where c.tenant_id = $1 and c.id = j.id`,
};

/**
 * Sets where members joined, and moves their read marks forward. $1 tenant, then arrays: conversations, members, join
 * seqs, read seqs.
 */
export const markImported: Statement = {
  name: "import_mark",
  text: `
  update participant p set join_seq = m.join_seq, read_seq = greatest(p.read_seq, m.read_seq)
  from unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[]) as m(conversation_id, member_id, join_seq, read_seq)
  where p.tenant_id = $1 and p.conversation_id = m.conversation_id and p.member_id = m.member_id`,
};

/** Raises the tenant's counter to a number, and locks it. $1 tenant, $2 number. */
export const countOnFrom: Statement = {
  name: "import_count_on",
  text: `
  update tenant t set last_conversation_number = greatest(t.last_conversation_number, $2::bigint) where t.id = $1`,
};

/** Sets numbers of conversations, except used ones. $1 tenant, then arrays: conversations, distinct numbers. */
export const numberImported: Statement = {
  name: "import_number",
  text: `
  update conversation c set number = n.number from unnest($2::uuid[], $3::bigint[]) as n(id, number)
  where c.tenant_id = $1 and c.id = n.id
    and not exists (select from conversation o where o.tenant_id = $1 and o.number = n.number)`,
};

/** Locks conversations, in a fixed order. $1 tenant, $2 ids. */
export const lockImported: Statement<{ id: string; last_seq: bigint }> = {
  name: "import_lock",
  text: `
  select c.id, c.last_seq from conversation c where c.tenant_id = $1 and c.id = any($2::uuid[])
  order by c.id for no key update`,
};

/** The parts of an existing message that an import needs. */
export interface ThereRow {
  readonly id: string;
  readonly conversation_id: string;
  readonly seq: bigint;
  readonly revision: number;
}

/** Existing messages. $1 tenant, $2 ids. */
export const existingMessages: Statement<ThereRow> = {
  name: "import_existing_messages",
  text: `
  select m.id, m.conversation_id, m.seq, m.revision from message m where m.tenant_id = $1 and m.id = any($2::uuid[])`,
};

/** $1 tenant, then arrays: conversations, seqs, ids, roles, senders, contents, metadata, states, client, create, edit and
 * delete times, revisions, versions, kinds (null: a message), parts (JSON text or null), distinct client ids (null:
 * none), of which those that are taken are left out, turns and steps (null: none), parent ids (null: not given), ids
 * that they reply to, mentions (JSON text; null: none) and names of senders (null: none). */
export const importMessages: Statement = {
  name: "import_messages",
  text: `
  insert into message (tenant_id, conversation_id, seq, id, role, sender, content, metadata, state, client_time,
    create_time, edit_time, delete_time, revision, version, kind, parts, client_id, turn_id, step, parent_id, reply_to,
    mentions, sender_name)
  select $1, m.conversation_id, m.seq, m.id, m.role, m.sender, m.content, m.metadata::jsonb, m.state, m.client_time,
    m.create_time, m.edit_time, m.delete_time, m.revision, m.version, m.kind, m.parts,
    case when not exists (select from message o where o.tenant_id = $1 and o.conversation_id = m.conversation_id
      and o.client_id = m.client_id) then m.client_id end, m.turn_id, m.step, m.parent_id, m.reply_to, m.mentions::jsonb,
    m.sender_name
  from unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::smallint[],
    $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::integer[], $15::integer[],
    $16::smallint[], $17::text[], $18::text[], $19::uuid[], $20::smallint[], $21::uuid[], $22::uuid[], $23::text[],
    $24::text[])
    as m(conversation_id, seq, id, role, sender, content, metadata, state, client_time, create_time, edit_time,
      delete_time, revision, version, kind, parts, client_id, turn_id, step, parent_id, reply_to, mentions, sender_name)`,
};

/**
 * Adds missing revisions; returns those that did not exist. $1 tenant, then arrays: message ids, revisions, contents,
 * metadata, create times, editors, parts (JSON text or null).
 */
export const importRevisions: Statement<{ seq: bigint }> = {
  name: "import_revisions",
  text: `
  insert into message_revision (tenant_id, conversation_id, seq, revision, role, content, metadata, create_time, editor, parts)
  select $1, m.conversation_id, m.seq, r.revision, m.role, r.content, r.metadata::jsonb, r.create_time, r.editor, r.parts
  from unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[])
    as r(message_id, revision, content, metadata, create_time, editor, parts)
  join message m on m.tenant_id = $1 and m.id = r.message_id and m.sender <> '${ERASED}'
  on conflict (tenant_id, conversation_id, seq, revision) do nothing returning seq`,
};

/** $1 tenant, then arrays: conversations, seqs, types, actors, create times, data. */
export const importEvents: Statement = {
  name: "import_events",
  text: `
  insert into event (tenant_id, conversation_id, seq, type, actor, create_time, data)
  select $1, e.conversation_id, e.seq, e.type, e.actor, e.create_time, e.data::jsonb
  from unnest($2::uuid[], $3::bigint[], $4::smallint[], $5::text[], $6::timestamptz[], $7::text[])
    as e(conversation_id, seq, type, actor, create_time, data)`,
};

/**
 * Updates conversations after an import. $1 tenant, then arrays: conversations, last seqs, numbers of added messages
 * that are not deleted, times of the last message, of the last activity and of the last other entry (each or null).
 */
export const growImported: Statement = {
  name: "import_grow",
  text: `
  update conversation c set last_seq = g.last_seq, message_count = c.message_count + g.messages,
    last_message_time = greatest(c.last_message_time, g.last_message_time),
    update_time = greatest(c.update_time, g.update_time), mark_time = greatest(c.mark_time, g.mark_time)
  from unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
    as g(id, last_seq, messages, last_message_time, update_time, mark_time)
  where c.tenant_id = $1 and c.id = g.id`,
};
