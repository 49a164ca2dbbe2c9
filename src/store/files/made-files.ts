// Files that agents make: the entries of a turn name them.
import type { Queryable, Statement } from "../database.ts";

/**
 * Lets entries name files that an agent made in their conversation. $1 tenant, $2 conversation, $3 ids of entries and
 * $4 what each names.
 */
const nameMade: Statement = {
  name: "file_name_made",
  changes: true,
  text: `
  with held as materialized (
    select f.id from file f
    where f.tenant_id = $1 and f.id = any($4::uuid[]) and f.conversation_id = $2::uuid and f.erase_time is null
    order by f.id for no key update of f
  ), uses as (
    insert into file_use (tenant_id, file_id, conversation_id, seq, create_time)
    select $1, h.id, m.conversation_id, m.seq, date_trunc('milliseconds', statement_timestamp())
    from unnest($3::uuid[], $4::uuid[]) as n(message_id, file_id)
    join held h on h.id = n.file_id
    join message m on m.tenant_id = $1 and m.conversation_id = $2::uuid and m.id = n.message_id
    on conflict do nothing
    returning file_id
  )
  update file f set named = true from uses u where f.tenant_id = $1 and f.id = u.file_id and not f.named`,
};

/** An entry of a turn, and a file that it names. */
export interface MadeUse {
  readonly messageId: string;
  readonly fileId: string;
}

/**
 * Notes which of the entries that were just added name which files. A file that no agent made in the conversation stays
 * unnamed.
 */
export async function nameMadeFiles(
  tx: Queryable,
  { tenantId, conversationId }: { readonly tenantId: string; readonly conversationId: string },
  uses: readonly MadeUse[],
): Promise<void> {
  const messages = uses.map(({ messageId }) => messageId);
  await tx.query(nameMade, [tenantId, conversationId, messages, uses.map(({ fileId }) => fileId)]);
}
