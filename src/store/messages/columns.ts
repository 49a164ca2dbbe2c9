// The columns of messages, for all statements.
import type { JsonObject } from "@bufbuild/protobuf";
import { MessageKind, type MessageRole, type MessageState } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Tally } from "../reactions/tally.ts";

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
  /** Null: a message. */
  readonly kind: MessageKind | null;
  /** As domain/parts/stored.ts writes them; null: none. */
  readonly parts: string | null;
  readonly client_id: string | null;
  /** Null: it was written in no turn. */
  readonly turn_id: string | null;
  /** The call of the model in the turn, from 1. */
  readonly step: number | null;
  /** As it was given; null: not. */
  readonly parent_id: string | null;
  /** As it was given; null: it is no reply. */
  readonly reply_to: string | null;
  /** Ids of members, or "@all"; null: none. */
  readonly mentions: readonly string[] | null;
  /** The name under which it was sent; null: none was given. */
  readonly sender_name: string | null;
  /** What is counted of it; null: nothing. Left out where it is not asked for. */
  readonly tally?: Tally | null;
}

/** The columns of message `m`. */
export const messageColumns = `
  m.id, m.conversation_id, m.seq, m.role, m.sender, m.content, m.metadata, m.state, m.client_time, m.create_time,
  m.edit_time, m.delete_time, m.revision, m.version, m.kind, m.parts, m.client_id, m.turn_id, m.step,
  m.parent_id, m.reply_to, m.mentions, m.sender_name`;

/** What the column holds for a kind: nothing for a message, which most are. */
export function kindColumn(kind: MessageKind): MessageKind | null {
  return kind === MessageKind.MESSAGE || kind === MessageKind.UNSPECIFIED ? null : kind;
}

/** A condition on row `m`: it is a message, and no other entry such as a tool's call. */
export function isMessage(m: string): string {
  return `${m}.kind is null`;
}

/** The same for any of some kinds, `kinds` an array of their numbers. */
export function isOfKinds(m: string, kinds: string): string {
  return `coalesce(${m}.kind, 1) = any(${kinds}::smallint[])`;
}

/** How many bytes row `m` takes that its writer chose. */
export function bytesOf(m: string): string {
  return `octet_length(${m}.content) + coalesce(pg_column_size(${m}.metadata), 0) + coalesce(octet_length(${m}.parts), 0)`;
}

/** Maximum bytes of text, metadata and parts read for a page; a little less than a response may have. */
const PAGE_TEXT_BYTES = 3 << 20;

/**
 * Limits the messages of a query to those that fit into a page, at least one. The length of a text is known without
 * reading it, so what does not fit is not read. `followed` says whether another row was found after this one.
 */
export function withinBytes(query: string, order: string): string {
  return `
    select * from (
      select q.*, sum(${bytesOf("q")}) over found as bytes,
        lag(q.id) over found is null as is_first, lead(q.id) over found is not null as followed
      from (${query}) q
      window found as (order by ${order
        .split(", ")
        .map((by) => `q.${by}`)
        .join(", ")} rows unbounded preceding)
    ) fitting where fitting.bytes <= ${PAGE_TEXT_BYTES} or fitting.is_first`;
}
