// The statement that numbers conversations.
import { forEachViewer, visible } from "../visibility.ts";

export interface NumberRow {
  readonly id: string;
  readonly number: bigint;
}

/**
 * Assigns numbers to conversations without one, older ones first, and returns the numbers of all. The conversations are
 * locked first, in a fixed order, then the tenant's counter. A conversation that another call numbers meanwhile keeps
 * that number, but is missing from the result, because the statement's snapshot is older: execute it again. $1 tenant,
 * $2 caller, $3 ids.
 */
export const assignConversationNumbers = forEachViewer<NumberRow>(
  "conversation_assign_numbers",
  (kind) => `
  with fresh as materialized (
    select c.id, c.create_time from conversation c
    where c.tenant_id = $1 and c.id = any($3::uuid[]) and c.number is null and c.delete_time is null and ${visible(kind)}
    order by c.id for no key update of c
  ), ranked as (
    select f.id, row_number() over (order by f.create_time, f.id) as rank, count(*) over () as many from fresh f
  ), counter as (
    update tenant t set last_conversation_number = t.last_conversation_number + (select count(*) from fresh)
    where t.id = $1 and exists (select from fresh)
    returning t.last_conversation_number as last
  ), numbered as (
    update conversation c set number = counter.last - ranked.many + ranked.rank
    from ranked, counter
    where c.tenant_id = $1 and c.id = ranked.id
    returning c.id, c.number
  )
  select n.id, n.number from numbered n
  union all
  select c.id, c.number from conversation c
  where c.tenant_id = $1 and c.id = any($3::uuid[]) and c.number is not null and c.delete_time is null and ${visible(kind)}`,
);
