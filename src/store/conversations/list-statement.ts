// The statement that lists conversations, composed for the filters that a call uses.

import { changedSince, MOMENT, type Moment } from "../changed.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { type ViewerKind, visible, watchedMembers } from "../visibility.ts";
import { type ConversationRow, conversationColumns, conversationJoins } from "./columns.ts";

export type ConversationOrder = "newest" | "oldest" | "activity";

export interface ConversationFilters {
  readonly status?: number;
  readonly callType?: number;
  readonly ownerId?: string;
  readonly participantId?: string;
  readonly creator?: string;
  readonly agent?: string;
  readonly entityType?: string;
  readonly entityId?: string;
  readonly pinned?: boolean;
  readonly number?: bigint;
  /** Its owner or a participant. */
  readonly memberId?: string;
  /** Owned by one of the members whose conversations the viewer sees. */
  readonly ownedOnly?: true;
}

/** Where a page begins. */
export interface ListEdge {
  /** The last conversation of the page before, and its time in the list's order. */
  readonly id: string;
  readonly time: Date;
  /** Of a list by activity: when its first page was read. */
  readonly since?: Moment | undefined;
  /** Of such a list: the page before ended among those that changed since then. */
  readonly late?: boolean;
}

export interface ConversationList {
  readonly viewer: ViewerKind;
  readonly order: ConversationOrder;
  readonly deleted: boolean;
  readonly filters: ConversationFilters;
  readonly after?: ListEdge;
  readonly skip: number;
  readonly limit: number;
  readonly count: boolean;
}

/** A conversation of a page; `id` is null in the only row of an empty page that was counted. */
export interface ListedConversationRow extends Omit<ConversationRow, "id"> {
  readonly id: string | null;
  readonly total: bigint | null;
  /** Of a list by activity: the moment of the statement. */
  readonly moment?: string;
  /** Of its later pages: it has changed since the first, and comes once more after all others. */
  readonly late?: boolean;
}

/** Unlike the check of one conversation, PostgreSQL may evaluate this for all at once. */
const takesPart = (p: string) => `exists (select from participant f
      where f.tenant_id = $1 and f.conversation_id = c.id and f.member_id = ${p}::text)`;

/** Each filter with a value: its condition on conversation `c`, and a letter for the statement's name. */
const conditions: {
  [K in keyof Required<Omit<ConversationFilters, "ownedOnly">>]: readonly [letter: string, sql: (p: string) => string];
} = {
  status: ["s", (p) => `c.status = ${p}::smallint`],
  callType: ["c", (p) => `c.call_type = ${p}::smallint`],
  ownerId: ["o", (p) => `c.owner_id = ${p}::text`],
  participantId: ["p", takesPart],
  creator: ["r", (p) => `c.creator = ${p}::text`],
  agent: ["a", (p) => `c.agent = ${p}::text`],
  entityType: ["t", (p) => `c.entity_type = ${p}::text`],
  entityId: ["e", (p) => `c.entity_id = ${p}::text`],
  pinned: ["k", (p) => `c.pinned = ${p}::boolean`],
  number: ["n", (p) => `c.number = ${p}::bigint`],
  memberId: ["m", (p) => `(c.owner_id = ${p}::text or ${takesPart(p)})`],
};

/** How a list continues. */
interface Order {
  /** Columns of conversation `c` that are needed in addition to its id. */
  readonly columns: string;
  /** A condition on `c` with these columns: it comes after the previous page. */
  readonly edge: string;
  readonly by: string;
  /** The same for participant `p` alone, in the order of the index of a member's participations. */
  readonly walkEdge: string;
  readonly walkBy: string;
  readonly late?: true;
}

function orderOf({ order, after }: ConversationList, parameter: (value: unknown) => string): Order {
  if (order === "activity") return byActivity(after, parameter);
  const [direction, sign] = order === "newest" ? ["desc", "<"] : ["asc", ">"];
  const edge = after && `(${parameter(after.time)}::timestamptz, ${parameter(after.id)}::uuid)`;
  return {
    columns: "c.create_time",
    edge: edge === undefined ? "true" : `(c.create_time, c.id) ${sign} ${edge}`,
    by: `c.create_time ${direction}, c.id ${direction}`,
    walkEdge: edge === undefined ? "true" : `(p.conversation_time, p.conversation_id) ${sign} ${edge}`,
    walkBy: `p.conversation_time ${direction}, p.conversation_id ${direction}`,
  };
}

/**
 * A changed conversation moves to the front, past the pages that were read. Those that changed since the first page are
 * therefore repeated at the end, by id: none is skipped, some come twice.
 */
function byActivity(after: ListEdge | undefined, parameter: (value: unknown) => string): Order {
  if (after === undefined) {
    const by = "c.update_time desc, c.id desc";
    return { columns: "c.update_time", edge: "true", by, walkEdge: "true", walkBy: by };
  }
  const { time, id, late = false, since = { next: 0n, running: [] } } = after;
  const changed = changedSince("c", parameter(since.next), parameter(since.running));
  const place = parameter(id);
  const behind = late ? "false" : `(c.update_time, c.id) < (${parameter(time)}::timestamptz, ${place}::uuid)`;
  const by = `c.late, case when not c.late then c.update_time end desc, case when not c.late then c.id end desc, c.id`;
  return {
    columns: `c.update_time, not ${behind} as late, ${changed} as changed`,
    edge: late ? `c.changed and c.id > ${place}::uuid` : "(c.changed or not c.late)",
    by,
    walkEdge: "true",
    walkBy: by,
    late: true,
  };
}

