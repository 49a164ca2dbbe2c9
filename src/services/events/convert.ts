// Converts a row of the log to an event of the contract.
import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "../../../gen/colloquy/v1/event_pb.ts";
import type { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { EventType } from "../../domain/event-type.ts";
import { toActor } from "../../domain/identity/actor.ts";
import type { LogEntry, MessageRow } from "../../store/messages/messages.ts";
import { toMessage, toTimestamp } from "../convert.ts";

type Change = Exclude<MessageInitShape<typeof EventSchema>["change"], undefined>;

export function toEvent(row: LogEntry, conversationId: string): Event {
  return create(EventSchema, {
    conversationId,
    seq: row.seq,
    createTime: toTimestamp(row.create_time),
    actor: toActor(row.actor),
    change: changeOf(row, row.data ?? {}, conversationId),
  });
}

function changeOf(row: LogEntry, data: JsonObject, conversationId: string): Change {
  const memberId = String(data.member_id);
  switch (row.type) {
    case EventType.MESSAGE_SENT:
      return { case: "messageSent", value: messageOf(row, data, conversationId) };
    case EventType.MESSAGE_EDITED:
      return {
        case: "messageEdited",
        value: { message: messageOf(row, data, conversationId), revision: Number(data.revision) },
      };
    case EventType.MESSAGE_DELETED:
      return {
        case: "messageDeleted",
        value: { messageId: String(data.message_id), messageSeq: BigInt(Number(data.message_seq)) },
      };
    case EventType.MESSAGE_RESTORED:
      return { case: "messageRestored", value: { message: messageOf(row, data, conversationId) } };
    case EventType.ALL_MESSAGES_DELETED:
      return { case: "allMessagesDeleted", value: { count: BigInt(Number(data.count)) } };
    case EventType.ALL_MESSAGES_RESTORED:
      return { case: "allMessagesRestored", value: { count: BigInt(Number(data.count)) } };
    case EventType.PARTICIPANT_ADDED:
      return { case: "participantAdded", value: { memberId } };
    case EventType.PARTICIPANT_REMOVED:
      return { case: "participantRemoved", value: { memberId } };
    case EventType.READ_MARKED:
      return { case: "readMarked", value: { memberId, readSeq: BigInt(Number(data.read_seq)) } };
    case EventType.CONVERSATION_UPDATED:
      return { case: "conversationUpdated", value: { updateMask: { paths: data.fields as string[] } } };
    case EventType.CONVERSATION_DELETED:
      return { case: "conversationDeleted", value: {} };
    case EventType.CONVERSATION_RESTORED:
      return { case: "conversationRestored", value: {} };
    case EventType.BRANCH_SELECTED:
      return {
        case: "branchSelected",
        value: { messageId: String(data.message_id), messageSeq: BigInt(Number(data.message_seq)) },
      };
    case EventType.REACTION_ADDED:
      return { case: "reactionAdded", value: reactionIn(row, data) };
    case EventType.REACTION_REMOVED:
      return { case: "reactionRemoved", value: reactionIn(row, data) };
    case EventType.FILE_DELETED:
      return { case: "fileDeleted", value: { fileId: String(data.file_id) } };
    case EventType.CONVERSATION_PURGED:
      return { case: "conversationPurged", value: {} };
    case EventType.ENDPOINT_DISABLED:
      return {
        case: "endpointDisabled",
        value: { endpointId: String(data.endpoint_id), reason: String(data.reason) },
      };
    case EventType.ENDPOINT_TEST:
      return { case: "endpointTest", value: { endpointId: String(data.endpoint_id) } };
    default:
      // Written by a newer server on the same database: the entry is told, its meaning is not known here.
      return { case: undefined };
  }
}

/** A reaction, which is hidden with its message. */
function reactionIn(row: LogEntry, data: JsonObject) {
  return {
    messageId: String(data.message_id),
    messageSeq: BigInt(Number(data.message_seq)),
    reaction: row.delete_time === null ? String(data.reaction) : "",
  };
}

/** The message that an entry is about, as it is now; no more than its name if it is not there. */
function messageOf(row: LogEntry, data: JsonObject, conversationId: string): MessageInitShape<typeof MessageSchema> {
  // An event that was imported may name one that was not.
  if (row.message_id === null) {
    return { id: String(data.message_id), conversationId, seq: BigInt(Number(data.message_seq)) };
  }
  const message = {
    ...row,
    id: row.message_id,
    conversation_id: conversationId,
    seq: row.message_seq,
    create_time: row.message_create_time,
  };
  return toMessage(message as unknown as MessageRow);
}
