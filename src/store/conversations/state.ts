// The state that agents and front ends share in a conversation.
import type { Queryable, Statement } from "../database.ts";

/** $1 tenant, $2 id. Locks the conversation, as every change does. */
const lockState: Statement<{ state_json: string | null }> = {
  name: "conversation_state_lock",
  text: `
  select c.state_json from conversation c where c.tenant_id = $1 and c.id = $2::uuid and c.purge_time is null
  for no key update of c`,
};

/** $1 tenant, $2 id, $3 the state or null. */
const setState: Statement = {
  name: "conversation_state_set",
  text: "update conversation set state_json = $3 where tenant_id = $1 and id = $2::uuid",
};

export interface StatePlace {
  readonly tenantId: string;
  readonly conversationId: string;
}

/**
 * Sets the state of a locked conversation. `text`: JSON; empty: none. It is no change to the conversation: its etag
 * stays.
 */
export async function writeState(tx: Queryable, { tenantId, conversationId }: StatePlace, text: string): Promise<void> {
  await tx.query(setState, [tenantId, conversationId, text || null]);
}

/** Changes the state. `change` gets it as text, empty for none; and returns what it becomes. */
export async function changeState(
  tx: Queryable,
  place: StatePlace,
  change: (text: string) => Promise<string>,
): Promise<void> {
  const [row] = await tx.query(lockState, [place.tenantId, place.conversationId]);
  if (row === undefined) return;
  const before = row.state_json ?? "";
  const after = await change(before);
  if (after !== before) await writeState(tx, place, after);
}
