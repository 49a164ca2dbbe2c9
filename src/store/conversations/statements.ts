// The statements that read, lock and write conversations.
import type { ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { EventType } from "../../domain/event-type.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { forEachViewer, takesPart, visible, watchedMembers } from "../visibility.ts";
import { type ConversationRow, conversationColumns, conversationJoins, wholeColumns } from "./columns.ts";

/** $1 tenant, $2 caller, $3 id, $4 whether to include a deleted one. */
export const getConversation = forEachViewer<ConversationRow>(
  "conversation_get",
  (kind) => `
  select ${conversationColumns}, ${wholeColumns} from conversation c ${conversationJoins}
  where c.tenant_id = $1 and c.id = $3::uuid and ($4::boolean or c.delete_time is null) and ${visible(kind)}`,
);

/** $1 tenant, $2 caller, $3 ids. Deleted ones are left out. */
export const batchGetConversations = forEachViewer<ConversationRow>(
  "conversation_batch_get",
  (kind) => `
  select ${conversationColumns} from conversation c ${conversationJoins}
  where c.tenant_id = $1 and c.id = any($3::uuid[]) and c.delete_time is null and ${visible(kind)}`,
  // More than 100 conversations can have, so none is dropped.
  { maxBytes: 4 * PAGE_BYTES },
);

/** The state of a locked conversation that changes need. */
export interface LockedRow {
  readonly id: string;
  readonly status: ConversationStatus;
  readonly version: number;
  readonly last_seq: bigint;
  readonly deleted: boolean;
  /** Whether its purge has begun: a part of it may be gone. */
  readonly purging: boolean;
  /** Whether it has branches, or inherits. */
  readonly segmented: boolean;
  readonly is_owner: boolean;
  readonly is_participant: boolean;
}

/**
 * Locks a visible conversation, deleted or not, until the transaction ends. Every change of a conversation begins with
 * it, so that changes are serialized and never use stale data. $1 tenant, $2 caller, $3 id.
 */
export const lockConversation = forEachViewer<LockedRow>(
  "conversation_lock",
  (kind) => `
  select c.id, c.status, c.version, c.last_seq, c.delete_time is not null as deleted,
    (c.purge_time <= now()) is true as purging, c.segmented, (c.owner_id = $2::text) is true as is_owner,
    ${takesPart("$2::text")} as is_participant
  from conversation c
  where c.tenant_id = $1 and c.id = $3::uuid and ${visible(kind)}
  for no key update of c`,
);

/** The columns that a caller sets; the fields of the contract have the same names. */
export const writableColumns = [
  "title",
  "status",
  "owner_id",
  "agent",
  "mode",
  "call_type",
  "entity_type",
  "entity_id",
  "pinned",
  "labels",
  "metadata",
  "persona",
  "profile_info",
  "max_context_length",
  "state_json",
] as const;

export type WritableColumn = (typeof writableColumns)[number];

/**
 * No row: one of the same owner has the client id. $1 tenant, $2 id, $3 creator, $4 client id or null, $5 the hash of
 * the request, then the writable columns.
 */
export const insertConversation: Statement<{ id: string }> = {
  name: "conversation_insert",
  text: `
  insert into conversation (tenant_id, id, creator, client_id, create_hash, ${writableColumns.join(", ")})
  values ($1, $2::uuid, $3, $4, $5::bytea, ${writableColumns.map((_, index) => `$${index + 6}`).join(", ")})
  on conflict (tenant_id, client_id, coalesce(owner_id, '')) where client_id is not null do nothing
  returning id`,
};

/** $1 tenant, $2 id, then one parameter for each column. Its log entry updates version and times. */
export function updateConversation(columns: readonly WritableColumn[]): Statement {
  return {
    name: `conversation_update_${columns.map((column) => writableColumns.indexOf(column).toString(36)).join("")}`,
    text: `
  update conversation set ${columns.map((column, index) => `${column} = $${index + 3}`).join(", ")}
  where tenant_id = $1 and id = $2::uuid`,
  };
}

/**
 * $1 tenant, $2 id, $3 whether to delete, $4 days until the purge, or null for never.
 */
export const markConversationDeleted: Statement = {
  name: "conversation_mark_deleted",
  text: `
  update conversation c set delete_time = case when $3::boolean then t.now end, purge_time = case when $3::boolean then t.later end
  from (select date_trunc('milliseconds', now()) as now,
    date_trunc('milliseconds', now()) + $4::integer * interval '1 day' as later) t
  where c.tenant_id = $1 and c.id = $2::uuid`,
};

/**
 * Purges a locked conversation with all dependent rows, and leaves a notice where there is a feed. Messages have no
 * foreign key, but are added only under this lock, so none is added meanwhile. Also erases responses stored for
 * retries; their keys stay, so that no retry acts again. What its messages named is read first, because over several nodes
 * parts run one after the other. $1 tenant, $2 id, $3 actor, $4 id of the notice.
 */
export const purgeConversation: Statement<{ message_count: bigint; files: readonly string[] | null }> = {
  name: "conversation_purge",
  // Notifies subscribers that the log has ended.
  extendsLog: 1,
  changesAccess: () => true,
  text: `
  with named as materialized (
    select distinct u.file_id from file_use u where u.tenant_id = $1 and u.conversation_id = $2::uuid
  ),
  messages as (delete from message where tenant_id = $1 and conversation_id = $2::uuid returning 1),
  answers as (
    update idempotency set answer = null where tenant_id = $1 and conversation_id = $2::uuid and answer is not null
  ),
  noticed as (
    insert into feed_notice (tenant_id, id, notice)
    select $1, $4::uuid, jsonb_build_object('type', ${EventType.CONVERSATION_PURGED}, 'conversation_id', c.id, 'seq', c.last_seq + 1,
      'actor', $3::text, 'owner_id', c.owner_id, 'agent', c.agent, 'entity_type', c.entity_type, 'mode', c.mode)
    from conversation c where c.tenant_id = $1 and c.id = $2::uuid
      and exists (select from feed_state s where s.tenant_id = $1)
  ),
  purged as (delete from conversation where tenant_id = $1 and id = $2::uuid)
  select count(*) as message_count, (select array_agg(n.file_id) from named n) as files from messages`,
};

/** Which of some members exist. $1 tenant, $2 ids. */
export const existingMembers: Statement<{ id: string }> = {
  name: "member_existing",
  text: "select m.id from member m where m.tenant_id = $1 and m.id = any($2::text[]) and m.delete_time is null",
};

/** Whether a member is the caller or, for a manager, one of its subordinates. $1 tenant, $2 caller, $3 member id. */
export const watchesMember: Readonly<Record<"member" | "manager", Statement<{ watches: boolean }>>> = {
  member: { name: "member_watches_member", text: watches("member") },
  manager: { name: "member_watches_manager", text: watches("manager") },
};

function watches(kind: "member" | "manager"): string {
  return `select $3::text in (${watchedMembers(kind)}) and $1::uuid is not null as watches`;
}
