// Turns the entries of an import that are no messages into rows of the store.
import type { Event, ReactionAdded, ReactionRemoved } from "../../../../gen/colloquy/v1/event_pb.ts";
import { EventType } from "../../../domain/event-type.ts";
import type { EventRow } from "../../../store/transfer/export.ts";
import { authorOf, type Importing, pastTime } from "./read-record.ts";

/** The largest number of entries, or place in the log, that an event tells of: none is beyond its own place. */
export function farthestOf({ change }: Event): bigint {
  switch (change.case) {
    case "messageEdited":
    case "messageRestored":
      return change.value.message?.seq ?? 0n;
    case "messageDeleted":
    case "branchSelected":
    case "reactionAdded":
    case "reactionRemoved":
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
    case "reactionAdded":
      return { type: EventType.REACTION_ADDED, data: reactionData(change.value) };
    case "reactionRemoved":
      return { type: EventType.REACTION_REMOVED, data: reactionData(change.value) };
    case "fileDeleted":
      return { type: EventType.FILE_DELETED, data: { file_id: change.value.fileId } };
    default:
      return undefined;
  }
}

function reactionData({ messageId, messageSeq, reaction }: ReactionAdded | ReactionRemoved) {
  return { message_id: messageId, message_seq: Number(messageSeq), reaction };
}
