// The dialects' words for the contract's enum values.
import { CallType, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";

const ROLES: ReadonlyMap<string, MessageRole> = new Map([
  ["user", MessageRole.USER],
  ["assistant", MessageRole.ASSISTANT],
  ["system", MessageRole.SYSTEM],
  ["tool", MessageRole.TOOL],
]);

const STATUSES: ReadonlyMap<string, ConversationStatus> = new Map([
  ["active", ConversationStatus.ACTIVE],
  ["archived", ConversationStatus.ARCHIVED],
  ["closed", ConversationStatus.CLOSED],
]);

const CALL_TYPES: ReadonlyMap<string, CallType> = new Map([
  ["inbound", CallType.INBOUND],
  ["outbound", CallType.OUTBOUND],
  ["training", CallType.TRAINING],
]);

/** `user`, `assistant`, `system` or `tool`. The rules of the contracts let no other word come here. */
export function roleOf(word: string): MessageRole {
  return ROLES.get(word) ?? MessageRole.UNSPECIFIED;
}

/** Developers instruct as the system does, and those APIs have no word for them. */
export function wordOfRole(role: MessageRole): string {
  return wordIn(ROLES, role === MessageRole.DEVELOPER ? MessageRole.SYSTEM : role) ?? "user";
}

/** `active`, `archived` or `closed`. */
export function statusOf(word: string): ConversationStatus {
  return STATUSES.get(word) ?? ConversationStatus.UNSPECIFIED;
}

export function wordOfStatus(status: ConversationStatus): string {
  return wordIn(STATUSES, status) ?? "active";
}

/** `inbound`, `outbound` or `training`. */
export function callTypeOf(word: string): CallType {
  return CALL_TYPES.get(word) ?? CallType.UNSPECIFIED;
}

/** Undefined: it is no call. */
export function wordOfCallType(callType: CallType): string | undefined {
  return wordIn(CALL_TYPES, callType);
}

function wordIn<T>(words: ReadonlyMap<string, T>, value: T): string | undefined {
  for (const [word, own] of words) if (own === value) return word;
  return undefined;
}
