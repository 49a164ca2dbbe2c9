// Purges conversations, large ones in batches; and deleted ones whose purge time has come.

import type { Interrupt } from "../../domain/cancellation.ts";
import { type Caller, systemCaller } from "../../domain/identity/caller.ts";
import { audit } from "../audit/audit.ts";
import { lockConversation, purgeConversation } from "../conversations/conversations.ts";
import type { Database, Queryable } from "../database.ts";
import * as sql from "./statements.ts";

/** Maximum entries of a log erased by one transaction, which takes well under a second. */
export const PURGE_PIECE = 2_000;
/** Conversations found by one lookup. */
const BATCH = 10;
/** There is no caller. */
const ORIGIN = { requestId: "", address: "" };

/**
 * Begins to purge a locked conversation: it is deleted from now on and cannot be restored. If this server stops before
 * all batches are erased, a sweeper continues.
 */
export async function beginPurge(tx: Queryable, caller: Caller, id: string): Promise<void> {
  await tx.query(sql.beginPurge, [caller.tenantId, id]);
}

/**
 * Erases the log of a conversation whose purge has begun, with a transaction for each batch; the conversation itself
 * stays. Returns the number of erased messages. Stops early when `signal` aborts.
 */
export async function erasePieces(database: Database, caller: Caller, id: string, signal?: Interrupt): Promise<bigint> {
  let messages = 0n;
  for (;;) {
    const piece = await database.transaction(signal, async (tx) => {
      if ((await lockConversation(tx, caller, id)) === undefined) return undefined;
      const [row] = await tx.query(sql.erasePiece, [caller.tenantId, id, PURGE_PIECE]);
      return row;
    });
    if (piece === undefined || piece.messages + piece.events === 0n) return messages;
    messages += piece.messages;
  }
}

/**
 * Purges the conversations of a tenant whose purge time has come. Returns their number. A failure does not stop the
 * others; the first error is thrown at the end. Several servers may do this at once.
 */
export async function purgeDue(database: Database, tenantId: string, signal?: Interrupt): Promise<number> {
  const server = systemCaller(tenantId, "server");
  const tried: string[] = [];
  const failures: unknown[] = [];
  let purged = 0;
  while (!signal?.aborted) {
    const due = await database.query(sql.conversationsToPurge, [tenantId, BATCH, tried], signal);
    if (due.length === 0) break;
    for (const { id } of due) {
      tried.push(id);
      if (signal?.aborted) break;
      try {
        if (await purgeOne(database, server, id, signal)) purged++;
      } catch (error) {
        failures.push(error);
      }
    }
  }
  if (failures.length > 0 && !signal?.aborted) throw failures[0];
  return purged;
}

async function purgeOne(database: Database, server: Caller, id: string, signal?: Interrupt): Promise<boolean> {
  await erasePieces(database, server, id, signal);
  return database.transaction(signal, async (tx) => {
    const [due] = await tx.query(sql.lockToPurge, [server.tenantId, id]);
    if (due === undefined) return false;
    await purgeConversation(tx, server, id);
    await audit(tx, server, ORIGIN, { action: "conversation.purge", resourceType: "conversation", resourceId: id });
    return true;
  });
}
