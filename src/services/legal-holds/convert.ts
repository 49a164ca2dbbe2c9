// A legal hold between the contract and its row.
import { create } from "@bufbuild/protobuf";
import { type ConversationMatch, ConversationMatchSchema } from "../../../gen/colloquy/v1/conversation_match_pb.ts";
import type { CallType, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { type LegalHold, LegalHoldSchema } from "../../../gen/colloquy/v1/legal_hold_pb.ts";
import type { MemberRole } from "../../../gen/colloquy/v1/member_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import { toAuditActor } from "../../domain/identity/actor.ts";
import type { LegalHoldRow, MatchColumns } from "../../store/legal-holds/legal-holds.ts";
import { toTimestamp } from "../convert.ts";

/** Columns that match any conversation. */
export const MATCHES_ANY: MatchColumns = {
  entity_type: null,
  mode: null,
  call_type: null,
  agent: null,
  status: null,
  labels: null,
  owner_role: null,
};

/** Throws INVALID_FIELD, naming `field`, for a match in which nothing is set. */
export function matchColumns(field: string, match: ConversationMatch): MatchColumns {
  const labels = Object.keys(match.labels).length > 0 ? match.labels : null;
  const columns: MatchColumns = {
    entity_type: match.entityType || null,
    mode: match.mode || null,
    call_type: match.callType || null,
    agent: match.agent || null,
    status: match.status || null,
    labels,
    owner_role: match.ownerRole || null,
  };
  if (Object.values(columns).every((value) => value === null)) {
    throw invalidField(field, "must have at least one field", "match.empty");
  }
  return columns;
}

export function toMatch(row: MatchColumns): ConversationMatch {
  return create(ConversationMatchSchema, {
    entityType: row.entity_type ?? "",
    mode: row.mode ?? "",
    callType: (row.call_type ?? 0) as CallType,
    agent: row.agent ?? "",
    status: (row.status ?? 0) as ConversationStatus,
    labels: row.labels ?? {},
    ownerRole: (row.owner_role ?? 0) as MemberRole,
  });
}

/** What the column `kind` says, by the name of the field. */
export const KINDS = { wholeTenant: 1, memberId: 2, conversationId: 3, match: 4 } as const;

export function toLegalHold(row: LegalHoldRow): LegalHold {
  return create(LegalHoldSchema, {
    id: row.id,
    displayName: row.name,
    reason: row.reason,
    scope: scopeOf(row),
    twoPerson: row.two_person,
    creator: toAuditActor(row.creator),
    createTime: toTimestamp(row.create_time),
    ...(row.lifter !== null && { lifter: toAuditActor(row.lifter) }),
    ...(row.lift_time !== null && { liftTime: toTimestamp(row.lift_time) }),
    liftReason: row.lift_reason ?? "",
  });
}

function scopeOf(row: LegalHoldRow): LegalHold["scope"] {
  switch (row.kind) {
    case KINDS.wholeTenant:
      return { case: "wholeTenant", value: true };
    case KINDS.memberId:
      return { case: "memberId", value: row.member_id ?? "" };
    case KINDS.conversationId:
      return { case: "conversationId", value: row.conversation_id ?? "" };
    default:
      return { case: "match", value: toMatch(row) };
  }
}
