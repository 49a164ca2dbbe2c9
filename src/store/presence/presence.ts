// Who is here, on all servers together.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./statements.ts";

export type { PresenceRow } from "./statements.ts";

/** Notes members that have begun to subscribe to a server. Returns those that had not. */
export async function enterPresence(
  on: Queryable,
  tenantId: string,
  server: string,
  members: readonly string[],
  leaseMs: number,
): Promise<string[]> {
  const rows = await on.query(sql.enter, [tenantId, server, members, leaseMs]);
  return rows.map(({ member_id }) => member_id);
}

/**
 * Notes members that no longer subscribe to a server, with how many milliseconds ago they left. Returns those that had.
 */
export async function leavePresence(
  on: Queryable,
  tenantId: string,
  server: string,
  members: ReadonlyMap<string, number>,
): Promise<string[]> {
  const ago = [...members.values()].map((ms) => Math.round(ms));
  const rows = await on.query(sql.leave, [tenantId, server, [...members.keys()], ago]);
  return rows.map(({ member_id }) => member_id);
}

/** Renews the leases of a server. Returns how many members each tenant has there. */
export async function renewPresence(on: Queryable, server: string, leaseMs: number): Promise<Map<string, number>> {
  const rows = await on.query(sql.renew, [server, leaseMs]);
  return new Map(rows.map(({ tenant_id, count }) => [tenant_id, count]));
}

/** The tenants where leases of servers are over. */
export async function overduePresence(on: Queryable): Promise<string[]> {
  return (await on.query(sql.overdue, [])).map(({ tenant_id }) => tenant_id);
}

/** Ends the leases that are over. Returns the members that were there. */
export async function buryPresence(on: Queryable, tenantId: string): Promise<string[]> {
  return (await on.query(sql.bury, [tenantId])).map(({ member_id }) => member_id);
}

/** Leaves the leases of a server that stops to end after so many milliseconds. */
export async function resignPresence(on: Queryable, server: string, ms: number): Promise<void> {
  await on.query(sql.resign, [server, ms]);
}

export async function setPresenceMode(tx: Queryable, tenantId: string, memberId: string, mode: number): Promise<void> {
  await tx.query(sql.setMode, [tenantId, memberId, mode]);
}

/** Those of the members that the caller may ask for, in no order. */
export function listPresence(
  on: Queryable,
  caller: Caller,
  members: readonly string[],
  signal?: Interrupt,
): Promise<sql.PresenceRow[]> {
  return on.query(sql.listPresence[caller.viewer.kind], [caller.tenantId, caller.memberId, members], signal);
}

/** Members as they are; undefined: all that subscribe. */
export function readPresence(on: Queryable, tenantId: string, members?: readonly string[]): Promise<sql.PresenceRow[]> {
  return on.query(sql.readPresence, [tenantId, members ?? null]);
}

/** For each of `viewers`, which of the members it shares a conversation with. */
export async function readSharing(
  on: Queryable,
  tenantId: string,
  viewers: readonly string[],
  members: readonly string[],
): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  for (const { viewer_id, member_id } of await on.query(sql.sharing, [tenantId, viewers, members])) {
    const seen = found.get(viewer_id);
    if (seen === undefined) found.set(viewer_id, new Set([member_id]));
    else seen.add(member_id);
  }
  return found;
}

/** Erases what is known of a member. */
export async function erasePresence(tx: Queryable, tenantId: string, memberId: string): Promise<void> {
  await tx.query(sql.erase, [tenantId, memberId]);
}

/** Forgets who is and was here in a tenant. */
export async function forgetPresence(tx: Queryable, tenantId: string): Promise<void> {
  await tx.query(sql.forgetAll, [tenantId]);
}
