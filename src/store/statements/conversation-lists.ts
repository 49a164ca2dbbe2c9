// The statement that lists conversations, composed for the filters that a call uses.

import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../row-budget.ts";
import { type ConversationRow, conversationColumns, conversationJoins } from "./conversation-columns.ts";
import { type ViewerKind, visible, watchedMembers } from "./visibility.ts";

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
  /** Owns it or takes part in it. */
  readonly memberId?: string;
  /** Owned by one of the members whose conversations the viewer sees. */
  readonly ownedOnly?: true;
}

export interface ConversationList {
  readonly viewer: ViewerKind;
  readonly order: ConversationOrder;
  readonly deleted: boolean;
  readonly filters: ConversationFilters;
  /** The last conversation of the page before. */
  readonly after?: { readonly id: string; readonly updateTime: Date };
  readonly skip: number;
  readonly limit: number;
  readonly count: boolean;
}

/** A conversation of a page; `id` is null in the only row of an empty page that was counted. */
export interface ListedConversationRow extends Omit<ConversationRow, "id"> {
  readonly id: string | null;
  readonly total: bigint | null;
}

/** Unlike a check of one conversation, PostgreSQL may look this up for all at once. */
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

const orders: Record<ConversationOrder, { readonly by: string; readonly after: (time: string, id: string) => string }> =
  {
    // Ids are UUIDv7: their order is that of creation.
    newest: { by: "c.id desc", after: (_, id) => `c.id < ${id}::uuid` },
    oldest: { by: "c.id asc", after: (_, id) => `c.id > ${id}::uuid` },
    activity: {
      by: "c.update_time desc, c.id desc",
      after: (time, id) => `(c.update_time, c.id) < (${time}::timestamptz, ${id}::uuid)`,
    },
  };

/** The statement for a list and the values after `$1` (tenant) and `$2` (caller). */
export function listConversations(list: ConversationList): {
  readonly statement: Statement<ListedConversationRow>;
  readonly values: readonly unknown[];
} {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value) + 2}`;
  const order = orders[list.order];

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
  const edge =
    list.after === undefined
      ? ""
      : `and ${order.after(list.order === "activity" ? parameter(list.after.updateTime) : "", parameter(list.after.id))}`;

  const walk = walkOf(list, places);
  const found = walk && (walk.named ? seen : matching);
  const pages =
    walk === undefined || found === undefined
      ? ofTenant(seen, list.count, edge, order.by, limit, skip)
      : list.count
        ? ofAllThatMembersHave(walk, found, edge, order.by, limit, skip)
        : `page as (${memberCandidates(walk, found, edge, order.by, limit, skip)}),
  counted as (select null::bigint as total)`;

  const flags = `${list.deleted ? "d" : ""}${list.after ? "n" : ""}${list.count ? "q" : ""}`;
  return {
    statement: {
      name: `conversation_list_${list.viewer}_${list.order}_${letters}_${flags}`,
      maxBytes: PAGE_BYTES,
      text: `
  with ${pages}
  select c.*, counted.total from counted left join (
    select ${conversationColumns} from page join conversation c on c.tenant_id = $1 and c.id = page.id ${conversationJoins}
  ) c on true
  order by ${order.by}`,
    },
    values,
  };
}

/** By which members' conversations a list is found. */
interface Walk {
  /** A query of their ids. */
  readonly members: string;
  /** Whether the call names the member, so that what is found is not yet known to be visible. */
  readonly named: boolean;
  readonly owned: boolean;
  readonly takingPart: boolean;
}

/** Undefined: all conversations of the tenant are gone through, in order. */
function walkOf(
  { viewer, filters }: ConversationList,
  { ownerId, participantId, memberId }: Partial<Record<keyof ConversationFilters, string>>,
): Walk | undefined {
  const place = ownerId ?? participantId ?? memberId;
  if (place !== undefined) {
    const members = `select ${place}::text collate "C" as id`;
    return { members, named: true, owned: place !== participantId, takingPart: place !== ownerId };
  }
  // A number leads to one conversation at once, whose it may be.
  if (viewer === "tenant" || filters.number !== undefined) return undefined;
  return { members: watchedMembers(viewer), named: false, owned: true, takingPart: !filters.ownedOnly };
}

/** Goes through the tenant's conversations in order. */
function ofTenant(seen: string, count: boolean, edge: string, by: string, limit: string, skip: string): string {
  const total = count ? `(select count(*) from conversation c where c.tenant_id = $1 and ${seen})` : "null::bigint";
  return `page as (
    select c.id from conversation c where c.tenant_id = $1 and ${seen} ${edge}
    order by ${by} limit ${limit} offset ${skip}
  ), counted as (select ${total} as total)`;
}

/**
 * What is counted is found as a whole anyway: the page is taken from it, and costs the same wherever it lies. `offset 0`
 * and `limit 1` are fences: a member's conversations are looked up, instead of going through everybody's.
 */
function ofAllThatMembersHave(
  { members, owned, takingPart }: Walk,
  matching: string,
  edge: string,
  by: string,
  limit: string,
  skip: string,
): string {
  const branches: string[] = [];
  if (owned) {
    branches.push(`select c.id, c.update_time from (${members}) watched cross join lateral (
        select c.id, c.update_time from conversation c
        where c.tenant_id = $1 and c.owner_id = watched.id and ${matching} offset 0
      ) c`);
  }
  if (takingPart) {
    branches.push(`select c.id, c.update_time from (${members}) watched
      join participant p on p.tenant_id = $1 and p.member_id = watched.id
      cross join lateral (
        select c.id, c.update_time from conversation c
        where c.tenant_id = $1 and c.id = p.conversation_id and ${matching} limit 1
      ) c`);
  }
  return `found as materialized (
    select distinct c.id, c.update_time from (${branches.join("\n      union all\n      ")}) c
  ), page as (
    select c.id from found c where true ${edge} order by ${by} limit ${limit} offset ${skip}
  ), counted as (select count(*) as total from found)`;
}

/** Walks the indexes that know a member's conversations, for each member, as far as the page needs. */
function memberCandidates(
  { members, owned, takingPart }: Walk,
  matching: string,
  edge: string,
  by: string,
  limit: string,
  skip: string,
): string {
  // The index behind a participant is ordered by conversation_id, which is c.id.
  const walk = by.replaceAll("c.id", "p.conversation_id");
  const edgeOfParticipant = edge.replaceAll("c.id", "p.conversation_id");
  const branches: string[] = [];
  if (owned) {
    branches.push(`(select c.id, c.update_time from conversation c
         where c.tenant_id = $1 and c.owner_id = watched.id and ${matching} ${edge}
         order by ${by} limit ${limit} + ${skip})`);
  }
  if (takingPart) {
    // The inner limit is a fence: each conversation is looked up, instead of merging with all those of the tenant.
    branches.push(`(select c.id, c.update_time from participant p
         cross join lateral (
           select c.id, c.update_time from conversation c
           where c.tenant_id = $1 and c.id = p.conversation_id and ${matching} ${edge} limit 1
         ) c
         where p.tenant_id = $1 and p.member_id = watched.id ${edgeOfParticipant}
         order by ${walk} limit ${limit} + ${skip})`);
  }
  return `
    select c.id from (
      select distinct c.id, c.update_time from (${members}) watched
      cross join lateral (
        ${branches.join("\n        union all\n        ")}
      ) c
    ) c order by ${by} limit ${limit} offset ${skip}`;
}
