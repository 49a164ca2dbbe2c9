// Turns the records of an import into rows of the store, with defaults where they do not say.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Actor } from "../../../gen/colloquy/v1/actor_pb.ts";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { Event } from "../../../gen/colloquy/v1/event_pb.ts";
import { type MessageRevision, MessageRole, MessageState } from "../../../gen/colloquy/v1/message_pb.ts";
import type { ConversationRecord, MessageRecord, ParticipantRecord } from "../../../gen/colloquy/v1/record_pb.ts";
import { EventType } from "../../domain/event-type.ts";
import { actorText } from "../../domain/identity/actor.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { contentOf } from "../../domain/parts/content.ts";
import { partsText } from "../../domain/parts/stored.ts";
import { kindColumn } from "../../store/messages/columns.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import type { EventRow, PartRow } from "../../store/transfer/export.ts";
import { FIRST_PLACE, type ImportedConversation } from "../../store/transfer/import.ts";
import type { ImportedRevision } from "../../store/transfer/import-entries.ts";
import { toValues } from "../conversations/values.ts";
import { toDate } from "../convert.ts";

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
  { conversation, participants }: ConversationRecord,
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

function authorOf(given: Actor | undefined, importing: Importing): string {
  return given === undefined || given.id === "" ? importing.actor : actorText(given);
}

function versionOf(etag: string): number {
  return Math.min(Math.max(Number.parseInt(etag, 10) || 1, 1), MAX_CHANGES);
}

function pastTime({ now }: Importing) {
  return (time: Timestamp | undefined): Date | undefined => {
    const date = dateOf(time);
    return date !== undefined && date > now ? now : date;
  };
}

/** The largest number of entries, or place in the log, that an event tells of: none is beyond its own place. */
export function farthestOf({ change }: Event): bigint {
  switch (change.case) {
    case "messageEdited":
    case "messageRestored":
      return change.value.message?.seq ?? 0n;
    case "messageDeleted":
    case "branchSelected":
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
export function fromEvent(event: Event, importing: Importing): EventRow | undefined {
  const what = storedChange(event);
  return (
    what && {
      ...what,
      seq: event.seq,
      actor: authorOf(event.actor, importing),
      create_time: pastTime(importing)(event.createTime) ?? importing.now,
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
    case "branchSelected": {
      const data = { message_id: change.value.messageId, message_seq: Number(change.value.messageSeq) };
      return { type: EventType.BRANCH_SELECTED, data };
    }
    default:
      return undefined;
  }
}

export function dateOf(time: Timestamp | undefined): Date | undefined {
  return time && toDate(time);
}
