// Places, lifts and lists legal holds, and asks whether one keeps a conversation.
import type { Interrupt } from "../../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./statements.ts";

export type { LegalHoldRow, MatchColumns } from "./statements.ts";

/** What a hold is when it is placed. */
export type NewLegalHold = Omit<sql.LegalHoldRow, "create_time" | "lifter" | "lift_time" | "lift_reason">;

/**
 * Waits until whoever erases in the tenant has ended, and keeps others from beginning until the transaction ends. Must
 * come before what the hold covers is looked up.
 */
export async function stopErasing(tx: Queryable, tenantId: string): Promise<void> {
  await tx.query(sql.changeHolds, [tenantId]);
}

/** Lets no hold be placed until the transaction ends: what later statements of it read of holds is true until then. */
export async function beginErasing(tx: Queryable, tenantId: string): Promise<void> {
  await tx.query(sql.readHolds, [tenantId]);
}

/** Undefined: `most` are in force already. */
export async function insertHold(
  tx: Queryable,
  tenantId: string,
  hold: NewLegalHold,
  most: number,
): Promise<sql.LegalHoldRow | undefined> {
  const match = [hold.entity_type, hold.mode, hold.call_type, hold.agent, hold.status];
  const labels = hold.labels && JSON.stringify(hold.labels);
  const [row] = await tx.query(sql.insertHold, [
    ...[tenantId, hold.id, most, hold.name, hold.reason, hold.kind, hold.member_id, hold.conversation_id],
    ...[...match, labels, hold.owner_role, hold.two_person, hold.creator],
  ]);
  return row;
}

export async function readHold(
  on: Queryable,
  tenantId: string,
  id: string,
  signal?: Interrupt,
): Promise<sql.LegalHoldRow | undefined> {
  return (await on.query(sql.getHold, [tenantId, id], signal))[0];
}

export async function lockHold(tx: Queryable, tenantId: string, id: string): Promise<sql.LegalHoldRow | undefined> {
  return (await tx.query(sql.lockHold, [tenantId, id]))[0];
}

/** Lifts a locked hold that is in force. */
export async function liftHold(
  tx: Queryable,
  tenantId: string,
  id: string,
  lifter: string,
  reason: string,
): Promise<sql.LegalHoldRow> {
  const [row] = await tx.query(sql.liftHold, [tenantId, id, lifter, reason]);
  if (row === undefined) throw new Error("a hold is gone although it is locked");
  return row;
}

export interface HoldList {
  readonly showLifted: boolean;
  /** Only those in force that cover it. */
  readonly conversationId: string | undefined;
  readonly memberId: string | undefined;
  /** The id before which the page begins. */
  readonly before: string | undefined;
  readonly limit: number;
}

/** A page of holds, newest first. */
export function listHolds(
  on: Queryable,
  tenantId: string,
  { showLifted, conversationId, memberId, before, limit }: HoldList,
  signal?: Interrupt,
): Promise<sql.LegalHoldRow[]> {
  const rest = [memberId ?? null, before ?? null, limit];
  if (conversationId === undefined) return on.query(sql.listHolds, [tenantId, showLifted, ...rest], signal);
  return on.query(sql.listHoldsOver, [tenantId, conversationId, ...rest], signal);
}

/** The id of a hold that covers a conversation. */
export async function holdOver(tx: Queryable, tenantId: string, conversationId: string): Promise<string | undefined> {
  return (await tx.query(sql.holdOver, [tenantId, conversationId]))[0]?.id;
}

/** The same, where of the log only the last entries count: as many messages and as many events. */
export async function holdOverEnd(
  tx: Queryable,
  tenantId: string,
  conversationId: string,
  entries: number,
): Promise<string | undefined> {
  return (await tx.query(sql.holdOverEnd, [tenantId, conversationId, entries]))[0]?.id;
}

/** Throws HELD if a hold covers the conversation. None that would is placed until the transaction ends. */
export async function requireFree(tx: Queryable, tenantId: string, conversationId: string): Promise<void> {
  await beginErasing(tx, tenantId);
  const id = await holdOver(tx, tenantId, conversationId);
  if (id !== undefined) throw held("conversation", id);
}

/** A text that differs once other holds are in force. */
export async function holdsInForce(on: Queryable, tenantId: string): Promise<string> {
  return (await on.query(sql.holdsInForce, [tenantId]))[0]?.holds ?? "";
}

/**
 * Throws HELD if a hold covers the conversation now. What it returns lets {@link requireFreeSince} leave out the log,
 * which it reads without a lock.
 */
export async function checkFree(on: Queryable, tenantId: string, conversationId: string): Promise<string> {
  const holds = await holdsInForce(on, tenantId);
  const id = await holdOver(on, tenantId, conversationId);
  if (id !== undefined) throw held("conversation", id);
  return holds;
}

/**
 * Like {@link requireFree}, but reads the log only if other holds are in force than when the conversation was found
 * free.
 */
export async function requireFreeSince(
  tx: Queryable,
  tenantId: string,
  conversationId: string,
  holds: string,
): Promise<void> {
  await beginErasing(tx, tenantId);
  const [row] = await tx.query(sql.holdsInForce, [tenantId]);
  const look = row?.holds === holds ? sql.holdNow : sql.holdOver;
  const [hold] = await tx.query(look, [tenantId, conversationId]);
  if (hold !== undefined) throw held("conversation", hold.id);
}

/** What cannot be erased because of a hold. */
export function held(resource: string, holdId: string): DomainError {
  const metadata = { legal_hold_id: holdId };
  return new DomainError(ErrorReason.HELD, `the ${resource} is kept by the legal hold ${holdId}`, { metadata });
}
