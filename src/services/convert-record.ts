// Pairs rows of the store with the records of exports and imports.
import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Event } from "../../gen/colloquy/v1/event_pb.ts";
import { MessageRole, MessageSchema, MessageState } from "../../gen/colloquy/v1/message_pb.ts";
import type { ConversationRecord, Record as ImportRecord, MessageRecord } from "../../gen/colloquy/v1/record_pb.ts";
import { ConversationRecordSchema, MessageRecordSchema, RecordSchema } from "../../gen/colloquy/v1/record_pb.ts";
import { EventType } from "../domain/event-type.ts";
import type { ConversationRow } from "../store/conversations.ts";
import type { LogEntry, MessageRow } from "../store/messages.ts";
import type { EventRow, ImportedConversation, KeptRevisionRow, LogItem, PartRow } from "../store/transfer.ts";
import { toValues } from "./conversation-values.ts";
import { toConversation, toDate, toMessage, toMessageRevision, toTimestamp } from "./convert.ts";
import { toEvent } from "./convert-event.ts";

/** The highest version and revision that are taken: the columns hold twice as much, so that changes can follow. */
export const MOST_CHANGES = 2 ** 30;

export function toConversationRecord(row: ConversationRow, parts: readonly PartRow[], tenantId: string): ImportRecord {
  const conversation = toConversation(row, tenantId);
  // What is the exporting caller's own, or follows from the log, or is said by the record itself.
  conversation.participants = [];
  conversation.readSeq = 0n;
  conversation.unreadCount = 0;
  const participants = parts.map((part) => ({
    memberId: part.member_id,
    joinSeq: part.join_seq,
    joinTime: toTimestamp(part.join_time),
    readSeq: part.read_seq,
  }));
  const value = create(ConversationRecordSchema, { conversation, participants });
  return create(RecordSchema, { kind: { case: "conversation", value } });
}

export function toLogRecord(item: LogItem, conversationId: string): ImportRecord {
  if (item.kind === "message") {
    const revisions = item.revisions.map((revision) => toMessageRevision(revision));
    const value = create(MessageRecordSchema, { message: toMessage(item.row), revisions });
    return create(RecordSchema, { kind: { case: "message", value } });
  }
  return create(RecordSchema, { kind: { case: "event", value: { event: eventOf(item.row, conversationId) } } });
}

/** An event that names the message that it is about, and does not repeat it. */
function eventOf(row: EventRow, conversationId: string): Event {
  const message = {
    message_id: String(row.data.message_id ?? ""),
    message_seq: BigInt(Number(row.data.message_seq ?? 0)),
  };
  const empty = { role: 0, sender: "", content: "", metadata: null, state: 0, client_time: null, edit_time: null };
  const rest = { delete_time: null, revision: 0, version: 0, message_create_time: new Date(0) };
  const event = toEvent({ ...row, ...message, ...empty, ...rest } as unknown as LogEntry, conversationId);
  const { change } = event;
  if (change.case === "messageEdited" || change.case === "messageRestored") {
    const { id = "", seq = 0n } = change.value.message ?? {};
    change.value.message = create(MessageSchema, { id, seq });
  }
  return event;
}

/** `id` and `owner`'s place are settled by the caller. */
export function fromConversationRecord(record: ConversationRecord, id: string, importer: string): ImportedConversation {
  const conversation = record.conversation;
  if (conversation === undefined) throw new Error("a record was not validated");
  const createTime = dateOf(conversation.createTime) ?? new Date();
  return {
    id,
    creator: conversation.creator || importer,
    values: toValues(conversation),
    version: Math.min(Math.max(Number.parseInt(conversation.etag, 10) || 1, 1), MOST_CHANGES),
    createTime,
    updateTime: dateOf(conversation.updateTime) ?? createTime,
    deleteTime: dateOf(conversation.deleteTime) ?? null,
    purgeTime: dateOf(conversation.purgeTime) ?? null,
    participants: uniqueParts(record).map((part) => ({
      member_id: part.memberId,
      join_seq: part.joinSeq,
      join_time: dateOf(part.joinTime) ?? createTime,
      read_seq: part.readSeq,
    })),
  };
}

function uniqueParts({ participants }: ConversationRecord) {
  return [...new Map(participants.map((part) => [part.memberId, part])).values()];
}

