// PurgeConversation of a long log: the batches before the transaction that erases the conversation itself.
import {
  type PurgeConversationRequest,
  PurgeConversationRequestSchema,
} from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { ByteStore } from "../../files/byte-store.ts";
import { removeErased } from "../../jobs/files.ts";
import { erasePieces, PURGE_PIECE } from "../../jobs/purge.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Database } from "../../store/database.ts";
import { emptyEndpointResponses } from "../../store/erasure/endpoint-responses.ts";
import { findFirstCall } from "../../store/idempotency/idempotency.ts";
import { beginPurge } from "../../store/purge/purge.ts";
import { requestKeyOf } from "../mutations.ts";
import { lockVisible } from "./access.ts";

/**
 * Erases the log if it is too long for one transaction. Returns the number of erased messages. An interrupted call
 * leaves a conversation that cannot be restored; a retry or the sweeper continues.
 */
export async function eraseLog(
  database: Database,
  request: PurgeConversationRequest,
  context: CallContext,
): Promise<bigint> {
  const caller = callerFrom(context.principal);
  const key = requestKeyOf(PurgeConversationRequestSchema, request, context, caller);
  // A retry returns the first response and erases nothing.
  if (key !== undefined && (await findFirstCall(database, key)) !== undefined) return 0n;
  const long = await database.transaction(context.interrupt, async (tx) => {
    const row = await lockVisible(tx, caller, request.conversationId, "allowed");
    if (row.last_seq > PURGE_PIECE) await beginPurge(tx, caller, row.id);
    return row.last_seq > PURGE_PIECE;
  });
  return long ? erasePieces(database, caller, request.conversationId, context.interrupt) : 0n;
}

/** Empties what endpoints of webhooks have responded to what was purged. */
export async function forgetResponses(database: Database, context: CallContext): Promise<void> {
  try {
    await emptyEndpointResponses(database, callerFrom(context.principal).tenantId);
  } catch (error) {
    context.log.warn({ err: error }, "responses of webhook endpoints were not emptied after a purge");
  }
}

/**
 * Removes the bytes of files that went with a purged conversation. It is purged already: what fails now, the sweeper
 * does.
 */
export async function removeFiles(database: Database, bytes: ByteStore, context: CallContext): Promise<void> {
  try {
    await removeErased(database, bytes, callerFrom(context.principal).tenantId);
  } catch (error) {
    context.log.warn({ err: error }, "bytes of erased files were not removed");
  }
}
