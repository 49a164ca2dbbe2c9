// The columns of messages, for all statements.
import type { JsonObject } from "@bufbuild/protobuf";
import type { MessageRole, MessageState } from "../../../gen/colloquy/v1/message_pb.ts";

export interface MessageRow {
  readonly id: string;
  readonly conversation_id: string;
  readonly seq: bigint;
  readonly role: MessageRole;
  readonly sender: string;
  readonly content: string;
  readonly metadata: JsonObject | null;
  readonly state: MessageState;
  readonly client_time: Date | null;
  readonly create_time: Date;
  readonly edit_time: Date | null;
  readonly delete_time: Date | null;
  readonly revision: number;
  readonly version: number;
}

/** The columns of message `m`. */
export const messageColumns = `
  m.id, m.conversation_id, m.seq, m.role, m.sender, m.content, m.metadata, m.state, m.client_time, m.create_time,
  m.edit_time, m.delete_time, m.revision, m.version`;

/** Maximum bytes of text and metadata read for a page; a little less than a response may have. */
const PAGE_TEXT_BYTES = 3 << 20;

/**
 * Limits the messages of a query to those that fit into a page, at least one. The length of a text is known without
 * reading it, so what does not fit is not read. `followed` says whether another row was found after this one.
 */
export function withinBytes(query: string, order: string): string {
  return `
    select * from (
      select q.*, sum(octet_length(q.content) + coalesce(pg_column_size(q.metadata), 0)) over found as bytes,
        lag(q.id) over found is null as is_first, lead(q.id) over found is not null as followed
      from (${query}) q
      window found as (order by ${order
        .split(", ")
        .map((by) => `q.${by}`)
        .join(", ")} rows unbounded preceding)
    ) fitting where fitting.bytes <= ${PAGE_TEXT_BYTES} or fitting.is_first`;
}
