// Purges conversations: long logs in batches, and deleted conversations when their purge is due.
import type { Interrupt } from "../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { type Caller, systemCaller } from "../domain/identity/caller.ts";
import { audit } from "../store/audit/audit.ts";
import type { Database } from "../store/database.ts";
import { emptyEndpointResponses } from "../store/erasure/endpoint-responses.ts";
import { holdOver } from "../store/legal-holds/legal-holds.ts";
import { conversationsToPurge, erasePiece, lockToPurge, purgeConversation } from "../store/purge/purge.ts";
import type { GiveWay } from "./give-way.ts";

/** Maximum entries of a log erased by one transaction, which takes well under a second. */
export const PURGE_PIECE = 2_000;
/** Conversations found by one lookup. */
const BATCH = 10;
/** The audit entry has no request. */
const ORIGIN = { requestId: "", address: "" };

/**
 * Erases the log of a conversation whose purge has begun, with a transaction for each batch; the conversation itself
 * stays. Returns the number of erased messages. Stops early when `signal` aborts: the sweeper continues.
 */
export async function erasePieces(
  database: Database,
  caller: Caller,
  id: string,
  signal?: Interrupt,
  entries = PURGE_PIECE,
  giveWay?: GiveWay,
): Promise<bigint> {
  let messages = 0n;
  for (;;) {
    const piece = await database.transaction(signal, (tx) => erasePiece(tx, caller, id, entries));
    if (piece === undefined || piece.messages + piece.events === 0n) return messages;
    messages += piece.messages;
    await giveWay?.();
  }
}

/**
 * Purges the conversations of a tenant whose purge is due, but for those under a legal hold. Returns their number. A
 * failure does not stop the others; the first error is thrown at the end. Several servers may do this at once.
 */
export async function purgeDue(
  database: Database,
  tenantId: string,
  signal?: Interrupt,
  giveWay?: GiveWay,
): Promise<number> {
  const server = systemCaller(tenantId, "server");
  const tried: string[] = [];
  const failures: unknown[] = [];
  let purged = 0;
  while (!signal?.aborted) {
    const due = await conversationsToPurge(database, tenantId, BATCH, tried, signal);
    if (due.length === 0) break;
    for (const id of due) {
      tried.push(id);
      if (signal?.aborted) break;
      try {
        if (await purgeOne(database, server, id, signal, giveWay)) purged++;
      } catch (error) {
        // A hold that was placed meanwhile, or whose member only wrote there.
        if (!(error instanceof DomainError && error.reason === ErrorReason.HELD)) failures.push(error);
      }
      await giveWay?.();
    }
  }
  if (purged > 0) await emptyEndpointResponses(database, tenantId, signal);
  if (failures.length > 0 && !signal?.aborted) throw failures[0];
  return purged;
}

async function purgeOne(
  database: Database,
  server: Caller,
  id: string,
  signal?: Interrupt,
  giveWay?: GiveWay,
): Promise<boolean> {
  // Before the first piece: those check for who wrote what they erase, and would erase what others wrote after it.
  if ((await holdOver(database, server.tenantId, id)) !== undefined) return false;
  await erasePieces(database, server, id, signal, undefined, giveWay);
  return database.transaction(signal, async (tx) => {
    if (!(await lockToPurge(tx, server.tenantId, id))) return false;
    await purgeConversation(tx, server, id);
    await audit(tx, server, ORIGIN, { action: "conversation.purge", resourceType: "conversation", resourceId: id });
    return true;
  });
}
