// Erases conversations; src/jobs/purge.ts decides which, when and in what batches.

import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { newId } from "../../domain/ids/id.ts";
import { lockConversation } from "../conversations/conversations.ts";
import { purgeConversation as purgeStatement } from "../conversations/statements.ts";
import type { Database, Queryable } from "../database.ts";
import { releaseFiles } from "../files/erasure.ts";
import { beginErasing, held, holdOver, holdOverEnd, requireFree } from "../legal-holds/legal-holds.ts";
import * as sql from "./statements.ts";

/** Deletes a locked conversation and makes its purge due now: it cannot be restored from now on. Throws HELD. */
export async function beginPurge(tx: Queryable, caller: Caller, id: string): Promise<void> {
  await requireFree(tx, caller.tenantId, id);
  await tx.query(sql.beginPurge, [caller.tenantId, id]);
}

/** Whether a legal hold keeps a locked conversation whose purge is due, and nothing of it was erased. */
export async function isKeptWhole(tx: Queryable, tenantId: string, id: string, lastSeq: bigint): Promise<boolean> {
  if ((await holdOver(tx, tenantId, id)) === undefined) return false;
  return (await tx.query(sql.entryAt, [tenantId, id, lastSeq])).length > 0;
}

/**
 * Erases the last entries of a conversation's log, at most `limit` messages and `limit` events. Returns how many;
 * undefined if the conversation does not exist or the caller does not see it. Erases none if its purge is not due.
 * Throws HELD if a legal hold covers the conversation, or was placed on a member that wrote one of these entries.
 */
export async function erasePiece(
  tx: Queryable,
  caller: Caller,
  id: string,
  limit: number,
): Promise<{ messages: bigint; events: bigint } | undefined> {
  if ((await lockConversation(tx, caller, id)) === undefined) return undefined;
  await beginErasing(tx, caller.tenantId);
  const hold = await holdOverEnd(tx, caller.tenantId, id, limit);
  if (hold !== undefined) throw held("conversation", hold);
  const [row] = await tx.query(sql.erasePiece, [caller.tenantId, id, limit]);
  if (row?.files) await releaseFiles(tx, caller.tenantId, row.files);
  return row;
}

/**
 * The ids of at most `limit` deleted conversations of a tenant whose purge is due, without those in `skip`, and without
 * those that a legal hold covers by what they are now.
 */
export async function conversationsToPurge(
  database: Database,
  tenantId: string,
  limit: number,
  skip: readonly string[],
  signal?: Interrupt,
): Promise<string[]> {
  const rows = await database.query(sql.conversationsToPurge, [tenantId, limit, skip], signal);
  return rows.map(({ id }) => id);
}

/** Locks a conversation whose purge is due. False if it was restored or purged meanwhile, or is locked. */
export async function lockToPurge(tx: Queryable, tenantId: string, id: string): Promise<boolean> {
  return (await tx.query(sql.lockToPurge, [tenantId, id])).length > 0;
}

/** Purges a locked conversation with all dependent rows. Returns the number of messages. Throws HELD. */
export async function purgeConversation(tx: Queryable, caller: Caller, id: string): Promise<bigint> {
  await requireFree(tx, caller.tenantId, id);
  const [row] = await tx.query(purgeStatement, [caller.tenantId, id, caller.actor, newId()]);
  if (row?.files) await releaseFiles(tx, caller.tenantId, row.files);
  return row?.message_count ?? 0n;
}
