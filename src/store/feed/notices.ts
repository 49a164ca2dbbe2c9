// Notices: what the feed tells that is in no conversation's log, such as the end of a conversation.
import type { JsonObject } from "@bufbuild/protobuf";
import { newId } from "../../domain/ids/id.ts";
import type { Queryable, Statement } from "../database.ts";
import type { LogEntry } from "../messages/messages.ts";

/** Ids and names, never content. What describes the conversation is there for filters. */
export interface FeedNotice {
  /** See `EventType`. */
  readonly type: number;
  readonly actor: string;
  /** Only in the notice of a conversation, with its last number in the log and what it was. */
  readonly conversation_id?: string;
  readonly seq?: number;
  readonly owner_id?: string | null;
  readonly agent?: string;
  readonly entity_type?: string;
  readonly mode?: string;
  readonly data?: JsonObject;
}

/** A notice as an entry of a log. */
export function noticeEntry({ type, actor, seq = 0, data = {} }: FeedNotice, createTime: Date): LogEntry {
  return {
    seq: BigInt(seq),
    type,
    actor,
    create_time: createTime,
    data,
    message_id: null,
    message_seq: null,
    role: null,
    sender: null,
    content: null,
    metadata: null,
    state: null,
    client_time: null,
    message_create_time: null,
    edit_time: null,
    delete_time: null,
    revision: null,
    version: null,
    kind: null,
    parts: null,
    client_id: null,
    turn_id: null,
    step: null,
    parent_id: null,
    reply_to: null,
    mentions: null,
    sender_name: null,
  };
}

/** Adds a notice to a feed that exists. $1 tenant, $2 id, $3 notice. */
const insertNotice: Statement = {
  name: "feed_insert_notice",
  text: `
  insert into feed_notice (tenant_id, id, notice)
  select $1, $2::uuid, $3::jsonb where exists (select from feed_state s where s.tenant_id = $1)`,
};

/** Adds a notice to the tenant's feed, if it has one. */
export async function addNotice(tx: Queryable, tenantId: string, notice: FeedNotice): Promise<void> {
  await tx.query(insertNotice, [tenantId, newId(), JSON.stringify(notice)]);
}
