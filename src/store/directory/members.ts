// Reads and changes the members of a tenant.

import type { Interrupt } from "../../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Deleted } from "../../domain/lists/deleted.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./statements.ts";

export type { MemberRow } from "./statements.ts";

/** A member, or undefined if the caller does not see it. */
export async function readMember(
  on: Queryable,
  caller: Caller,
  id: string,
  showDeleted = false,
  signal?: Interrupt,
): Promise<sql.MemberRow | undefined> {
  const values = [caller.tenantId, caller.memberId, id, showDeleted];
  return (await on.query(sql.getMember[caller.viewer.kind], values, signal))[0];
}

export interface MemberList {
  readonly deleted: Deleted;
  /** Undefined: any. */
  readonly role: number | undefined;
  readonly managerId: string | undefined;
  /** Only these. Empty: any. */
  readonly ids: readonly string[];
  /** The id after which the page begins. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** A page of the members that the caller sees, by id. */
export function listMembers(
  on: Queryable,
  caller: Caller,
  { deleted, role, managerId, ids, after, limit }: MemberList,
  signal?: Interrupt,
): Promise<sql.MemberRow[]> {
  const which = deleted === "include" ? null : deleted === "only";
  const values = [caller.tenantId, caller.memberId, which, role ?? null, managerId ?? null, after ?? null, limit];
  const { kind } = caller.viewer;
  if (ids.length === 0) return on.query(sql.listMembers[kind], values, signal);
  return on.query(sql.listNamedMembers[kind], [...values, ids], signal);
}

/** Locks a member, deleted or not, until the transaction ends. */
export async function lockMember(tx: Queryable, tenantId: string, id: string): Promise<sql.MemberRow | undefined> {
  return (await tx.query(sql.lockMember, [tenantId, id]))[0];
}

/** What a member shall be. */
export interface MemberValues {
  readonly displayName: string;
  readonly role: number;
  readonly managerId: string | null;
}

/** Creates or updates a member; restores a deleted one. Throws CONFLICT for one that was erased. */
export async function writeMember(
  tx: Queryable,
  tenantId: string,
  id: string,
  { displayName, role, managerId }: MemberValues,
): Promise<sql.MemberRow> {
  const [row] = await tx.query(sql.writeMember, [tenantId, id, displayName, role, managerId]);
  if (row === undefined) {
    throw new DomainError(ErrorReason.CONFLICT, "member_id: must be another one: the member with this id was erased");
  }
  return row;
}

/** Deletes a locked member. Its subordinates have no manager then. */
export async function deleteMember(tx: Queryable, tenantId: string, id: string): Promise<sql.MemberRow> {
  const [row] = await tx.query(sql.deleteMember, [tenantId, id]);
  if (row === undefined) throw new Error("a member is gone although it is locked");
  return row;
}

/** Locks the hierarchy of a tenant until the transaction ends. Must come before the locks of members. */
export async function lockHierarchy(tx: Queryable, tenantId: string): Promise<void> {
  await tx.query(sql.lockHierarchy, [tenantId]);
}

/** Whether a member is the other, or above it at any depth. */
export async function isAbove(tx: Queryable, tenantId: string, id: string, other: string): Promise<boolean> {
  return (await tx.query(sql.isAbove, [tenantId, id, other]))[0]?.above ?? false;
}
