// Pages that come with the number of all that match: by the indexes alone where they have all that is asked for, else
// by looking up each conversation.
import type { ConversationFilters } from "./list-filters.ts";
import type { Order } from "./list-order.ts";
import { ofTenant, pageColumns, type Range, type Walk } from "./list-walk.ts";

export interface Counted {
  readonly walk: Walk | undefined;
  readonly range: Range;
  /** A condition on `c`: the filters match, and where a walk does not imply it, the caller sees it. */
  readonly matching: string;
  /** Whether the page is of listed conversations, and has no filters but those of the walk; see {@link isPlain}. */
  readonly plain: boolean;
}

/** Whether a list has no filters but the member whose conversations it has. */
export function isPlain(filters: ConversationFilters): boolean {
  return Object.keys(filters).every((name) => name === "memberId");
}

/** The queries `page` and `counted`. */
export function countedPage({ walk, range, matching, plain }: Counted): string {
  if (walk === undefined) {
    return `page as (${ofTenant(matching, range)}),
  counted as (select count(*) as total from conversation c where c.tenant_id = $1 and ${matching})`;
  }
  const { order } = range;
  if (!plain || order.reversed === undefined) return ofAllThatMembersHave(walk, lookedUp(walk, matching, order), range);
  return walk.one === undefined
    ? ofAllThatMembersHave(walk, indexed("watched.id"), range)
    : ofOneMember(indexed(walk.one), range, order.reversed);
}

/** What a member `id` has, each once, from two indexes that have no need of the rows. */
function indexed(id: string): readonly [owned: string, joined: string] {
  return [
    `select c.id, c.create_time from conversation c
      where c.tenant_id = $1 and c.owner_id = ${id} and c.delete_time is null and not c.unlisted`,
    `select p.conversation_id as id, p.conversation_time as create_time from participant p
      where p.tenant_id = $1 and p.member_id = ${id} and p.counted`,
  ];
}

/**
 * What each member `watched` has. `offset 0` and `limit 1` are optimization fences: a member's or a label's
 * conversations are looked up instead of scanning the tenant's.
 */
function lookedUp({ owned, rows }: Walk, matching: string, { columns }: Order): readonly string[] {
  const branches: string[] = [];
  if (owned) {
    branches.push(`select c.id, ${columns} from conversation c
      where c.tenant_id = $1 and c.owner_id = watched.id and ${matching} offset 0`);
  }
  if (rows) {
    branches.push(`select c.* from ${rows.table} p cross join lateral (
        select c.id, ${columns} from conversation c
        where c.tenant_id = $1 and c.id = p.conversation_id and ${matching} limit 1
      ) c where p.tenant_id = $1 and ${rows.where}`);
  }
  return branches;
}

/** Finds all, so that a page costs the same anywhere. */
function ofAllThatMembersHave({ members }: Walk, has: readonly string[], { order, limit, skip }: Range): string {
  const branches = has.map((one) => `select c.* from (${members}) watched cross join lateral (${one}) c`);
  return `found as materialized (
    select distinct c.* from (${branches.join("\n      union all\n      ")}) c
  ), page as (
    select ${pageColumns(order)} from found c where ${order.edge} order by ${order.by} limit ${limit} offset ${skip}
  ), counted as (select count(*) as total from found)`;
}

/** Counts, and then goes to the page from the end that is nearer. */
function ofOneMember(has: readonly string[], { order, limit, skip }: Range, reversed: string): string {
  const counts = has.map((one) => `(select count(*) from (${one}) c)`);
  // Of each as many as may be needed, in order: so PostgreSQL merges them instead of sorting all.
  const merged = (by: string, edge: string, most: string) =>
    has
      .map((one) => `(select c.* from (${one}) c where ${edge} order by ${by} limit ${most})`)
      .join("\n      union all\n      ");
  const near = order.edge === "true" ? `(select total >= 2 * ${skip} from counted)` : "true";
  const left = `greatest((select total from counted) - ${skip}, 0)`;
  return `counted as materialized (select ${counts.join(" + ")} as total), page as (
    (select c.id from (
      ${merged(order.by, order.edge, `case when ${near} then ${limit} + ${skip} else 0 end`)}
    ) c order by ${order.by} limit ${limit} offset ${skip})
    union all
    (select c.id from (
      ${merged(reversed, "true", `case when ${near} then 0 else ${left} end`)}
    ) c order by ${reversed} limit least(${limit}, ${left}) offset greatest(${left} - ${limit}, 0))
  )`;
}
