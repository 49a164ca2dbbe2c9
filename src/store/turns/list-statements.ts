// The statements that read turns as a list.
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { forEachViewer, visible } from "../visibility.ts";
import { type TurnRow, turnColumns } from "./columns.ts";

/** A turn, or none: the caller sees the conversation, which has none. */
export type ListedTurnRow = TurnRow | { readonly [column in keyof TurnRow]: null };

/**
 * The turns of a conversation, the latest first. One row of nulls: it has none. No row: the caller does not see it.
 * $1 tenant, $2 caller, $3 conversation, $4 before this id or null, $5 state or 0, $6 limit.
 */
export const listTurns = forEachViewer<ListedTurnRow>(
  "turn_list",
  (kind) => `
  select t.* from conversation c left join lateral (
    select ${turnColumns} from turn t
    where t.tenant_id = $1 and t.conversation_id = c.id and t.delete_time is null
      and ($4::uuid is null or t.id < $4::uuid)
      and ($5::smallint = 0 or t.state = $5::smallint)
    order by t.id desc limit $6
  ) t on true
  where c.tenant_id = $1 and c.id = $3::uuid and c.delete_time is null and ${visible(kind)}
  order by t.id desc`,
  { maxBytes: PAGE_BYTES },
);
