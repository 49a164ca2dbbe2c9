// The labels of conversations as rows of their own, by which lists find them in order. What they are is said by the
// conversation: these rows follow from it.
import type { Queryable, Statement } from "../database.ts";

/** $1 tenant, $2 ids of conversations that were written in this transaction. */
export const writeLabels: Statement = {
  name: "conversation_labels",
  text: `
  with gone as (
    delete from conversation_label l using conversation c
    where l.tenant_id = $1 and l.conversation_id = any($2::uuid[]) and c.tenant_id = $1 and c.id = l.conversation_id
      and (c.labels -> l.name) is null
  )
  insert into conversation_label (tenant_id, conversation_id, name, value, conversation_time)
  select $1, c.id, l.key, l.value, c.create_time
  from conversation c cross join lateral jsonb_each_text(c.labels) l
  where c.tenant_id = $1 and c.id = any($2::uuid[])
  on conflict (tenant_id, conversation_id, name) do update set value = excluded.value
    where conversation_label.value <> excluded.value`,
};

/** Makes the rows of some conversations what their labels say. */
export async function indexLabels(tx: Queryable, tenantId: string, ids: readonly string[]): Promise<void> {
  await tx.query(writeLabels, [tenantId, ids]);
}
