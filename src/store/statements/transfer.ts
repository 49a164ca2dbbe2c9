// The statements of export and import.
import type { JsonObject } from "@bufbuild/protobuf";
import type { Statement } from "../database.ts";
import type { WritableColumn } from "./conversations.ts";
import { type MessageRow, messageColumns } from "./message-columns.ts";

export interface PartRow {
  readonly member_id: string;
  readonly join_seq: bigint;
  readonly join_time: Date;
  readonly read_seq: bigint;
}

/** All who take part. $1 tenant, $2 conversation. */
export const exportParticipants: Statement<PartRow> = {
  name: "export_participants",
  text: `
  select p.member_id, p.join_seq, p.join_time, p.read_seq from participant p
  where p.tenant_id = $1 and p.conversation_id = $2::uuid and p.join_seq > 0 order by p.join_seq, p.member_id`,
};

/** Messages, deleted ones too. $1 tenant, $2 conversation, $3 after seq, $4 limit. */
export const exportMessages: Statement<MessageRow> = {
  name: "export_messages",
  text: `
  select ${messageColumns} from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq > $3::bigint order by m.seq limit $4`,
};

export interface KeptRevisionRow {
  readonly seq: bigint;
  readonly revision: number;
  readonly role: number;
  readonly content: string;
  readonly metadata: JsonObject | null;
  readonly client_time: Date | null;
  readonly create_time: Date;
  readonly editor: string;
}

/** What messages were before. $1 tenant, $2 conversation, $3 seqs. */
export const exportRevisions: Statement<KeptRevisionRow> = {
  name: "export_revisions",
  text: `
  select r.seq, r.revision, r.role, r.content, r.metadata, r.client_time, r.create_time, r.editor
  from message_revision r
  where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq = any($3::bigint[]) order by r.seq, r.revision`,
};

export interface EventRow {
  readonly seq: bigint;
  readonly type: number;
  readonly actor: string;
  readonly create_time: Date;
  readonly data: JsonObject;
}

/** $1 tenant, $2 conversation, $3 after seq, $4 limit. */
export const exportEvents: Statement<EventRow> = {
  name: "export_events",
  text: `
  select v.seq, v.type, v.actor, v.create_time, v.data from event v
  where v.tenant_id = $1 and v.conversation_id = $2::uuid and v.seq > $3::bigint order by v.seq limit $4`,
};

/** Makes the members that are not there. $1 tenant, $2 ids. */
export const importMembers: Statement = {
  name: "import_members",
  text: `
  insert into member (tenant_id, id) select $1, i.id from unnest($2::text[]) as i(id)
  on conflict (tenant_id, id) do nothing`,
};

/** The types of the columns that an import sets beside the id, as they come out of JSON. */
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
  metadata: "jsonb",
  persona: "jsonb",
  profile_info: "jsonb",
  max_context_length: "integer",
  participant_count: "integer",
  version: "integer",
  create_time: "timestamptz",
  update_time: "timestamptz",
  delete_time: "timestamptz",
  purge_time: "timestamptz",
} as const satisfies Record<WritableColumn, string> & Record<string, string>;

/** A conversation without its log, as JSON can say it. */
export type ImportedConversationRow = Readonly<Record<"id" | keyof typeof importedColumns, unknown>>;

const names = Object.keys(importedColumns);

/** Adds conversations without their logs; answers those that were not there. $1 tenant, $2 them as a JSON array, no id twice. */
export const importConversations: Statement<{ id: string }> = {
  name: "import_conversations",
  text: `
  insert into conversation (tenant_id, id, ${names.join(", ")})
  select $1, c.id, ${names.map((name) => `c.${name}`).join(", ")}
  from json_to_recordset($2::json) as c(id uuid, ${Object.entries(importedColumns)
    .map(([name, type]) => `${name} ${type}`)
    .join(", ")})
  order by c.id on conflict (tenant_id, id) do nothing returning id`,
};

/** $1 tenant, then arrays: conversations, member ids, join seqs, join times, read seqs. */
export const importParticipants: Statement = {
  name: "import_participants",
  text: `
  insert into participant (tenant_id, conversation_id, member_id, join_seq, join_time, read_seq)
  select $1, p.* from unnest($2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[]) as p
  on conflict (tenant_id, conversation_id, member_id) do nothing`,
};

/** Locks conversations, in one order whoever asks. $1 tenant, $2 ids. */
export const lockImported: Statement<{ id: string; last_seq: bigint }> = {
  name: "import_lock",
  text: `
  select c.id, c.last_seq from conversation c where c.tenant_id = $1 and c.id = any($2::uuid[])
  order by c.id for no key update`,
};

/** Which messages are there already. $1 tenant, $2 ids. */
export const existingMessages: Statement<{ id: string; conversation_id: string }> = {
  name: "import_existing_messages",
  text: `
  select m.id, m.conversation_id from message m where m.tenant_id = $1 and m.id = any($2::uuid[])`,
};

/** $1 tenant, then arrays: conversations, seqs, ids, roles, senders, contents, metadata, states, client, create, edit and
 * delete times, revisions, versions. */
export const importMessages: Statement = {
  name: "import_messages",
  text: `
  insert into message (tenant_id, conversation_id, seq, id, role, sender, content, metadata, state, client_time,
    create_time, edit_time, delete_time, revision, version)
  select $1, m.conversation_id, m.seq, m.id, m.role, m.sender, m.content, m.metadata::jsonb, m.state, m.client_time,
    m.create_time, m.edit_time, m.delete_time, m.revision, m.version
  from unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::smallint[],
    $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::integer[], $15::integer[])
    as m(conversation_id, seq, id, role, sender, content, metadata, state, client_time, create_time, edit_time,
      delete_time, revision, version)`,
};

/** $1 tenant, then arrays: conversations, seqs, revisions, roles, contents, metadata, client times, create times, editors. */
export const importRevisions: Statement = {
  name: "import_revisions",
  text: `
  insert into message_revision (tenant_id, conversation_id, seq, revision, role, content, metadata, client_time,
    create_time, editor)
  select $1, r.conversation_id, r.seq, r.revision, r.role, r.content, r.metadata::jsonb, r.client_time, r.create_time,
    r.editor
  from unnest($2::uuid[], $3::bigint[], $4::integer[], $5::smallint[], $6::text[], $7::text[], $8::timestamptz[],
    $9::timestamptz[], $10::text[])
    as r(conversation_id, seq, revision, role, content, metadata, client_time, create_time, editor)`,
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
 * What follows from a log that has grown. $1 tenant, then arrays: conversations, last seqs, how many messages that are
 * not deleted came, when the last message came (or null), when the last entry came.
 */
export const growImported: Statement = {
  name: "import_grow",
  text: `
  update conversation c set last_seq = g.last_seq, message_count = c.message_count + g.messages,
    last_message_time = greatest(c.last_message_time, g.last_message_time),
    update_time = greatest(c.update_time, g.last_time)
  from unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
    as g(id, last_seq, messages, last_message_time, last_time)
  where c.tenant_id = $1 and c.id = g.id`,
};