/** The statement for a list and the values after `$1` (tenant) and `$2` (caller). */
export function listConversations(list: ConversationList): {
  readonly statement: Statement<ListedConversationRow>;
  readonly values: readonly unknown[];
} {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value) + 2}`;
  const where = [list.deleted ? "c.delete_time is not null" : "c.delete_time is null"];
  const places: Partial<Record<keyof ConversationFilters, string>> = {};
  let letters = "";
  for (const [name, [letter, sql]] of Object.entries(conditions)) {
    const value = list.filters[name as keyof ConversationFilters];
    if (value === undefined) continue;
    const place = parameter(value);
    places[name as keyof ConversationFilters] = place;
    letters += letter;
    where.push(sql(place));
  }
  if (list.filters.ownedOnly) {
    letters += "w";
    if (list.viewer !== "tenant") where.push(`c.owner_id in (${watchedMembers(list.viewer)})`);
  }
  const matching = where.join(" and ");
  const seen = `${visible(list.viewer)} and ${matching}`;
  const limit = `${parameter(list.limit)}::bigint`;
  const skip = `${parameter(list.skip)}::bigint`;
  const order = orderOf(list, parameter);
  const range = { order, limit, skip };

  const walk = walkOf(list, places);
  const found = walk && (walk.named ? seen : matching);
  const pages =
    walk === undefined || found === undefined
      ? ofTenant(seen, list.count, range)
      : list.count
        ? ofAllThatMembersHave(walk, found, range)
        : `page as (${memberCandidates(walk, found, range)}),
  counted as (select null::bigint as total)`;

  const edge = list.after && (list.after.late ? "m" : "n");
  const flags = `${list.deleted ? "d" : ""}${edge ?? ""}${list.count ? "q" : ""}`;
  const moment = list.order === "activity" ? `, ${MOMENT} as moment` : "";
  const late = order.late ? ", page.late" : "";
  return {
    statement: {
      name: `conversation_list_${list.viewer}_${list.order}_${letters}_${flags}`,
      maxBytes: PAGE_BYTES,
      text: `
  with ${pages}
  select c.*, counted.total${moment} from counted left join (
    select ${conversationColumns}${late}
    from page join conversation c on c.tenant_id = $1 and c.id = page.id ${conversationJoins}
  ) c on true
  order by ${order.by}`,
    },
    values,
  };
}

interface Range {
  readonly order: Order;
  readonly limit: string;
  readonly skip: string;
}

/** The columns that a page keeps of the found conversations. */
const pageColumns = ({ late }: Order) => `c.id${late ? ", c.late" : ""}`;

/** The members whose conversations a list searches. */
interface Walk {
  /** A query of their ids. */
  readonly members: string;
  /** Whether the request names the member, so that visibility must still be checked. */
  readonly named: boolean;
  readonly owned: boolean;
  readonly takingPart: boolean;
}

/** Undefined: all conversations of the tenant are scanned, in order. */
function walkOf(
  { viewer, filters }: ConversationList,
  { ownerId, participantId, memberId }: Partial<Record<keyof ConversationFilters, string>>,
): Walk | undefined {
  const place = ownerId ?? participantId ?? memberId;
  if (place !== undefined) {
    const members = `select ${place}::text collate "C" as id`;
    return { members, named: true, owned: place !== participantId, takingPart: place !== ownerId };
  }
  // A number identifies one conversation directly.
  if (viewer === "tenant" || filters.number !== undefined) return undefined;
  return { members: watchedMembers(viewer), named: false, owned: true, takingPart: !filters.ownedOnly };
}

/** Scans the tenant's conversations in order. */
function ofTenant(seen: string, count: boolean, { order, limit, skip }: Range): string {
  const total = count ? `(select count(*) from conversation c where c.tenant_id = $1 and ${seen})` : "null::bigint";
  return `page as (
    select ${pageColumns(order)} from (
      select c.id, ${order.columns} from conversation c where c.tenant_id = $1 and ${seen}
    ) c
    where ${order.edge} order by ${order.by} limit ${limit} offset ${skip}
  ), counted as (select ${total} as total)`;
}

/**
 * A counted list is found as a whole anyway, so its page costs the same anywhere. `offset 0` and `limit 1` are
 * optimization fences: a member's conversations are looked up instead of scanning the tenant's.
 */
function ofAllThatMembersHave(
  { members, owned, takingPart }: Walk,
  matching: string,
  { order, limit, skip }: Range,
): string {
  const branches: string[] = [];
  if (owned) {
    branches.push(`select c.* from (${members}) watched cross join lateral (
        select c.id, ${order.columns} from conversation c
        where c.tenant_id = $1 and c.owner_id = watched.id and ${matching} offset 0
      ) c`);
  }
  if (takingPart) {
    branches.push(`select c.* from (${members}) watched
      join participant p on p.tenant_id = $1 and p.member_id = watched.id
      cross join lateral (
        select c.id, ${order.columns} from conversation c
        where c.tenant_id = $1 and c.id = p.conversation_id and ${matching} limit 1
      ) c`);
  }
  return `found as materialized (
    select distinct c.* from (${branches.join("\n      union all\n      ")}) c
  ), page as (
    select ${pageColumns(order)} from found c where ${order.edge} order by ${order.by} limit ${limit} offset ${skip}
  ), counted as (select count(*) as total from found)`;
}

/** Scans the indexes of a member's conversations, for each member, as far as the page needs. */
function memberCandidates(
  { members, owned, takingPart }: Walk,
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
  if (takingPart) {
    // The inner limit is an optimization fence: each conversation is looked up instead of merging with all of the
    // tenant.
    branches.push(`(select c.* from participant p
         cross join lateral (
           select c.* from (
             select c.id, ${order.columns} from conversation c
             where c.tenant_id = $1 and c.id = p.conversation_id and ${matching}
           ) c where ${order.edge} limit 1
         ) c
         where p.tenant_id = $1 and p.member_id = watched.id and ${order.walkEdge}
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
