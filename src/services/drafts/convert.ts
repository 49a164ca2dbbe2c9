// Drafts and scheduled messages, between the contract and the store, which keeps messages as Protobuf.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { DraftSchema, ScheduledMessageSchema, ScheduledMessageState } from "../../../gen/colloquy/v1/draft_pb.ts";
import { type Message, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import type { DraftRow, ScheduledRow } from "../../store/drafts/drafts.ts";
import { toTimestamp } from "../convert.ts";
import { eachNamedFile } from "../files/named-in-request.ts";

/** What callers set of a message; the rest of what they send is ignored. */
export function messageBytes(message: Message | undefined): Uint8Array {
  const { kind, role, content, parts, metadata, clientTime, clientId, parentId, replyTo, mentions, sender } =
    message ?? create(MessageSchema);
  const given = { kind, role, content, parts, clientId, parentId, replyTo, mentions };
  // Of its sender a message says no more than the name.
  const named = sender?.displayName ? { sender: { displayName: sender.displayName } } : {};
  const more = { ...named, ...(metadata && { metadata }), ...(clientTime && { clientTime }) };
  return toBinary(MessageSchema, create(MessageSchema, { ...given, ...more }));
}

/** The files that a message names, each once. */
export function fileIdsOf(message: Message | undefined): string[] {
  const ids = new Set<string>();
  if (message !== undefined) eachNamedFile(message, MessageSchema, (_, id) => ids.add(id));
  return [...ids];
}

export function messageOf(bytes: Uint8Array): Message {
  return fromBinary(MessageSchema, bytes);
}

export function toDraftMessage(row: DraftRow): MessageInitShape<typeof DraftSchema> {
  return {
    conversationId: row.conversation_id,
    message: messageOf(row.message),
    etag: String(row.update_time.getTime()),
    updateTime: toTimestamp(row.update_time),
  };
}

export function toScheduled(row: ScheduledRow): MessageInitShape<typeof ScheduledMessageSchema> {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    message: messageOf(row.message),
    sendTime: toTimestamp(row.send_time),
    state: row.state as ScheduledMessageState,
    failure: row.failure,
    etag: String(row.version),
    createTime: toTimestamp(row.create_time),
    updateTime: toTimestamp(row.update_time),
  };
}
