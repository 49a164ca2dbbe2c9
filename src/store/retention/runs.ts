// Keeps the runs of retention policies: one server runs one, and another goes on where it stopped.
import type { Interrupt } from "../../domain/cancellation.ts";
import { newId } from "../../domain/ids/id.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./statements.ts";

/** A run that nobody else has: one that was left, or that of a policy that is due. */
export async function takeRun(on: Queryable, tenantId: string, signal?: Interrupt): Promise<sql.RunRow | undefined> {
  const [left] = await on.query(sql.resumeRun, [tenantId], signal);
  return left ?? (await on.query(sql.beginRun, [tenantId, newId()], signal))[0];
}

/** What a run did since it was noted last. */
export interface Progress {
  deleted: number;
  purged: number;
  erased: number;
  held: number;
  failed: number;
}

/**
 * Notes how far a run is. False: its policy was deleted.
 *
 * @param lastId the conversation up to which it has come; null: as far as before
 */
export async function renewRun(
  on: Queryable,
  tenantId: string,
  id: string,
  lastId: string | null,
  { deleted, purged, erased, held, failed }: Progress,
): Promise<boolean> {
  return (await on.query(sql.renewRun, [tenantId, id, lastId, deleted, purged, erased, held, failed])).length > 0;
}

export async function endRun(tx: Queryable, tenantId: string, id: string): Promise<sql.RunRow | undefined> {
  return (await tx.query(sql.endRun, [tenantId, id]))[0];
}

/** A page of runs, newest first; undefined policy: of any. */
export function listRuns(
  on: Queryable,
  tenantId: string,
  policyId: string | undefined,
  before: string | undefined,
  limit: number,
  signal?: Interrupt,
): Promise<sql.RunRow[]> {
  return on.query(sql.listRuns, [tenantId, policyId ?? null, before ?? null, limit], signal);
}
