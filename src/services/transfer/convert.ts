// Turns rows of the store into the records of an export.
import { create } from "@bufbuild/protobuf";
import type { Event } from "../../../gen/colloquy/v1/event_pb.ts";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import {
  ConversationRecordSchema,
  type Record as ImportRecord,
  MessageRecordSchema,
  ParticipantsRecordSchema,
  ReactionsRecordSchema,
  RecordSchema,
  RevisionsRecordSchema,
} from "../../../gen/colloquy/v1/record_pb.ts";
import type { ConversationRow } from "../../store/conversations/conversations.ts";
import type { LogEntry, MessageRow } from "../../store/messages/messages.ts";
import type { ReactionRow } from "../../store/reactions/reactions.ts";
import type { EventRow, KeptRevisionRow, PartRow } from "../../store/transfer/export.ts";
import { toConversation, toMessage, toMessageRevision, toReaction, toTimestamp } from "../convert.ts";
import { toEvent } from "../events/convert.ts";

/** Which message it is. */
type MessageId = Pick<MessageRow, "conversation_id" | "id">;

export function toConversationRecord(row: ConversationRow, parts: readonly PartRow[], tenantId: string): ImportRecord {
  const conversation = toConversation(row, { tenantId, memberId: null });
  // What follows from the log, or is said by the record itself.
  conversation.participants = [];
  conversation.ownedByLead = false;
  const value = create(ConversationRecordSchema, {
    conversation,
    participants: parts.map(toPart),
    unlisted: row.unlisted ?? false,
  });
  return create(RecordSchema, { kind: { case: "conversation", value } });
}

export function toParticipantsRecord(conversationId: string, parts: readonly PartRow[]): ImportRecord {
  const value = create(ParticipantsRecordSchema, { conversationId, participants: parts.map(toPart) });
  return create(RecordSchema, { kind: { case: "participants", value } });
}

function toPart(part: PartRow) {
  return {
    memberId: part.member_id,
    // Those that joined before the log have places of their own, which the order of the records says.
    joinSeq: part.join_seq < 0n ? 0n : part.join_seq,
    joinTime: toTimestamp(part.join_time),
    readSeq: part.read_seq,
  };
}

export function toMessageRecord(row: MessageRow, kept: readonly KeptRevisionRow[]): ImportRecord {
  const value = create(MessageRecordSchema, { message: toMessage(row), revisions: kept.map(toMessageRevision) });
  return create(RecordSchema, { kind: { case: "message", value } });
}

export function toRevisionsRecord(row: MessageId, kept: readonly KeptRevisionRow[]): ImportRecord {
  const { conversation_id: conversationId, id: messageId } = row;
  const value = create(RevisionsRecordSchema, { conversationId, messageId, revisions: kept.map(toMessageRevision) });
  return create(RecordSchema, { kind: { case: "revisions", value } });
}

export function toReactionsRecord(row: MessageId, reactions: readonly ReactionRow[]): ImportRecord {
  const { conversation_id: conversationId, id: messageId } = row;
  const value = create(ReactionsRecordSchema, { conversationId, messageId, reactions: reactions.map(toReaction) });
  return create(RecordSchema, { kind: { case: "reactions", value } });
}

export function toEventRecord(row: EventRow, conversationId: string): ImportRecord {
  return create(RecordSchema, { kind: { case: "event", value: { event: eventOf(row, conversationId) } } });
}

/** An event that names the message that it is about, and does not repeat it. */
function eventOf(row: EventRow, conversationId: string): Event {
  const message = {
    message_id: String(row.data.message_id ?? ""),
    message_seq: BigInt(Number(row.data.message_seq ?? 0)),
  };
  const empty = {
    role: 0,
    sender: "",
    content: "",
    metadata: null,
    state: 0,
    client_time: null,
    edit_time: null,
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
  const rest = { delete_time: null, revision: 0, version: 0, message_create_time: new Date(0) };
  const event = toEvent({ ...row, ...message, ...empty, ...rest } as unknown as LogEntry, conversationId);
  const { change } = event;
  if (change.case === "messageEdited" || change.case === "messageRestored") {
    const { id = "", seq = 0n } = change.value.message ?? {};
    change.value.message = create(MessageSchema, { id, seq });
  }
  return event;
}
