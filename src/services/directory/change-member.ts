// Creates and updates members, for DirectoryService and the command line.

import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { type AuditOrigin, audit } from "../../store/audit/audit.ts";
import type { Queryable } from "../../store/database.ts";
import { roleOfNumber } from "../../store/directory/access.ts";
import * as store from "../../store/directory/members.ts";
import { checkMembers } from "../conversations/values.ts";

/** Throws UNKNOWN_REFERENCE for a manager who does not exist, and CONFLICT for one who is not above anybody then. */
export async function checkManager(
  tx: Queryable,
  caller: Caller,
  field: string,
  memberId: string,
  managerId: string,
): Promise<void> {
  if (managerId !== memberId) await checkMembers(tx, caller, field, [managerId]);
  if (!(await store.isAbove(tx, caller.tenantId, memberId, managerId))) return;
  const rule = "must not be the member itself or one of its subordinates, at any depth";
  throw new DomainError(ErrorReason.CONFLICT, `${field}: ${rule}`);
}

/** Writes down a change of a member. */
export async function auditMember(
  tx: Queryable,
  caller: Caller,
  origin: AuditOrigin,
  action: string,
  after: store.MemberRow,
  before: store.MemberRow | undefined,
): Promise<void> {
  const details: Record<string, string> = { role: roleOfNumber(after.role) };
  if (before !== undefined && before.role !== after.role) details.previous_role = roleOfNumber(before.role);
  if (after.manager_id !== null) details.manager_id = after.manager_id;
  if (before?.manager_id && before.manager_id !== after.manager_id) details.previous_manager_id = before.manager_id;
  await audit(tx, caller, origin, { action, resourceType: "member", resourceId: after.id, details });
}
