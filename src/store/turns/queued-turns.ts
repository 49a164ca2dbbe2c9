// Turns that wait for those before them: counted, kept, started, and passed on from server to server.
import type { Caller } from "../../domain/identity/caller.ts";
import type { Queryable } from "../database.ts";
import type { TurnRow } from "./columns.ts";
import * as sql from "./statements.ts";
import type { TurnLease, TurnPlace } from "./turns.ts";

/** The number of queued turns: in a conversation, of a calling member, and in the tenant. */
export async function countWaiting(
  on: Queryable,
  caller: Caller,
  conversationId: string,
): Promise<{ conversation: number; caller: number; tenant: number }> {
  // A key by itself serves many people, so it has no limit of its own.
  const name = caller.memberId === null ? null : caller.name;
  const [row] = await on.query(sql.countWaiting, [caller.tenantId, conversationId, name]);
  return row ?? { conversation: 0, caller: 0, tenant: 0 };
}

/** Whether an entry of the log is what a queued turn will reply to. */
export async function queuedInputs(on: Queryable, { tenantId, conversationId, id }: TurnPlace) {
  const rows = await on.query(sql.queuedInputs, [tenantId, conversationId]);
  const ranges = rows.filter((row) => row.id !== id);
  return ({ seq }: { readonly seq: bigint }) => ranges.some(({ first, last }) => first <= seq && seq <= last);
}

/**
 * Renews the leases of queued turns of one tenant; missing ones are not queued any more. `stop`: as in `saveTurn`.
 * `next`: it can start.
 */
export function renewWaiting(
  on: Queryable,
  tenantId: string,
  ids: readonly string[],
  { server, leaseMs }: TurnLease,
): Promise<{ id: string; stop: string | null; next: boolean }[]> {
  return on.query(sql.renewWaiting, [tenantId, ids, leaseMs, server]);
}

/** Starts a queued turn if it is next. Undefined: not yet, or not open any more. */
export async function startTurn(on: Queryable, place: TurnPlace, server: string): Promise<TurnRow | undefined> {
  return (await on.query(sql.startTurn, [place.tenantId, place.conversationId, place.id, server]))[0];
}

/** Whether a queued turn, whose server is gone, is this server's now. */
export async function takeOverTurn(
  on: Queryable,
  { tenantId, id }: TurnPlace,
  { server, leaseMs }: TurnLease,
): Promise<boolean> {
  return (await on.query(sql.takeOverTurn, [tenantId, id, server, leaseMs])).length > 0;
}

/** Leaves a queued turn to other servers, or to this one once it is back. */
export async function leaveTurn(on: Queryable, { tenantId, id }: TurnPlace, server: string): Promise<undefined> {
  await on.query(sql.leaveTurn, [tenantId, id, server]);
  return undefined;
}
