// Changes one message: locks its conversation, and checks that the caller sees it and may change it.
import { create } from "@bufbuild/protobuf";
import { type Message, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import type { UpdateMessageRequest } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { mayManage } from "../../domain/identity/visibility.ts";
import { editOf, type MessageDraft, reworded, type StoredMessage } from "../../domain/messages/diff.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { fieldsToUpdate, refuseNothing } from "../../domain/updates/field-mask.ts";
import type { LockedRow } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { applyDiff, type MessagePlace, type MessageRow, readLockedMessage } from "../../store/messages/messages.ts";
import { lockVisible, requireWrite, standingOf } from "../conversations/access.ts";
import { toDraft, toMessage, toStoredMessage } from "../convert.ts";
import { checkSummary } from "./references.ts";

/** The fields that an update may change, by their proto names. */
const updatableFields = ["content", "parts", "metadata", "role", "client_time"] as const;

/** Locks the conversation of a message and reads it. Throws NOT_FOUND if the caller does not see the message. */
export async function lockMessage(
  tx: Queryable,
  caller: Caller,
  place: MessagePlace | undefined,
  deleted: "hidden" | "allowed" = "hidden",
): Promise<{ conversation: LockedRow; message: MessageRow }> {
  if (place === undefined) throw notFound("message");
  const conversation = await lockVisible(tx, caller, place.conversation_id).catch((error: unknown) => {
    // A caller who does not see the conversation must not learn that the message exists.
    throw error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND ? notFound("message") : error;
  });
  const message = await readLockedMessage(tx, caller, conversation.id, place.seq);
  if (message === undefined || (message.delete_time !== null && deleted === "hidden")) throw notFound("message");
  return { conversation, message };
}

/** Throws PERMISSION_DENIED unless the caller sent the message, or the conversation is its own. */
export function requireAuthor(caller: Caller, conversation: LockedRow, message: MessageRow): void {
  requireWrite(caller, conversation);
  if (message.sender === caller.actor || mayManage(caller.viewer, standingOf(conversation))) return;
  throw new DomainError(
    ErrorReason.PERMISSION_DENIED,
    "only the sender of the message and the owner of the conversation may do this",
  );
}

/** Edits a locked message. An edit that changes nothing makes no revision. */
export async function updateMessage(
  tx: Queryable,
  caller: Caller,
  row: MessageRow,
  request: UpdateMessageRequest,
  rolePolicy: RolePolicy,
): Promise<void> {
  const wanted = request.message ?? create(MessageSchema);
  const fields = fieldsToUpdate(MessageSchema, wanted, request.updateMask?.paths, updatableFields);
  refuseNothing(fields, request.updateMask);
  const before = toStoredMessage(row);
  const draft = toDraft(wanted);
  const after: MessageDraft = {
    kind: before.kind,
    clientId: before.clientId,
    senderName: before.senderName,
    ...textOf(before, draft, fields),
    role: fields.includes("role") ? draft.role : before.role,
    metadata: fields.includes("metadata") ? draft.metadata : before.metadata,
    clientTime: fields.includes("client_time") ? draft.clientTime : before.clientTime,
  };
  const edit = editOf(before, after);
  if (edit === undefined) return;
  rolePolicy.checkEdit(caller, edit);
  if (edit.parts !== before.parts) checkSummary(edit, before.seq - 1n, "message");
  await applyDiff(tx, caller, row.conversation_id, { unchanged: 0, edits: [edit], deletions: [], additions: [] });
}

/**
 * Parts say the text, and a text alone becomes that of the parts. Without parts, which an update may ask for, it stays.
 */
function textOf(
  before: StoredMessage,
  { content, parts }: MessageDraft,
  fields: readonly string[],
): Pick<MessageDraft, "content" | "parts"> {
  if (fields.includes("parts"))
    return { parts, content: parts || fields.includes("content") ? content : before.content };
  return fields.includes("content") ? { content, parts: reworded(before, content) } : before;
}

/** A locked message as it is now, for the response to a change. */
export async function rereadMessage(tx: Queryable, caller: Caller, row: MessageRow): Promise<Message> {
  const now = await readLockedMessage(tx, caller, row.conversation_id, row.seq);
  if (now === undefined) throw new Error("a message is gone although its conversation is locked");
  return toMessage(now);
}
