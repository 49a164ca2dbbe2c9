// The statements that export what there is of one member. $1 is the tenant.
import type { EntryRow } from "../audit/chain-statements.ts";
import type { Statement } from "../database.ts";
import type { DraftRow, ScheduledRow } from "../drafts/statements.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { isName, isOwnTurn } from "../erasure/statements.ts";
import { IS_KEPT } from "../files/access.ts";
import type { FileRow } from "../files/files.ts";
import { fileColumns } from "../files/statements.ts";
import { type MessageRow, messageColumns } from "../messages/columns.ts";
import type { EventRow } from "./export-statements.ts";

/** Messages that a member sent, that reply to it or mention it. $2 conversation, $3 member, $4 after seq, $5 limit. */
export const memberMessages: Statement<MessageRow> = {
  name: "member_messages",
  text: `
  select ${messageColumns} from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq > $4::bigint and (m.sender = $3::text collate "C"
    or m.mentions ? $3::text or m.turn_id is not null and m.turn_id in (
      select t.id from turn t where t.tenant_id = $1 and t.conversation_id = $2::uuid and ${isOwnTurn("$3::text")}))
  order by m.seq limit $5`,
  maxBytes: PAGE_BYTES,
};

export interface MemberTurnRow {
  readonly id: string;
  readonly conversation_id: string;
  readonly agent_id: string;
  readonly message_id: string;
  readonly create_time: Date;
  readonly note: string | null;
  readonly tools: string | null;
}

/** What a member asked agents, beside messages. $2 conversation, $3 member, $4 after id or null, $5 limit. */
export const memberTurns: Statement<MemberTurnRow> = {
  name: "member_turns",
  text: `
  select t.id::text, t.conversation_id::text, t.agent_id::text, t.message_id::text, t.create_time, t.note, t.tools
  from turn t
  where t.tenant_id = $1 and t.conversation_id = $2::uuid and ($4::uuid is null or t.id > $4::uuid) and ${isOwnTurn("$3::text")}
    and (t.note is not null or t.tools is not null)
  order by t.id limit $5`,
  maxBytes: PAGE_BYTES,
};

/** Log entries by or about a member. $2 conversation, $3 member, $4 after seq, $5 limit. */
export const memberEvents: Statement<EventRow> = {
  name: "member_events",
  text: `
  select e.seq, e.type, e.actor, e.create_time, e.data from event e
  where e.tenant_id = $1 and e.conversation_id = $2::uuid and e.seq > $4::bigint
    and (e.actor = $3::text collate "C" or e.data ->> 'member_id' = $3::text)
  order by e.seq limit $5`,
  maxBytes: PAGE_BYTES,
};

/** $2 conversation, $3 member. */
export const memberPart: Statement<{ member_id: string; join_seq: bigint; join_time: Date; read_seq: bigint }> = {
  name: "member_part",
  text: `
  select p.member_id, p.join_seq, p.join_time, p.read_seq from participant p
  where p.tenant_id = $1 and p.conversation_id = $2::uuid and p.member_id = $3::text collate "C"`,
};

/** Reactions of a member. $2 conversation, $3 member, then the last before: $4 seq, $5 reaction, $6 limit. */
export const memberReactions: Statement<{ message_id: string; seq: bigint; name: string; create_time: Date }> = {
  name: "member_reactions",
  text: `
  select m.id::text as message_id, r.seq, r.name, r.create_time from reaction r
  join message m on m.tenant_id = $1 and m.conversation_id = r.conversation_id and m.seq = r.seq
  where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.actor = $3::text collate "C"
    and (r.seq, r.name) > ($4::bigint, $5::text collate "C")
  order by r.seq, r.name limit $6`,
  maxBytes: PAGE_BYTES,
};

/** $2 conversation, $3 member. */
export const memberDraft: Statement<DraftRow> = {
  name: "member_draft",
  text: `
  select d.conversation_id, d.message, d.update_time from draft d
  where d.tenant_id = $1 and d.conversation_id = $2::uuid and d.actor = $3::text collate "C"`,
};

/** At most 1,000 of a member are allowed. $2 conversation, $3 member. */
export const memberScheduled: Statement<ScheduledRow> = {
  name: "member_scheduled",
  text: `
  select s.id, s.conversation_id, s.message, s.send_time, s.state, s.failure, s.version, s.create_time, s.update_time, s.actor, s.scheduler
  from scheduled_message s
  where s.tenant_id = $1 and s.conversation_id = $2::uuid and s.actor = $3::text collate "C" order by s.send_time, s.id`,
};

/** Files of a member that are there. $2 member, $3 after id or null, $4 limit. */
export const memberFiles: Statement<FileRow> = {
  name: "member_files",
  text: `
  select ${fileColumns} from file f
  where f.tenant_id = $1 and f.uploader = $2::text collate "C" and ${IS_KEPT} and ($3::uuid is null or f.id > $3::uuid)
  order by f.id limit $4`,
  maxBytes: PAGE_BYTES,
};

/** Audit entries by or about a member. $2 member, $3 after id or null, $4 limit. */
export const memberAudit: Statement<EntryRow> = {
  name: "member_audit",
  text: `
  select a.id::text as id, a.actor, a.action, a.resource_type, a.resource_id, a.request_id, a.address, a.details, a.create_time
  from audit a
  where a.tenant_id = $1 and ($3::uuid is null or a.id > $3::uuid) and (${isName("a.actor", "$2::text")}
    or a.resource_type = 'member' and a.resource_id = $2::text
    or exists (select from jsonb_each(a.details) d where d.value ? $2::text))
  order by a.id limit $4`,
  maxBytes: PAGE_BYTES,
};

/** $2 member. */
export const memberPresence: Statement<{ mode: number; last_seen_time: Date | null }> = {
  name: "member_presence",
  text: `select p.mode, p.last_seen_time from presence p where p.tenant_id = $1 and p.member_id = $2::text collate "C"`,
};
