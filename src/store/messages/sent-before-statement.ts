// Finds a message that was sent before, by its client id, and whether it is the same.
import type { Statement } from "../database.ts";
import { type MessageRow, messageColumns } from "./columns.ts";

/** Whether row `r`, a message or what it was before its edits, holds what `n` brings. */
const holdsSame = (r: string) => `${r}.role = n.role and ${r}.content = n.content
      and ${r}.metadata is not distinct from n.metadata::jsonb and ${r}.client_time is not distinct from n.client_time
      and ${r}.parts is not distinct from n.parts`;

/** Whether message `m`, with {@link JOIN_ORIGINAL}, was sent by `sender` and as `n` says. */
export function isSame(sender: string): string {
  return `m.sender = ${sender} and m.kind is not distinct from n.kind
      and case when o.role is null then ${holdsSame("m")} else ${holdsSame("o")} end`;
}

/** `o`: what message `m` was before its edits, if it was edited. $1 tenant, $2 conversation. */
export const JOIN_ORIGINAL = `left join lateral (
      select r.role, r.content, r.metadata, r.client_time, r.parts from message_revision r
      where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.seq = m.seq order by r.revision limit 1
    ) o on m.revision > 0`;

/**
 * The message of a locked conversation with a client id, deleted or not. $1 tenant, $2 conversation, $3 sender, then
 * the message as it is sent now: $4 client id, $5 role, $6 content, $7 metadata (JSON text), $8 client time, $9 kind
 * (null: a message), $10 parts (JSON text or null).
 */
export const sentBefore: Statement<MessageRow & { same: boolean }> = {
  name: "message_sent_before",
  text: `
  select ${messageColumns}, ${isSame("$3::text")} as same
  from (select $5::smallint as role, $6::text as content, $7::text as metadata, $8::timestamptz as client_time,
    $9::smallint as kind, $10::text as parts) n
  join message m on m.tenant_id = $1 and m.conversation_id = $2::uuid and m.client_id = $4::text
  ${JOIN_ORIGINAL}`,
};
