// Pairs the rows of the store with the messages of the contract; no other place does.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type Conversation, ConversationSchema } from "../../gen/colloquy/v1/conversation_pb.ts";
import {
  type Message,
  type MessageRevision,
  MessageRevisionSchema,
  MessageRole,
  MessageSchema,
} from "../../gen/colloquy/v1/message_pb.ts";
import { type Participant, ParticipantSchema } from "../../gen/colloquy/v1/participant_pb.ts";
import { conversationEtag, messageEtag } from "../domain/etag.ts";
import type { MessageDraft, StoredMessage } from "../domain/message-diff.ts";
import type { ConversationRow, NamedParticipant } from "../store/conversations.ts";
import type { MessageRow, NumberedRevision } from "../store/messages.ts";

export function toTimestamp(date: Date): Timestamp {
  return timestampOfMs(date.getTime());
}

/** What is finer than a millisecond is cut off: rounded up, the last moment of the year 9999 is none that JSON can say. */
export function toDate({ seconds, nanos }: Timestamp): Date {
  return new Date(Number(seconds) * 1000 + Math.floor(nanos / 1_000_000));
}

export function timestampOfMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1_000_000 });
}

export function toConversation(row: ConversationRow, tenantId: string): Conversation {
  const conversation = create(ConversationSchema);
  conversation.id = row.id;
  conversation.tenantId = tenantId;
  conversation.number = row.number ?? 0n;
  conversation.title = row.title;
  conversation.status = row.status;
  conversation.ownerId = row.owner_id ?? "";
  conversation.creator = row.creator;
  conversation.agent = row.agent;
  conversation.mode = row.mode;
  conversation.callType = row.call_type;
  conversation.entityType = row.entity_type;
  conversation.entityId = row.entity_id;
  conversation.pinned = row.pinned;
  if (row.metadata) conversation.metadata = row.metadata;
  if (row.persona) conversation.persona = row.persona;
  if (row.profile_info) conversation.profileInfo = row.profile_info;
  conversation.maxContextLength = row.max_context_length;
  for (const [memberId, joinTime, readSeq] of row.participants ?? []) {
    const joined = { memberId, joinTime: timestampOfMs(joinTime), readSeq: BigInt(readSeq) };
    conversation.participants.push(create(ParticipantSchema, joined));
  }
  conversation.participantCount = row.participant_count;
  conversation.lastSeq = row.last_seq;
  conversation.messageCount = row.message_count;
  if (row.last_message_time) conversation.lastMessageTime = toTimestamp(row.last_message_time);
  conversation.readSeq = row.read_seq ?? 0n;
  conversation.unreadCount = row.unread_count;
  conversation.ownedByLead = row.owned_by_lead;
  conversation.takesPart = row.read_seq !== null;
  conversation.etag = conversationEtag(row.version, row.last_seq);
  conversation.createTime = toTimestamp(row.create_time);
  conversation.updateTime = toTimestamp(row.update_time);
  if (row.delete_time) conversation.deleteTime = toTimestamp(row.delete_time);
  if (row.purge_time) conversation.purgeTime = toTimestamp(row.purge_time);
  return conversation;
}

export function toParticipant(row: NamedParticipant): Participant {
  return create(ParticipantSchema, {
    memberId: row.member_id,
    joinTime: toTimestamp(row.join_time),
    readSeq: row.read_seq,
  });
}

export function toMessage(row: MessageRow): Message {
  const message = create(MessageSchema);
  message.id = row.id;
  message.conversationId = row.conversation_id;
  message.seq = row.seq;
  message.role = row.role;
  message.sender = row.sender;
  message.content = row.content;
  if (row.metadata) message.metadata = row.metadata;
  message.state = row.state;
  if (row.client_time) message.clientTime = toTimestamp(row.client_time);
  message.createTime = toTimestamp(row.create_time);
  if (row.edit_time) message.editTime = toTimestamp(row.edit_time);
  if (row.delete_time) message.deleteTime = toTimestamp(row.delete_time);
  message.revision = row.revision;
  message.etag = messageEtag(row.version);
  return message;
}

export function toMessageRevision(row: NumberedRevision): MessageRevision {
  const init: MessageInitShape<typeof MessageRevisionSchema> = {
    revision: row.revision,
    content: row.content,
    createTime: toTimestamp(row.create_time),
    editor: row.editor,
  };
  return create(MessageRevisionSchema, row.metadata ? { ...init, metadata: row.metadata } : init);
}

/** What a caller says in a message. The role is user unless it says another. */
export function toDraft({ role, content, metadata, clientTime }: Message): MessageDraft {
  return {
    role: role === MessageRole.UNSPECIFIED ? MessageRole.USER : role,
    content,
    metadata,
    clientTime: clientTime && toDate(clientTime),
  };
}

export function toStoredMessage(row: MessageRow): StoredMessage {
  return {
    id: row.id,
    seq: row.seq,
    revision: row.revision,
    role: row.role,
    content: row.content,
    metadata: row.metadata ?? undefined,
    clientTime: row.client_time ?? undefined,
    createTime: row.create_time,
  };
}
