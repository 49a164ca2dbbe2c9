// Turns the records of an import into rows of the store, with defaults where they do not say.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Actor } from "../../../../gen/colloquy/v1/actor_pb.ts";
import type { Conversation } from "../../../../gen/colloquy/v1/conversation_pb.ts";
import { type MessageRevision, MessageRole, MessageState } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { Reaction } from "../../../../gen/colloquy/v1/reaction_pb.ts";
import type { ConversationRecord, MessageRecord, ParticipantRecord } from "../../../../gen/colloquy/v1/record_pb.ts";
import { actorText } from "../../../domain/identity/actor.ts";
import { isOurId } from "../../../domain/ids/id.ts";
import { contentOf } from "../../../domain/parts/content.ts";
import { partsText } from "../../../domain/parts/stored.ts";
import { reactionOf } from "../../../domain/reactions/reaction.ts";
import { kindColumn } from "../../../store/messages/columns.ts";
import type { MessageRow } from "../../../store/messages/messages.ts";
import type { ImportedReaction } from "../../../store/reactions/reactions.ts";
import type { PartRow } from "../../../store/transfer/export.ts";
import { FIRST_PLACE, type ImportedConversation } from "../../../store/transfer/import.ts";
import type { ImportedRevision } from "../../../store/transfer/import-entries.ts";
import { toValues } from "../../conversations/values.ts";
import { toDate } from "../../convert.ts";

/** The highest version and revision that are taken: the columns hold twice as much, so that changes can follow. */
export const MAX_CHANGES = 2 ** 30;

/** What a record does not say, and what it may not say. */
export interface Importing {
  /** Who imports: the author of what has none. */
  readonly actor: string;
  /** Times that lie ahead of it become it: they would pass to all that comes later. */
  readonly now: Date;
}

/** `id` and `owner`'s place are settled by the caller. */
export function fromConversationRecord(
  { conversation, participants, unlisted }: ConversationRecord,
  id: string,
  importing: Importing,
): ImportedConversation {
  if (conversation === undefined) throw new Error("a record was not validated");
  const time = pastTime(importing);
  const createTime = time(conversation.createTime) ?? importing.now;
  return {
    id,
    creator: authorOf(conversation.creator, importing),
    values: toValues(conversation),
    number: conversation.number || null,
    version: versionOf(conversation.etag),
    createTime,
    updateTime: time(conversation.updateTime) ?? createTime,
    deleteTime: time(conversation.deleteTime) ?? null,
    purgeTime: dateOf(conversation.purgeTime) ?? null,
    clientId: conversation.clientId || null,
    origin: originOf(conversation),
    unlisted,
    participants: fromParticipants(participants, 0, createTime, importing),
  };
}

/** Of a conversation that was exported here; ids of other systems lead to no conversation. */
function originOf({ origin }: Conversation): ImportedConversation["origin"] {
  if (origin === undefined || !isOurId(origin.conversationId)) return null;
  return { id: origin.conversationId.toLowerCase(), seq: origin.seq };
}

/** @param before how many of its kind the lines before held */
export function fromParticipants(
  participants: readonly ParticipantRecord[],
  before: number,
  createTime: Date,
  importing: Importing,
): PartRow[] {
  const time = pastTime(importing);
  const parts = participants.map((part, index) => ({
    member_id: part.memberId,
    join_seq: part.joinSeq || FIRST_PLACE + BigInt(before + index),
    join_time: time(part.joinTime) ?? createTime,
    read_seq: part.readSeq,
  }));
  return [...new Map(parts.map((part) => [part.member_id, part])).values()];
}

export function fromMessageRecord(
  { message, revisions }: MessageRecord,
  id: string,
  conversationId: string,
  importing: Importing,
): { readonly row: MessageRow; readonly revisions: readonly ImportedRevision[] } {
  if (message === undefined) throw new Error("a record was not validated");
  const time = pastTime(importing);
  const createTime = time(message.createTime) ?? importing.now;
  // Other systems may have no numbers for them, or their own; what is exported here has them in order.
  const inOrder = revisions.every(({ revision }, index) => revision > (revisions[index - 1]?.revision ?? -1));
  const kept = fromRevisions(revisions, id, createTime, importing).map((revision, index) =>
    inOrder ? revision : { ...revision, revision: index },
  );
  const row: MessageRow = {
    id,
    conversation_id: conversationId,
    seq: message.seq,
    role: message.role || MessageRole.USER,
    sender: authorOf(message.sender, importing),
    content: message.content || contentOf(message.parts),
    metadata: message.metadata ?? null,
    // A stream that was under way when it was exported is not under way here.
    state:
      message.state === MessageState.FAILED || message.state === MessageState.STREAMING
        ? MessageState.FAILED
        : MessageState.COMPLETE,
    client_time: dateOf(message.clientTime) ?? null,
    create_time: createTime,
    edit_time: time(message.editTime) ?? null,
    delete_time: time(message.deleteTime) ?? null,
    // The number that the next edit gives to what is now the text.
    revision: Math.max(message.revision, (kept.at(-1)?.revision ?? -1) + 1),
    version: versionOf(message.etag),
    kind: kindColumn(message.kind),
    parts: partsText(message.parts),
    client_id: message.clientId || null,
    turn_id: message.turnId === "" ? null : message.turnId.toLowerCase(),
    step: message.step || null,
    parent_id: message.parentId.toLowerCase() || null,
    reply_to: message.replyTo.toLowerCase() || null,
    mentions: message.mentions.length > 0 ? [...new Set(message.mentions)] : null,
    sender_name: message.sender?.displayName ?? null,
  };
  return { row, revisions: kept };
}

/** @param createTime of those that do not say when they were written */
export function fromRevisions(
  revisions: readonly MessageRevision[],
  messageId: string,
  createTime: Date,
  importing: Importing,
): ImportedRevision[] {
  const time = pastTime(importing);
  return revisions.map((revision) => ({
    messageId,
    revision: revision.revision,
    content: revision.content || contentOf(revision.parts),
    parts: partsText(revision.parts),
    metadata: revision.metadata ?? null,
    create_time: time(revision.createTime) ?? createTime,
    editor: authorOf(revision.editor, importing),
  }));
}

/** @param time of those that do not say when they came */
export function fromReactions(
  reactions: readonly Reaction[],
  messageId: string,
  time: Date,
  importing: Importing,
): ImportedReaction[] {
  const past = pastTime(importing);
  return reactions.map(({ reaction, actor, createTime }) => ({
    messageId,
    name: reactionOf(reaction),
    actor: authorOf(actor, importing),
    create_time: past(createTime) ?? time,
  }));
}

export function authorOf(given: Actor | undefined, importing: Importing): string {
  return given === undefined || given.id === "" ? importing.actor : actorText(given);
}

function versionOf(etag: string): number {
  return Math.min(Math.max(Number.parseInt(etag, 10) || 1, 1), MAX_CHANGES);
}

export function pastTime({ now }: Importing) {
  return (time: Timestamp | undefined): Date | undefined => {
    const date = dateOf(time);
    return date !== undefined && date > now ? now : date;
  };
}

export function dateOf(time: Timestamp | undefined): Date | undefined {
  return time && toDate(time);
}
