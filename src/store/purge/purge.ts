// Erases conversations for good, large ones a piece at a time; and those that are deleted and whose time has come.
import type { Caller } from "../../domain/caller.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { audit } from "../audit/audit.ts";
import { lockConversation, purgeConversation } from "../conversations/conversations.ts";
import type { Database, Queryable } from "../database.ts";
import * as sql from "./statements.ts";

/** Entries of a log that one transaction erases at most; a piece takes well under a second. */
export const PURGE_PIECE = 2_000;
/** Conversations that are looked up at once. */
const BATCH = 10;
/** Nobody asked for it but the clock. */
const ORIGIN = { requestId: "", address: "" };

/**
 * Begins to erase a locked conversation: it is deleted from now on, cannot be restored, and if this server ends before all
 * pieces are erased, the next round of a sweeper goes on.
 */
export async function beginPurge(tx: Queryable, caller: Caller, id: string): Promise<void> {
  await tx.query(sql.beginPurge, [caller.tenantId, id]);
}

/**
 * Erases the log of a conversation whose purge has begun, each piece in a transaction of its own; the conversation itself
 * stays. Answers how many messages went. Ends early when `signal` aborts.
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
 * Erases the conversations of a tenant whose time has come. Answers how many. One that fails keeps no other from it; then
 * this throws what the first one failed with, at the end. Several servers may do this at once.
 */
export async function purgeDue(database: Database, tenantId: string, signal?: Interrupt): Promise<number> {
  const server: Caller = { tenantId, memberId: null, viewer: { kind: "tenant" }, actor: "server", name: "server" };
  const tried: string[] = [];
  const failures: unknown[] = [];
  let purged = 0;
  while (!signal?.aborted) {
    const due = await database.query(sql.conversationsToPurge, [tenantId, BATCH, tried]);
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
