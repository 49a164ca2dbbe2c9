// Finds messages by the ids that clients gave them, and frees such ids.
import type { Caller } from "../../domain/identity/caller.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import type { Queryable, Statement } from "../database.ts";
import { type MessageRow, messageColumns } from "./columns.ts";
import { columnsOf, partColumnsOf } from "./sends.ts";
import { sentBefore } from "./sent-before-statement.ts";

/** Messages of a conversation, deleted ones too. $1 tenant, $2 conversation, $3 client ids. */
const messagesByClientId: Statement<MessageRow> = {
  name: "message_by_client_id",
  text: `
  select ${messageColumns} from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.client_id = any($3::text[])`,
};

/** $1 tenant, $2 conversation, $3 client ids. */
const clientIdsInUse: Statement<{ client_id: string }> = {
  name: "message_client_ids_in_use",
  text: `
  select m.client_id from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.client_id = any($3::text[])`,
};

/**
 * Takes client ids away from deleted messages of a locked conversation. Returns those that others have. $1 tenant, $2
 * conversation, $3 client ids.
 */
const freeStatement: Statement<{ client_id: string }> = {
  name: "message_free_client_ids",
  text: `
  with freed as (
    update message m set client_id = null
    where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.client_id = any($3::text[]) and m.delete_time is not null
  )
  select m.client_id from message m
  where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.client_id = any($3::text[]) and m.delete_time is null`,
};

/** Messages of a conversation by client ids, deleted ones too, in no order. */
export function readByClientIds(
  on: Queryable,
  caller: Caller,
  conversationId: string,
  clientIds: readonly string[],
): Promise<MessageRow[]> {
  return on.query(messagesByClientId, [caller.tenantId, conversationId, clientIds]);
}

/** Which client ids messages of a conversation have, deleted ones too. The messages may be large, and are not read. */
export async function usedClientIds(
  on: Queryable,
  caller: Caller,
  conversationId: string,
  clientIds: readonly string[],
): Promise<Set<string>> {
  const rows = await on.query(clientIdsInUse, [caller.tenantId, conversationId, clientIds]);
  return new Set(rows.map(({ client_id }) => client_id));
}

/**
 * Takes client ids away from deleted messages of a locked conversation, for new ones. Returns those that others have.
 */
export async function freeClientIds(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  clientIds: readonly string[],
): Promise<Set<string>> {
  const rows = await tx.query(freeStatement, [caller.tenantId, conversationId, clientIds]);
  return new Set(rows.map(({ client_id }) => client_id));
}

/** The message of a locked conversation with the draft's client id, and whether it was sent like this. */
export async function findSent(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  draft: MessageDraft,
): Promise<(MessageRow & { readonly same: boolean }) | undefined> {
  if (draft.clientId === undefined) return undefined;
  const columns = [...columnsOf([draft]), ...partColumnsOf([draft])].flat();
  return (await tx.query(sentBefore, [caller.tenantId, conversationId, caller.actor, draft.clientId, ...columns]))[0];
}
