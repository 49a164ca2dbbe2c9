// Keeps jobs: one server has one, and another goes on where it stopped.
import type { Interrupt } from "../../domain/cancellation.ts";
import { newId } from "../../domain/ids/id.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./statements.ts";

export type { JobRow } from "./statements.ts";

/** How a job ends. */
export const JobEnd = { SUCCEEDED: 3, CANCELLED: 4 } as const;

export async function insertJob(
  tx: Queryable,
  tenantId: string,
  memberId: string,
  total: bigint,
  creator: string,
): Promise<sql.JobRow> {
  const [row] = await tx.query(sql.insertJob, [tenantId, newId(), memberId, total, creator]);
  if (row === undefined) throw new Error("a job was not made");
  return row;
}

export async function openJobOf(tx: Queryable, tenantId: string, memberId: string): Promise<sql.JobRow | undefined> {
  return (await tx.query(sql.openJobOf, [tenantId, null, memberId]))[0];
}

export async function readJob(
  on: Queryable,
  tenantId: string,
  id: string,
  signal?: Interrupt,
): Promise<sql.JobRow | undefined> {
  return (await on.query(sql.getJob, [tenantId, id], signal))[0];
}

export async function lockJob(tx: Queryable, tenantId: string, id: string): Promise<sql.JobRow | undefined> {
  return (await tx.query(sql.lockJob, [tenantId, id]))[0];
}

export interface JobList {
  readonly before: string | undefined;
  readonly memberId: string | undefined;
  /** 0: any. */
  readonly state: number;
  readonly limit: number;
}

/** A page of jobs, newest first. */
export function listJobs(
  on: Queryable,
  tenantId: string,
  { before, memberId, state, limit }: JobList,
  signal?: Interrupt,
): Promise<sql.JobRow[]> {
  return on.query(sql.listJobs, [tenantId, before ?? null, memberId ?? null, state, limit], signal);
}

/** A job that is due and that no other server has. */
export async function takeJob(on: Queryable, tenantId: string, signal?: Interrupt): Promise<sql.JobRow | undefined> {
  return (await on.query(sql.takeJob, [tenantId], signal))[0];
}

/** What a job did since it was noted last. */
export interface Done {
  readonly counts?: Readonly<Record<string, number>>;
  /** The conversation up to which it has come. */
  readonly place?: string;
  readonly looked?: number;
  readonly held?: number;
}

/** Notes what a job did, and keeps it for this server. False: it was cancelled. */
export async function noteJob(
  on: Queryable,
  tenantId: string,
  id: string,
  { counts = {}, place, looked = 0, held = 0 }: Done,
): Promise<boolean> {
  const values = [tenantId, id, JSON.stringify(counts), place ?? null, looked, held];
  return (await on.query(sql.noteJob, values)).length > 0;
}

/** Lets a job wait, then go on with a round: from its beginning if that is another one. */
export async function pauseJob(
  on: Queryable,
  tenantId: string,
  { id, round: before }: sql.JobRow,
  waitMs: number,
  round: number,
  failure = "",
): Promise<void> {
  await on.query(sql.pauseJob, [tenantId, id, waitMs, round, failure === "" || round !== before, failure]);
}

/** Before a round that looks at all conversations. */
export async function beginRound(on: Queryable, tenantId: string, id: string): Promise<void> {
  await on.query(sql.beginRound, [tenantId, id]);
}

/** Lets the jobs of a tenant that wait for legal holds go on now. */
export async function wakeHeld(on: Queryable, tenantId: string): Promise<void> {
  await on.query(sql.wakeHeld, [tenantId]);
}

/** The receipt of a member that was erased. */
export async function receiptOf(on: Queryable, tenantId: string, memberId: string): Promise<sql.JobRow | undefined> {
  return (await listJobs(on, tenantId, { before: undefined, memberId, state: JobEnd.SUCCEEDED, limit: 1 }))[0];
}

/** Undefined: it has ended already. */
export async function endJob(
  tx: Queryable,
  tenantId: string,
  id: string,
  state: (typeof JobEnd)[keyof typeof JobEnd],
): Promise<sql.JobRow | undefined> {
  return (await tx.query(sql.endJob, [tenantId, id, state]))[0];
}

/** The tenants with a job that is due. */
export async function tenantsWithJobs(on: Queryable, signal?: Interrupt): Promise<string[]> {
  return (await on.query(sql.tenantsWithJobs, [], signal)).map(({ tenant_id }) => tenant_id);
}
