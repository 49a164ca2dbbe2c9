// Reads and changes drafts and scheduled messages.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Database, Queryable } from "../database.ts";
import { beginErasing } from "../legal-holds/legal-holds.ts";
import * as sql from "./statements.ts";

export type { DraftRow, ScheduledRow } from "./statements.ts";

/** The draft of the caller in a locked conversation. */
export async function lockDraft(
  tx: Queryable,
  { tenantId, actor }: Caller,
  conversationId: string,
): Promise<sql.DraftRow | undefined> {
  return (await tx.query(sql.lockDraft, [tenantId, conversationId, actor]))[0];
}

/** Undefined: the caller's drafts would have more than `mostBytes`. */
export async function setDraft(
  tx: Queryable,
  { tenantId, actor }: Caller,
  conversationId: string,
  message: Uint8Array,
  fileIds: readonly string[],
  mostBytes: number,
): Promise<sql.DraftRow | undefined> {
  const values = [tenantId, conversationId, actor, Buffer.from(message), fileIds, mostBytes];
  return (await tx.query(sql.setDraft, values))[0];
}

export async function deleteDraft(tx: Queryable, { tenantId, actor }: Caller, conversationId: string): Promise<void> {
  await tx.query(sql.deleteDraft, [tenantId, conversationId, actor]);
}

/** Undefined: there is none, or the caller does not see the conversation. */
export async function readDraft(
  on: Queryable,
  caller: Caller,
  conversationId: string,
  signal?: Interrupt,
): Promise<sql.DraftRow | undefined> {
  const values = [caller.tenantId, caller.memberId, conversationId, caller.actor];
  return (await on.query(sql.getDraft[caller.viewer.kind], values, signal))[0];
}

export interface DraftList {
  /** Null: of all conversations. */
  readonly conversationId: string | null;
  readonly before: { readonly time: Date; readonly conversationId: string } | undefined;
  readonly limit: number;
}

/** A page of the caller's drafts in conversations that it sees, latest change first. */
export function listDrafts(
  on: Queryable,
  caller: Caller,
  { conversationId, before, limit }: DraftList,
  signal?: Interrupt,
): Promise<sql.DraftRow[]> {
  const place = [before?.time ?? null, before?.conversationId ?? null];
  const values = [caller.tenantId, caller.memberId, caller.actor, ...place, limit, conversationId];
  return on.query(sql.listDrafts[caller.viewer.kind], values, signal);
}

/** A message for a later time. */
export interface Schedule {
  readonly id: string;
  readonly conversationId: string;
  readonly message: Uint8Array;
  /** The files that it names. */
  readonly fileIds: readonly string[];
  readonly time: Date;
}

/** Undefined: the caller has `most` of them already, or would have more than `mostBytes`. */
export async function scheduleMessage(
  tx: Queryable,
  { tenantId, actor, name }: Caller,
  { id, conversationId, message, fileIds, time }: Schedule,
  most: number,
  mostBytes: number,
): Promise<sql.ScheduledRow | undefined> {
  const values = [tenantId, id, conversationId, actor, name, Buffer.from(message), time, most, fileIds, mostBytes];
  return (await tx.query(sql.schedule, values))[0];
}

/** One of the caller's own. */
export async function readScheduled(
  on: Queryable,
  { tenantId, actor }: Caller,
  id: string,
  signal?: Interrupt,
): Promise<sql.ScheduledRow | undefined> {
  return (await on.query(sql.getScheduled, [tenantId, id, actor], signal))[0];
}

export async function lockScheduled(
  tx: Queryable,
  { tenantId, actor }: Caller,
  id: string,
): Promise<sql.ScheduledRow | undefined> {
  return (await tx.query(sql.lockScheduled, [tenantId, id, actor]))[0];
}

export async function deleteScheduled(tx: Queryable, { tenantId }: Caller, id: string): Promise<void> {
  await tx.query(sql.deleteScheduled, [tenantId, id]);
}

export interface ScheduledList {
  readonly conversationId: string | null;
  readonly state: number | null;
  readonly after: { readonly time: Date; readonly id: string } | undefined;
  readonly limit: number;
}

/** A page of the caller's own, in the order of their time. */
export function listScheduled(
  on: Queryable,
  { tenantId, actor }: Caller,
  { conversationId, state, after, limit }: ScheduledList,
  signal?: Interrupt,
): Promise<sql.ScheduledRow[]> {
  const values = [tenantId, actor, conversationId, state, after?.time ?? null, after?.id ?? null, limit];
  return on.query(sql.listScheduled, values, signal);
}

/**
 * Erases what a member has written and not sent, but for what a legal hold keeps until it is lifted, and how
 * conversations appear to it.
 */
export async function eraseUnsent(tx: Queryable, tenantId: string, memberId: string): Promise<void> {
  await beginErasing(tx, tenantId);
  await tx.query(sql.eraseUnsent, [tenantId, memberId]);
}

/**
 * Erases what API keys that can never be used again, and deleted members, have written and not sent, unless a legal
 * hold keeps it: a bounded number. Returns how many.
 */
export function sweepUnsent(database: Database, tenantId: string, signal?: Interrupt): Promise<number> {
  return database.transaction(signal, async (tx) => {
    await beginErasing(tx, tenantId);
    return (await tx.query(sql.sweepUnsent, [tenantId]))[0]?.count ?? 0;
  });
}
