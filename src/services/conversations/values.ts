// The fields of a conversation that callers set: their values as columns, and the rules between them.
import { type Conversation, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { type ConversationValues, existingMembers, watchesMember } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";

const DEFAULT_CONTEXT_LENGTH = 20;

/** The values of a conversation, with defaults where it does not say. */
export function toValues(conversation: Conversation): ConversationValues {
  const { labels, metadata, persona, profileInfo } = conversation;
  return {
    title: conversation.title,
    status: conversation.status || ConversationStatus.ACTIVE,
    owner_id: conversation.ownerId || null,
    agent: conversation.agent,
    mode: conversation.mode,
    call_type: conversation.callType,
    entity_type: conversation.entityType,
    entity_id: conversation.entityId,
    pinned: conversation.pinned,
    labels: Object.keys(labels).length > 0 ? labels : null,
    metadata: metadata ?? null,
    persona: persona ?? null,
    profile_info: profileInfo ?? null,
    max_context_length: conversation.maxContextLength || DEFAULT_CONTEXT_LENGTH,
    state_json: conversation.stateJson || null,
  };
}

/** Throws INVALID_FIELD unless the business object has both its parts or none. */
export function checkEntity({ entityType, entityId }: Pick<Conversation, "entityType" | "entityId">): void {
  if ((entityType === "") === (entityId === "")) return;
  const [missing, given] = entityType === "" ? ["entity_type", "entity_id"] : ["entity_id", "entity_type"];
  throw invalidField(`conversation.${missing}`, `must be set together with ${given}`, "entity");
}

/**
 * Throws PERMISSION_DENIED unless the caller may make `ownerId` the owner; UNKNOWN_REFERENCE if there is no such
 * member.
 */
export async function checkOwner(tx: Queryable, caller: Caller, ownerId: string): Promise<void> {
  if (ownerId === caller.memberId) return;
  if (!(await watchesMember(tx, caller, ownerId))) {
    throw new DomainError(
      ErrorReason.PERMISSION_DENIED,
      "conversation.owner_id: only a manager of that member, an administrator or an API key may name another owner",
    );
  }
  await checkMembers(tx, caller, "conversation.owner_id", [ownerId]);
}

/** Throws UNKNOWN_REFERENCE that names the first id that is no member of the tenant. */
export async function checkMembers(
  tx: Queryable,
  caller: Caller,
  field: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const existing = await existingMembers(tx, caller, ids);
  const index = ids.findIndex((id) => !existing.has(id));
  if (index === -1) return;
  const path = ids.length === 1 ? field : `${field}[${index}]`;
  const description = "is no member of the tenant";
  throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, `${path}: ${description}`, {
    violations: [{ field: path, description, rule: "reference" }],
  });
}
