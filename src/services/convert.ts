// Converts rows of the store to messages of the contract and back; no other place does.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type Conversation, type MemberView, NotificationLevel } from "../../gen/colloquy/v1/conversation_pb.ts";
import {
  type Message,
  MessageKind,
  type MessageRevision,
  MessageRevisionSchema,
  MessageRole,
} from "../../gen/colloquy/v1/message_pb.ts";
import { type Participant, ParticipantSchema } from "../../gen/colloquy/v1/participant_pb.ts";
import type { ReactionSchema } from "../../gen/colloquy/v1/reaction_pb.ts";
import { toActor } from "../domain/identity/actor.ts";
import type { Caller } from "../domain/identity/caller.ts";
import type { MessageDraft, StoredMessage } from "../domain/messages/diff.ts";
import { contentOf } from "../domain/parts/content.ts";
import { partsText, readParts, setStoredParts } from "../domain/parts/stored.ts";
import { readTally } from "../domain/reactions/tally.ts";
import { conversationEtag, messageEtag } from "../domain/updates/etag.ts";
import type { ConversationRow, NamedParticipant } from "../store/conversations/conversations.ts";
import type { MessageRow, NumberedRevision } from "../store/messages/messages.ts";
import type { ReactionRow } from "../store/reactions/reactions.ts";

export function toTimestamp(date: Date): Timestamp {
  return timestampOfMs(date.getTime());
}

/**
 * What is finer than a millisecond is cut off: rounded up, the last moment of the year 9999 is none that JSON can say.
 */
export function toDate({ seconds, nanos }: Timestamp): Date {
  return new Date(Number(seconds) * 1000 + Math.floor(nanos / 1_000_000));
}

export function timestampOfMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  // As `create` makes it, which takes three times as long.
  return { $typeName: "google.protobuf.Timestamp", seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1_000_000 };
}

/** Who reads it. Without a member there is no view of one. */
export type Reader = Pick<Caller, "tenantId" | "memberId">;

export function toConversation(row: ConversationRow, { tenantId, memberId }: Reader): Conversation {
  // As `create` makes it, in a fraction of the time.
  const conversation: Conversation = {
    $typeName: "colloquy.v1.Conversation",
    id: row.id,
    tenantId,
    number: row.number ?? 0n,
    title: row.title,
    status: row.status,
    ownerId: row.owner_id ?? "",
    creator: toActor(row.creator),
    agent: row.agent,
    mode: row.mode,
    callType: row.call_type,
    entityType: row.entity_type,
    entityId: row.entity_id,
    pinned: row.pinned,
    labels: row.labels ?? {},
    maxContextLength: row.max_context_length,
    participants: (row.participants ?? []).map(([memberId, joinTime, readSeq]) =>
      create(ParticipantSchema, { memberId, joinTime: timestampOfMs(joinTime), readSeq: BigInt(readSeq) }),
    ),
    participantCount: row.participant_count,
    lastSeq: row.last_seq,
    messageCount: row.message_count,
    ownedByLead: row.owned_by_lead,
    etag: conversationEtag(row.version, row.last_seq),
    createTime: toTimestamp(row.create_time),
    updateTime: toTimestamp(row.update_time),
    clientId: row.client_id ?? "",
    stateJson: row.state_json ?? "",
  };
  if (memberId !== null) conversation.memberView = toMemberView(row);
  if (row.origin_id !== null) {
    const seq = row.origin_seq ?? 0n;
    conversation.origin = { $typeName: "colloquy.v1.ConversationOrigin", conversationId: row.origin_id, seq };
  }
  if (row.metadata) conversation.metadata = row.metadata;
  if (row.persona) conversation.persona = row.persona;
  if (row.profile_info) conversation.profileInfo = row.profile_info;
  if (row.last_message_time) conversation.lastMessageTime = toTimestamp(row.last_message_time);
  if (row.delete_time) conversation.deleteTime = toTimestamp(row.delete_time);
  if (row.purge_time) conversation.purgeTime = toTimestamp(row.purge_time);
  return conversation;
}

