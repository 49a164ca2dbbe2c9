// The fast way to a page by latest activity: it goes through the tenant's latest active conversations, and gives up
// early.
import type { ConversationFilters } from "./list-filters.ts";
import type { Order } from "./list-order.ts";
import type { Range, Walk } from "./list-walk.ts";

/** A member with fewer conversations has all of them sorted, which is faster. */
const FEW = 200;
/** Up to how many conversations of a member are counted. */
const COUNTED = 1_000;
/** How many conversations are looked at for each that was counted. */
const LOOKED_AT = 2;
/** Maximum number of conversations that were last active in the same minute. */
const SAME_MINUTE = 1_000;

/** Filters that many conversations are expected to pass; others are rather found by what is asked for. */
const WIDE: ReadonlySet<string> = new Set<keyof ConversationFilters>([
  ...(["status", "callType", "ownerId", "participantId", "memberId", "ownedOnly"] as const),
  ...(["archivedByMe", "mutedByMe"] as const),
]);

/** Whether a page may be among the tenant's latest active conversations, so that it is worth looking there first. */
export function mayBeRecent(filters: ConversationFilters, order: Order): order is RecentOrder {
  return order.activity !== undefined && Object.keys(filters).every((name) => WIDE.has(name));
}

type RecentOrder = Order & { readonly activity: NonNullable<Order["activity"]> };

/**
 * The page that `exact` finds, by the index of the minute in which a conversation was last active. A conversation is
 * never active after its minute, so those of later minutes come before it, whatever their order is: once enough are
 * found, and all of the last minute, the page is whole. Otherwise `exact` is executed.
 *
 * @param seen a condition on `c`: the caller sees it and the filters match
 * @param exact a query of the page
 */
export function recentFirst(
  walk: Walk | undefined,
  seen: string,
  exact: string,
  { order, limit, skip }: Range & { readonly order: RecentOrder },
): string {
  const { behind, since, by } = order.activity;
  const late = order.late ? ", false as late" : "";
  const wanted = `${limit} + ${skip}`;
  return `held as materialized (
    select case when count(*) >= ${FEW} then count(*) * ${LOOKED_AT} else 0 end as budget
    from (${walk === undefined ? `select from generate_series(1, ${COUNTED})` : held(walk)} limit ${COUNTED}) h
  ), hits as materialized (
    select c.id, c.update_time, c.active_minute from (
      select c.* from (
        select c.* from conversation c where c.tenant_id = $1 and ${since} order by c.active_minute desc
        limit ${LOOKED_AT * COUNTED}
      ) c limit (select budget from held)
    ) c where ${seen} and ${behind} limit ${wanted}
  ), reached as materialized (
    select case when count(*) = ${wanted} then min(active_minute) end as minute from hits
  ), rest as materialized (
    select c.id, c.update_time, ${seen} and ${behind} as shown from (
      select c.* from conversation c where c.tenant_id = $1 and c.active_minute = (select minute from reached)
      limit ${SAME_MINUTE} + 1
    ) c
  ), whole as materialized (
    select minute is not null and (select count(*) from rest) <= ${SAME_MINUTE} as found from reached
  ), page as (
    select r.* from (
      select c.id${late} from (
        select h.id, h.update_time from hits h where h.active_minute > (select minute from reached)
        union all select r.id, r.update_time from rest r where r.shown
      ) c where (select found from whole) order by ${by} limit ${limit} offset ${skip}
    ) r
    union all
    select e.* from (${exact}) e where not (select found from whole)
  )`;
}

/** Rows for the conversations that a walk leads to, some of them twice. */
function held({ members, owned, rows }: Walk): string {
  const branches = [
    ...(rows ? [`select from ${rows.table} p where p.tenant_id = $1 and ${rows.where}`] : []),
    ...(owned ? ["select from conversation c where c.tenant_id = $1 and c.owner_id = watched.id"] : []),
  ];
  return `select from (${members}) watched cross join lateral (${branches.join(" union all ")}) h`;
}
