// The statement that lists conversations, composed for the filters that a call uses.
import type { Statement } from "../database.ts";
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

/** Each filter: its condition on conversation `c`, and a letter for the statement's name. */
const conditions: {
  [K in keyof Required<ConversationFilters>]: readonly [letter: string, sql: (p: string) => string];
} = {
  status: ["s", (p) => `c.status = ${p}::smallint`],
  callType: ["c", (p) => `c.call_type = ${p}::smallint`],
  ownerId: ["o", (p) => `c.owner_id = ${p}::text`],
  participantId: [
    "p",
    (p) => `exists (select from participant f
      where f.tenant_id = $1 and f.conversation_id = c.id and f.member_id = ${p}::text)`,
  ],
  creator: ["r", (p) => `c.creator = ${p}::text`],
  agent: ["a", (p) => `c.agent = ${p}::text`],
  entityType: ["t", (p) => `c.entity_type = ${p}::text`],
  entityId: ["e", (p) => `c.entity_id = ${p}::text`],
  pinned: ["k", (p) => `c.pinned = ${p}::boolean`],
  number: ["n", (p) => `c.number = ${p}::bigint`],
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
  let letters = "";
  for (const [name, [letter, sql]] of Object.entries(conditions)) {
    const value = list.filters[name as keyof ConversationFilters];
    if (value === undefined) continue;
    letters += letter;
    where.push(sql(parameter(value)));
  }
  const matching = where.join(" and ");
  const limit = `${parameter(list.limit)}::bigint`;
  const skip = `${parameter(list.skip)}::bigint`;
  const edge =
    list.after === undefined
      ? ""
      : `and ${order.after(list.order === "activity" ? parameter(list.after.updateTime) : "", parameter(list.after.id))}`;

  // A number leads to one conversation at once, whose it may be.
  const candidates =
    list.viewer === "tenant" || list.filters.number !== undefined
      ? `select c.id from conversation c where c.tenant_id = $1 and ${visible(list.viewer)} and ${matching} ${edge}
    order by ${order.by} limit ${limit} offset ${skip}`
      : memberCandidates(list.viewer, matching, edge, order.by, limit, skip);
  const total = list.count
    ? `(select count(*) from conversation c where c.tenant_id = $1 and ${visible(list.viewer)} and ${matching})`
    : "null::bigint";

  const flags = `${list.deleted ? "d" : ""}${list.after ? "n" : ""}${list.count ? "q" : ""}`;
  return {
    statement: {
      name: `conversation_list_${list.viewer}_${list.order}_${letters}_${flags}`,
      text: `
  with page as (${candidates}), counted as (select ${total} as total)
  select c.*, counted.total from counted left join (
    select ${conversationColumns} from page join conversation c on c.tenant_id = $1 and c.id = page.id ${conversationJoins}
  ) c on true
  order by ${order.by}`,
    },
    values,
  };
}

/** Walks the two indexes that know a member's conversations, for each member watched, as far as the page needs. */
function memberCandidates(
  viewer: "member" | "manager",
  matching: string,
  edge: string,
  by: string,
  limit: string,
  skip: string,
): string {
  // The index behind a participant is ordered by conversation_id, which is c.id.
  const walk = by.replaceAll("c.id", "p.conversation_id");
  return `
    select c.id from (
      select distinct c.id, c.update_time from (${watchedMembers(viewer)}) watched
      cross join lateral (
        (select c.id, c.update_time from conversation c
         where c.tenant_id = $1 and c.owner_id = watched.id and ${matching} ${edge}
         order by ${by} limit ${limit} + ${skip})
        union all
        (select c.id, c.update_time from participant p
         join conversation c on c.tenant_id = $1 and c.id = p.conversation_id
         where p.tenant_id = $1 and p.member_id = watched.id and ${matching} ${edge} ${edge.replaceAll("c.id", "p.conversation_id")}
         order by ${walk} limit ${limit} + ${skip})
      ) c
    ) c order by ${by} limit ${limit} offset ${skip}`;
}
