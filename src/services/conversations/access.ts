// Checks before a conversation is changed: the caller sees it, and may make this change.
import { ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { mayManage, mayWrite, type Standing } from "../../domain/identity/visibility.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { type LockedRow, lockConversation, readConversation } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";

/**
 * Locks a conversation until the transaction ends. Throws NOT_FOUND if the caller does not see it, or if it is deleted
 * and `deleted` is not allowed.
 */
export async function lockVisible(
  tx: Queryable,
  caller: Caller,
  id: string,
  deleted: "hidden" | "allowed" = "hidden",
): Promise<LockedRow> {
  const row = isOurId(id) ? await lockConversation(tx, caller, id) : undefined;
  if (row === undefined || (row.deleted && deleted === "hidden")) throw notFound("conversation");
  return row;
}

/** A conversation that is not locked, as far as its tree is stored. Throws NOT_FOUND if the caller does not see it. */
export async function findVisible(
  on: Queryable,
  caller: Caller,
  id: string,
): Promise<Pick<LockedRow, "id" | "segmented">> {
  const row = isOurId(id) ? await readConversation(on, caller, id) : undefined;
  if (row === undefined) throw notFound("conversation");
  return row;
}

/** Throws PERMISSION_DENIED unless the caller may send and edit here. */
export function requireWrite(caller: Caller, row: LockedRow): void {
  if (!mayWrite(caller.viewer, standingOf(row))) {
    throw new DomainError(
      ErrorReason.PERMISSION_DENIED,
      "only the owner and participants of the conversation may do this",
    );
  }
}

/** Throws PERMISSION_DENIED unless the conversation is the caller's own to manage. */
export function requireManage(caller: Caller, row: LockedRow): void {
  if (!mayManage(caller.viewer, standingOf(row))) {
    throw new DomainError(ErrorReason.PERMISSION_DENIED, "only the owner of the conversation may do this");
  }
}

export function standingOf(row: LockedRow): Standing {
  return { isOwner: row.is_owner, isParticipant: row.is_participant };
}

/** Throws CONVERSATION_CLOSED for a closed conversation. */
export function requireOpen(status: ConversationStatus): void {
  if (status === ConversationStatus.CLOSED) {
    throw new DomainError(ErrorReason.CONVERSATION_CLOSED, "the conversation is closed; make it active to go on");
  }
}
