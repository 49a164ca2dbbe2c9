// What signals need of the database: where one is sent from, and who may see it. Signals themselves are never stored.
import type { ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Queryable, Statement } from "../database.ts";
import { forEachViewer, visible, writable } from "../visibility.ts";

/** Where a signal is sent from. */
export interface SignalPlace {
  readonly last_seq: bigint;
  readonly status: ConversationStatus;
  readonly writable: boolean;
  /** Whether the message that it names is in the conversation. */
  readonly known: boolean;
}

/** $1 tenant, $2 caller, $3 conversation, $4 message or null. No row: the caller does not see the conversation. */
const place = forEachViewer<SignalPlace>(
  "signal_place",
  (kind) => `
  select c.last_seq, c.status, ${writable(kind)} as writable,
    ($4::uuid is null or exists (
      select from message m where m.tenant_id = $1 and m.id = $4::uuid and m.conversation_id = c.id)) as known
  from conversation c
  where c.tenant_id = $1 and c.id = $3::uuid and c.delete_time is null and ${visible(kind)}`,
);

/** Undefined: the caller does not see the conversation. One round trip. */
export async function readSignalPlace(
  on: Queryable,
  caller: Caller,
  conversationId: string,
  threadId: string | null,
  signal?: Interrupt,
): Promise<SignalPlace | undefined> {
  const values = [caller.tenantId, caller.memberId, conversationId, threadId];
  return (await on.query(place[caller.viewer.kind], values, signal))[0];
}

/** $1 tenant, $2 conversations, $3 members. */
const readers: Statement<{ conversation_id: string; member_id: string }> = {
  name: "signal_readers",
  text: `
  select p.conversation_id::text as conversation_id, p.member_id
  from participant p join conversation c on c.tenant_id = $1 and c.id = p.conversation_id
  where p.tenant_id = $1 and p.conversation_id = any ($2::uuid[]) and p.member_id = any ($3::text[])
    and c.delete_time is null
  union
  select c.id::text, c.owner_id from conversation c
  where c.tenant_id = $1 and c.id = any ($2::uuid[]) and c.owner_id = any ($3::text[]) and c.delete_time is null`,
};

/** Which of the members see which of the conversations now, as owners or participants. */
export async function readSignalReaders(
  on: Queryable,
  tenantId: string,
  conversationIds: readonly string[],
  memberIds: readonly string[],
): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  for (const row of await on.query(readers, [tenantId, conversationIds, memberIds])) {
    const seen = found.get(row.member_id);
    if (seen === undefined) found.set(row.member_id, new Set([row.conversation_id]));
    else seen.add(row.conversation_id);
  }
  return found;
}
