// Retention policies and their runs between the contract and their rows.
import { create } from "@bufbuild/protobuf";
import {
  RetentionAction,
  RetentionBasis,
  type RetentionPolicy,
  RetentionPolicySchema,
  type RetentionRun,
  RetentionRunSchema,
} from "../../../gen/colloquy/v1/retention_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import { toAuditActor } from "../../domain/identity/actor.ts";
import type { PolicyRow, Rule, RunRow } from "../../store/retention/policies.ts";
import { toTimestamp } from "../convert.ts";
import { MATCHES_ANY, matchColumns, toMatch } from "../legal-holds/convert.ts";

/** Throws INVALID_FIELD for a policy whose fields contradict each other. */
export function ruleOf(id: string, policy: RetentionPolicy): Rule {
  const { action, match, priority, ageDays } = policy;
  const keeps = action === RetentionAction.KEEP;
  if (keeps !== (ageDays === 0)) {
    const rule = keeps ? "must be 0 for a policy that keeps" : "must be at least 1 unless the policy keeps";
    throw invalidField("retention_policy.age_days", rule, "retention_policy.age");
  }
  if (keeps && policy.nextRunTime !== undefined) {
    throw invalidField(
      "retention_policy.next_run_time",
      "must be unset for a policy that keeps",
      "retention_policy.run",
    );
  }
  if (action === RetentionAction.DELETE && policy.basis === RetentionBasis.DELETION) {
    throw invalidField(
      "retention_policy.basis",
      "must be another one for a policy that deletes",
      "retention_policy.basis",
    );
  }
  const basis = policy.basis || RetentionBasis.LAST_MESSAGE;
  const matched = match === undefined ? MATCHES_ANY : matchColumns("retention_policy.match", match);
  return { id, priority, action, basis, age_days: ageDays, ...matched };
}

export function toPolicy(row: PolicyRow): RetentionPolicy {
  const matchesAny = Object.keys(MATCHES_ANY).every((column) => row[column as keyof typeof MATCHES_ANY] === null);
  return create(RetentionPolicySchema, {
    id: row.id,
    displayName: row.name,
    ...(!matchesAny && { match: toMatch(row) }),
    priority: row.priority,
    action: row.action as RetentionAction,
    basis: row.basis as RetentionBasis,
    ageDays: row.age_days,
    ...(row.next_run_time && { nextRunTime: toTimestamp(row.next_run_time) }),
    creator: toAuditActor(row.creator),
    createTime: toTimestamp(row.create_time),
  });
}

export function toRun(row: RunRow): RetentionRun {
  return create(RetentionRunSchema, {
    id: row.id,
    retentionPolicyId: row.policy_id,
    displayName: row.name,
    startTime: toTimestamp(row.start_time),
    ...(row.end_time && { endTime: toTimestamp(row.end_time) }),
    deletedCount: row.deleted,
    purgedCount: row.purged,
    erasedCount: row.erased,
    heldCount: row.held,
    failedCount: row.failed,
  });
}
