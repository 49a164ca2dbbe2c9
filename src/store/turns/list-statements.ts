// The statements that read turns as a list.
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { forEachViewer, type ViewerKind, visible, watchedMembers } from "../visibility.ts";
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

/**
 * The conversations whose turns are listed: of the tenant all, which are looked up for each turn; of members theirs, of
 * each of which the latest turns are read by the index, so that the turns of others cost nothing.
 */
function turnsSeen(kind: ViewerKind): string {
  const matches = `t.delete_time is null and ($3::uuid is null or t.id < $3::uuid)
      and ($4::smallint = 0 or t.state = $4::smallint)`;
  if (kind === "tenant") {
    return `select ${turnColumns} from turn t join conversation c on c.tenant_id = $1 and c.id = t.conversation_id
    where t.tenant_id = $1 and c.delete_time is null and ${visible(kind)} and ${matches}`;
  }
  const members = watchedMembers(kind);
  return `select ${turnColumns} from (
      select c.id from (${members}) w join conversation c on c.tenant_id = $1 and c.owner_id = w.id
      union
      select p.conversation_id from (${members}) w join participant p on p.tenant_id = $1 and p.member_id = w.id
    ) seen
    join conversation c on c.tenant_id = $1 and c.id = seen.id and c.delete_time is null
    cross join lateral (
      select t.* from turn t where t.tenant_id = $1 and t.conversation_id = c.id and ${matches}
      order by t.id desc limit $5
    ) t`;
}

/**
 * The turns of all conversations that the caller sees, the latest first. $1 tenant, $2 caller, $3 before this id or null,
 * $4 state or 0, $5 limit.
 */
export const listAllTurns = forEachViewer<TurnRow>(
  "turn_list_all",
  (kind) => `${turnsSeen(kind)} order by t.id desc limit $5`,
  { maxBytes: PAGE_BYTES },
);