export function fromMessageRecord(
  { message, revisions }: MessageRecord,
  id: string,
  conversationId: string,
  importer: string,
): { readonly row: MessageRow; readonly revisions: readonly KeptRevisionRow[] } {
  if (message === undefined) throw new Error("a record was not validated");
  const createTime = dateOf(message.createTime) ?? new Date();
  const role = message.role || MessageRole.USER;
  // Other systems may have no numbers for them, or their own; what is exported here has them in order.
  const inOrder = revisions.every(({ revision }, index) => revision > (revisions[index - 1]?.revision ?? -1));
  const kept = revisions.map((revision, index) => ({
    seq: message.seq,
    revision: inOrder ? revision.revision : index,
    role,
    content: revision.content,
    metadata: revision.metadata ?? null,
    client_time: null,
    create_time: dateOf(revision.createTime) ?? createTime,
    editor: revision.editor || importer,
  }));
  const row: MessageRow = {
    id,
    conversation_id: conversationId,
    seq: message.seq,
    role,
    sender: message.sender || importer,
    content: message.content,
    metadata: message.metadata ?? null,
    // A stream that was under way when it was exported is not under way here.
    state:
      message.state === MessageState.FAILED || message.state === MessageState.STREAMING
        ? MessageState.FAILED
        : MessageState.COMPLETE,
    client_time: dateOf(message.clientTime) ?? null,
    create_time: createTime,
    edit_time: dateOf(message.editTime) ?? null,
    delete_time: dateOf(message.deleteTime) ?? null,
    // The number that the next edit gives to what is now the text.
    revision: Math.max(message.revision, (kept.at(-1)?.revision ?? -1) + 1),
    version: Math.min(Math.max(Number.parseInt(message.etag, 10) || 1, 1), MOST_CHANGES),
  };
  return { row, revisions: kept };
}

/** The largest number of entries, or place in the log, that an event tells of: none is beyond its own place. */
export function farthestOf({ change }: Event): bigint {
  switch (change.case) {
    case "messageEdited":
    case "messageRestored":
      return change.value.message?.seq ?? 0n;
    case "messageDeleted":
      return change.value.messageSeq;
    case "allMessagesDeleted":
    case "allMessagesRestored":
      return change.value.count;
    case "readMarked":
      return change.value.readSeq;
    default:
      return 0n;
  }
}

/** Undefined: an event that this release does not know. */
export function fromEvent(event: Event, importer: string): EventRow | undefined {
  const what = storedChange(event);
  return (
    what && {
      ...what,
      seq: event.seq,
      actor: event.actor || importer,
      create_time: dateOf(event.createTime) ?? new Date(),
    }
  );
}

function storedChange({ change }: Event): Pick<EventRow, "type" | "data"> | undefined {
  switch (change.case) {
    case "messageEdited": {
      const { message, revision } = change.value;
      const data = { message_id: message?.id ?? "", message_seq: Number(message?.seq ?? 0), revision };
      return { type: EventType.MESSAGE_EDITED, data };
    }
    case "messageDeleted": {
      const data = { message_id: change.value.messageId, message_seq: Number(change.value.messageSeq) };
      return { type: EventType.MESSAGE_DELETED, data };
    }
    case "messageRestored": {
      const { id = "", seq = 0n } = change.value.message ?? {};
      return { type: EventType.MESSAGE_RESTORED, data: { message_id: id, message_seq: Number(seq) } };
    }
    case "allMessagesDeleted":
      return { type: EventType.ALL_MESSAGES_DELETED, data: { count: Number(change.value.count) } };
    case "allMessagesRestored":
      return { type: EventType.ALL_MESSAGES_RESTORED, data: { count: Number(change.value.count) } };
    case "participantAdded":
      return { type: EventType.PARTICIPANT_ADDED, data: { member_id: change.value.memberId } };
    case "participantRemoved":
      return { type: EventType.PARTICIPANT_REMOVED, data: { member_id: change.value.memberId } };
    case "readMarked":
      return {
        type: EventType.READ_MARKED,
        data: { member_id: change.value.memberId, read_seq: Number(change.value.readSeq) },
      };
    case "conversationUpdated":
      return { type: EventType.CONVERSATION_UPDATED, data: { fields: change.value.updateMask?.paths ?? [] } };
    case "conversationDeleted":
      return { type: EventType.CONVERSATION_DELETED, data: {} };
    case "conversationRestored":
      return { type: EventType.CONVERSATION_RESTORED, data: {} };
    default:
      return undefined;
  }
}

export function dateOf(time: Timestamp | undefined): Date | undefined {
  return time && toDate(time);
}
