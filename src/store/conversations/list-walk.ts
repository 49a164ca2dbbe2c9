// Finds a page of conversations: by scanning the tenant's, or by the index of a member's or a label's.
import { type ViewerKind, watchedMembers } from "../visibility.ts";
import type { ConversationFilters } from "./list-filters.ts";
import type { Order } from "./list-order.ts";

export interface Range {
  readonly order: Order;
  readonly limit: string;
  readonly skip: string;
}

/** The columns that a page keeps of the found conversations. */
export const pageColumns = ({ late }: Order) => `c.id${late ? ", c.late" : ""}`;

/** The members, or the label, whose conversations a list searches. */
export interface Walk {
  /** A query of the members' ids; for a label, of one row. */
  readonly members: string;
  /** The id, where it is that of one member. */
  readonly one?: string;
  /** Whether the request names the member or label, so that visibility must still be checked. */
  readonly named: boolean;
  readonly owned: boolean;
  /** Rows `p` that lead to conversations, indexed in the order of creation: a table, and a condition. */
  readonly rows?: { readonly table: string; readonly where: string };
}

const PARTS = { table: "participant", where: "p.member_id = watched.id" };

/** Undefined: all conversations of the tenant are scanned, in order. */
export function walkOf(
  { viewer, filters }: { readonly viewer: ViewerKind; readonly filters: ConversationFilters },
  { ownerId, participantId, memberId }: Partial<Record<keyof ConversationFilters, string>>,
  parameter: (value: unknown) => string,
): Walk | undefined {
  const place = ownerId ?? participantId ?? memberId;
  if (place !== undefined) {
    const one = `${place}::text collate "C"`;
    const members = `select ${one} as id`;
    return { members, one, named: true, owned: place !== participantId, ...(place !== ownerId && { rows: PARTS }) };
  }
  // A number identifies one conversation directly, a client id a few.
  if (filters.number !== undefined || filters.clientId !== undefined) return undefined;
  if (viewer !== "tenant") {
    const members = watchedMembers(viewer);
    const one = viewer === "member" && { one: '$2::text collate "C"' };
    return { members, ...one, named: false, owned: true, ...(!filters.ownedOnly && { rows: PARTS }) };
  }
  const [label] = Object.entries(filters.labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (label === undefined) return undefined;
  const [name, value] = label.map(parameter);
  const where = `p.name = ${name}::text and p.value = ${value}::text`;
  return { members: "select 1 as id", named: true, owned: false, rows: { table: "conversation_label", where } };
}

/** A page of the tenant's conversations, which are scanned in order. */
export function ofTenant(seen: string, { order, limit, skip }: Range): string {
  return `select ${pageColumns(order)} from (
      select c.id, ${order.columns} from conversation c where c.tenant_id = $1 and ${seen}
    ) c
    where ${order.edge} order by ${order.by} limit ${limit} offset ${skip}`;
}

/** Scans the index of a member's or a label's conversations, for each member, as far as the page needs. */
export function memberCandidates(
  { members, owned, rows }: Walk,
  matching: string,
  { order, limit, skip }: Range,
): string {
  const branches: string[] = [];
  if (owned) {
    branches.push(`(select c.* from (
           select c.id, ${order.columns} from conversation c
           where c.tenant_id = $1 and c.owner_id = watched.id and ${matching}
         ) c
         where ${order.edge} order by ${order.by} limit ${limit} + ${skip})`);
  }
  if (rows) {
    // The inner limit is a fence: each conversation is looked up, instead of merging with all those of the tenant.
    branches.push(`(select c.* from ${rows.table} p
         cross join lateral (
           select c.* from (
             select c.id, ${order.columns} from conversation c
             where c.tenant_id = $1 and c.id = p.conversation_id and ${matching}
           ) c where ${order.edge} limit 1
         ) c
         where p.tenant_id = $1 and ${rows.where} and ${order.walkEdge}
         order by ${order.walkBy} limit ${limit} + ${skip})`);
  }
  return `
    select ${pageColumns(order)} from (
      select distinct c.* from (${members}) watched
      cross join lateral (
        ${branches.join("\n        union all\n        ")}
      ) c
    ) c order by ${order.by} limit ${limit} offset ${skip}`;
}
