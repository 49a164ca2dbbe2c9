// The statements about turns that are kept as records, and the conversations that were made for them.
import type { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { isFree } from "../legal-holds/condition.ts";
import { type MessageRow, messageColumns } from "../messages/columns.ts";
import { isOpen, now, type TurnRow, turnColumns } from "./columns.ts";

/** What the caller noted with a turn. $1 tenant, $2 id. */
export const turnNote: Statement<{ note: string | null }> = {
  name: "turn_note",
  text: "select t.note from turn t where t.tenant_id = $1 and t.id = $2::uuid",
};

/**
 * Entries of a conversation by their numbers in its log, deleted ones too, as many as fit into a page. $1 tenant, $2
 * conversation, $3 the turn that they belong to, or null, $4 after this number, $5 up to this one, $6 how many.
 */
export const recordedEntries: Statement<MessageRow> = {
  name: "turn_recorded_entries",
  text: `
  select ${messageColumns} from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq > $4::bigint and m.seq <= $5::bigint
    and ($3::uuid is null or m.turn_id = $3::uuid)
  order by m.seq limit $6`,
  maxBytes: PAGE_BYTES,
};

/** A turn of a locked conversation. $1 tenant, $2 id. */
export const readTurn: Statement<TurnRow> = {
  name: "turn_read",
  text: `select ${turnColumns} from turn t where t.tenant_id = $1 and t.id = $2::uuid and t.delete_time is null`,
};

/** What a failed turn added to the log, and what it replied to. $1 tenant, $2 id. */
export const ownEntries: Statement<{ id: string; seq: bigint; kind: MessageKind; client_id: string | null }> = {
  name: "turn_own_entries",
  text: `
  select m.id, m.seq, coalesce(m.kind, 1) as kind, m.client_id from turn t join message m on m.tenant_id = $1 and m.conversation_id = t.conversation_id
    and (m.seq between coalesce(t.input_seq, t.message_seq) and t.message_seq
      or m.seq between t.first_seq and t.last_seq and m.turn_id = t.id)
  where t.tenant_id = $1 and t.id = $2::uuid and m.delete_time is null
  order by m.seq`,
};

/**
 * Deletes the record of a turn that has ended. Where a legal hold covers the conversation, it is hidden but kept. $1
 * tenant, $2 id.
 */
export const deleteTurn: Statement<{ conversation_id: string; previous_id: string | null }> = {
  name: "turn_delete",
  text: `
  update turn t set delete_time = ${now}, ${["note", "options", "tools", "deltas"]
    .map((name) => `${name} = case when not ${isFree("t.conversation_id")} then t.${name} end`)
    .join(", ")}
  where t.tenant_id = $1 and t.id = $2::uuid and t.delete_time is null and not (${isOpen})
  returning t.conversation_id, t.previous_id`,
};

/**
 * Whether a conversation was made for turns alone, none of which is left, nor a turn that follows one of them
 * elsewhere. $1 tenant, $2 conversation.
 */
export const isAbandoned: Statement = {
  name: "turn_conversation_abandoned",
  text: `
  select c.id from conversation c
  where c.tenant_id = $1 and c.id = $2::uuid and c.unlisted and c.delete_time is null and not exists (
    select from turn t where t.tenant_id = $1 and t.conversation_id = c.id and (t.delete_time is null or exists (
      select from turn f where f.tenant_id = $1 and f.previous_id = t.id and f.delete_time is null)))`,
};

/** Where a turn was, also a deleted one. $1 tenant, $2 id. */
export const placeOfTurn: Statement<{ conversation_id: string; previous_id: string | null }> = {
  name: "turn_place",
  text: "select t.conversation_id, t.previous_id from turn t where t.tenant_id = $1 and t.id = $2::uuid",
};

/** Marks a new conversation as made for a turn. $1 tenant, $2 id. */
export const markUnlisted: Statement = {
  name: "conversation_mark_unlisted",
  text: "update conversation set unlisted = true where tenant_id = $1 and id = $2::uuid",
};

/** Whether a conversation was. $1 tenant, $2 id. */
export const isUnlisted: Statement = {
  name: "conversation_is_unlisted",
  text: "select c.id from conversation c where c.tenant_id = $1 and c.id = $2::uuid and c.unlisted",
};

/** How long the record of an ephemeral turn stays after its end, in minutes. */
const EPHEMERAL_MINUTES = 10;

/** Ephemeral turns that are due. $1 tenant. */
export const dueTurns: Statement<{ id: string; conversation_id: string }> = {
  name: "turn_due",
  text: `
  select t.id, t.conversation_id from turn t
  where t.tenant_id = $1 and t.ephemeral and t.delete_time is null
    and t.end_time < now() - interval '${EPHEMERAL_MINUTES} minutes'
  order by t.end_time limit 100`,
};
