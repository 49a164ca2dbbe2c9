// Finds conversations by the ids that clients gave them.
import type { Caller } from "../../domain/identity/caller.ts";
import type { Queryable, Statement } from "../database.ts";

/** A client id, and the hash of the request that creates the conversation. */
export interface ClientName {
  readonly clientId: string;
  readonly hash: Uint8Array;
}

/** Deleted or not; without a check of who sees it. $1 tenant, $2 client id, $3 owner or null. */
const conversationByClientId: Statement<{ id: string; create_hash: Buffer | null; purging: boolean }> = {
  name: "conversation_by_client_id",
  text: `
  select c.id, c.create_hash, (c.purge_time <= now()) is true as purging from conversation c
  where c.tenant_id = $1 and c.client_id = $2::text and coalesce(c.owner_id, '') = coalesce($3::text, '')`,
};

/** The conversation of an owner, null for none, with a client id, without a visibility check. */
export async function findByClientId(on: Queryable, caller: Caller, clientId: string, ownerId: string | null) {
  return (await on.query(conversationByClientId, [caller.tenantId, clientId, ownerId]))[0];
}
