// The statements of an export.
import type { JsonObject } from "@bufbuild/protobuf";
import { inOrder } from "../conversations/participant-statements.ts";
import type { Statement } from "../database.ts";
import { bytesOf, type MessageRow, messageColumns } from "../messages/columns.ts";

export interface PartRow {
  readonly member_id: string;
  readonly join_seq: bigint;
  readonly join_time: Date;
  readonly read_seq: bigint;
}

/** Participants, in order. $1 tenant, $2 conversation, $3 join_seq and $4 member after, $5 limit. */
export const exportParticipants: Statement<PartRow> = {
  name: "export_participants",
  text: `
  select p.member_id, p.join_seq, p.join_time, p.read_seq from participant p
  where p.tenant_id = $1 and p.conversation_id = $2::uuid and ${inOrder("p")}
    and (p.join_seq, p.member_id) > ($3::bigint, $4::text collate "C")
  order by p.join_seq, p.member_id limit $5`,
};

/** For rows limited by bytes. */
interface Cut {
  /** The number of rows before that limit. */
  readonly found: bigint;
}

/** Rows that begin within the bytes, at least one; TOASTed values are not read for that. */
const withinBytes = (rows: string, order: string, max: string) => `
  select * from (
    select r.*, count(*) over () as found,
      sum(${bytesOf("r")}) over (order by ${order}) - (${bytesOf("r")}) as bytes_before
    from (${rows}) r
  ) r where r.bytes_before < ${max}::bigint order by ${order}`;

export interface ExportedMessageRow extends MessageRow {
  /** Whether it may have reactions. */
  readonly tallied: boolean | null;
}

/** Messages, deleted ones too. $1 tenant, $2 conversation, $3 after seq, $4 limit, $5 bytes. */
export const exportMessages: Statement<ExportedMessageRow & Cut> = {
  name: "export_messages",
  text: withinBytes(
    `select ${messageColumns}, m.tallied from message m
    where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq > $3::bigint order by m.seq limit $4`,
    "r.seq",
    "$5",
  ),
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
  readonly parts: string | null;
}

/** Revisions of a message. $1 tenant, $2 conversation, $3 seq, $4 after revision, $5 limit, $6 bytes. */
export const exportRevisions: Statement<KeptRevisionRow & Cut> = {
  name: "export_revisions",
  text: withinBytes(
    `select r.seq, r.revision, r.role, r.content, r.metadata, r.client_time, r.create_time, r.editor, r.parts
    from message_revision r
    where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq = $3::bigint and r.revision > $4::integer
    order by r.revision limit $5`,
    "r.revision",
    "$6",
  ),
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