function toMemberView({ view, read_seq, read_time, unread_count, unread_mention_count }: ConversationRow): MemberView {
  const memberView: MemberView = {
    $typeName: "colloquy.v1.MemberView",
    participating: read_seq !== null,
    readSeq: read_seq ?? 0n,
    unreadCount: unread_count,
    unreadMentionCount: unread_mention_count ?? 0,
    pinned: view?.pinned ?? false,
    archived: view?.archived ?? false,
    notificationLevel: view?.level ?? NotificationLevel.UNSPECIFIED,
  };
  if (view?.muted_until !== undefined && view.muted_until > Date.now()) {
    memberView.mutedUntil = timestampOfMs(view.muted_until);
  }
  if (view?.metadata) memberView.metadata = view.metadata;
  if (read_time) memberView.lastReadTime = toTimestamp(read_time);
  return memberView;
}

export function toParticipant(row: NamedParticipant): Participant {
  return create(ParticipantSchema, {
    memberId: row.member_id,
    joinTime: toTimestamp(row.join_time),
    readSeq: row.read_seq,
  });
}

export function toMessage(row: MessageRow): Message {
  // As `create` makes it, in half the time: there are up to a thousand in a response.
  const message: Omit<Message, "parts"> & Partial<Pick<Message, "parts">> = {
    $typeName: "colloquy.v1.Message",
    id: row.id,
    conversationId: row.conversation_id,
    seq: row.seq,
    role: row.role,
    sender: row.sender_name === null ? toActor(row.sender) : { ...toActor(row.sender), displayName: row.sender_name },
    content: row.content,
    state: row.state,
    createTime: toTimestamp(row.create_time),
    revision: row.revision,
    etag: messageEtag(row.version),
    kind: row.kind ?? MessageKind.MESSAGE,
    clientId: row.client_id ?? "",
    turnId: "",
    step: 0,
    parentId: row.parent_id ?? "",
    reactions: [],
    replyTo: row.reply_to ?? "",
    replyCount: 0,
    mentions: [],
  };
  if (row.mentions !== null) message.mentions = [...row.mentions];
  if (row.tally) {
    const { reactions, replyCount, lastReplyTime } = readTally(row.tally);
    message.reactions = reactions as Message["reactions"];
    message.replyCount = replyCount;
    if (lastReplyTime !== undefined) message.lastReplyTime = timestampOfMs(lastReplyTime);
  }
  if (row.parts === null) message.parts = [];
  else setStoredParts(message as Message, row.parts);
  if (row.turn_id !== null) message.turnId = row.turn_id;
  if (row.step !== null) message.step = row.step;
  if (row.metadata) message.metadata = row.metadata;
  if (row.client_time) message.clientTime = toTimestamp(row.client_time);
  if (row.edit_time) message.editTime = toTimestamp(row.edit_time);
  if (row.delete_time) message.deleteTime = toTimestamp(row.delete_time);
  return message as Message;
}

export function toReaction({ name, actor, create_time }: ReactionRow): MessageInitShape<typeof ReactionSchema> {
  return { reaction: name, actor: toActor(actor), createTime: toTimestamp(create_time) };
}

export function toMessageRevision(row: NumberedRevision): MessageRevision {
  const init: MessageInitShape<typeof MessageRevisionSchema> = {
    revision: row.revision,
    content: row.content,
    createTime: toTimestamp(row.create_time),
    editor: toActor(row.editor),
    parts: readParts(row.parts),
  };
  return create(MessageRevisionSchema, row.metadata ? { ...init, metadata: row.metadata } : init);
}

/** What a caller says in a message. The role is user unless it says another, the text that of the parts. */
export function toDraft({ kind, role, sender, content, parts, metadata, clientTime, clientId }: Message): MessageDraft {
  return {
    kind: kind || MessageKind.MESSAGE,
    parts: partsText(parts) ?? undefined,
    role: role || MessageRole.USER,
    content: content || contentOf(parts),
    metadata,
    clientTime: clientTime && toDate(clientTime),
    clientId: clientId || undefined,
    senderName: sender?.displayName,
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
    kind: row.kind ?? MessageKind.MESSAGE,
    parts: row.parts ?? undefined,
    clientId: row.client_id ?? undefined,
    senderName: row.sender_name ?? undefined,
  };
}
