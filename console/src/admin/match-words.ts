// Which conversations a policy or a hold is about, in words.
import type { ConversationMatch } from "../../../gen/colloquy/v1/conversation_match_pb.ts";
import { CallType, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { MemberRole } from "../../../gen/colloquy/v1/member_pb.ts";
import { adminText } from "../strings/admin.ts";
import { text } from "../strings/en.ts";
import { operationsText } from "../strings/operations.ts";
import { wordOf } from "../ui/word-of.ts";

const words = operationsText.retention.match;
const { filters } = text;

/** Empty: all. */
export function matchInWords(match: ConversationMatch | undefined): string {
  if (match === undefined) return "";
  const { entityType, mode, agent, callType, status, ownerRole, labels } = match;
  const facts: (readonly [name: string, value: string])[] = [
    [words.entityType, entityType],
    [words.mode, mode],
    [words.agent, agent],
    [filters.call, callType === CallType.UNSPECIFIED ? "" : wordOf(CallType, callType, CALLS)],
    [filters.status, status === ConversationStatus.UNSPECIFIED ? "" : wordOf(ConversationStatus, status, STATUSES)],
    [words.ownerRole, ownerRole === MemberRole.UNSPECIFIED ? "" : wordOf(MemberRole, ownerRole, adminText.roles)],
    ...Object.entries(labels),
  ];
  return facts
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}`)
    .join(", ");
}

export const CALLS = {
  INBOUND: filters.calls.inbound,
  OUTBOUND: filters.calls.outbound,
  TRAINING: filters.calls.training,
};
export const STATUSES = {
  ACTIVE: filters.statuses.active,
  ARCHIVED: filters.statuses.archived,
  CLOSED: filters.statuses.closed,
};
