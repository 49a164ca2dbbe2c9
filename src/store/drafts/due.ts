// Scheduled messages whose time has come, of all tenants.
import type { Database, Queryable } from "../database.ts";
import * as sql from "./statements.ts";

/** Who has scheduled messages. */
export interface Scheduler {
  readonly tenantId: string;
  readonly actor: string;
}

export interface NextScheduled extends Scheduler {
  readonly id: string;
  /** In how many milliseconds it is to be sent; negative: it is late. */
  readonly dueInMs: number;
}

/** The next to be sent, soonest first, without those in `except` and those of some who scheduled them. */
export async function nextScheduled(
  database: Database,
  limit: number,
  except: readonly string[],
  without: readonly Scheduler[],
  signal?: AbortSignal,
): Promise<NextScheduled[]> {
  const [tenants, actors] = [without.map(({ tenantId }) => tenantId), without.map(({ actor }) => actor)];
  const rows = await database.query(sql.nextScheduled, [limit, except, tenants, actors], signal);
  return rows.map(({ tenant_id: tenantId, actor, id, due_in: dueInMs }) => ({ tenantId, actor, id, dueInMs }));
}

/** Undefined: it was sent or cancelled, or has not come to its time. */
export async function readDue(on: Queryable, tenantId: string, id: string): Promise<sql.ScheduledRow | undefined> {
  return (await on.query(sql.getDue, [tenantId, id]))[0];
}

/** Takes it off the schedule. False: somebody else has. */
export async function takeDue(tx: Queryable, tenantId: string, id: string): Promise<boolean> {
  return (await tx.query(sql.takeDue, [tenantId, id])).length > 0;
}

export async function failDue(on: Queryable, tenantId: string, id: string, why: string): Promise<void> {
  await on.query(sql.failDue, [tenantId, id, why]);
}
