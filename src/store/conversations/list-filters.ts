// By what lists of conversations are filtered: each filter with its condition.
import type { Deleted } from "../../domain/lists/deleted.ts";
import { ONE_BY_ONE, SHOWN, type ViewerKind, watchedMembers } from "../visibility.ts";

export interface ConversationFilters {
  readonly status?: number;
  readonly callType?: number;
  readonly ownerId?: string;
  readonly participantId?: string;
  readonly creator?: string;
  readonly agent?: string;
  readonly entityType?: string;
  readonly entityId?: string;
  readonly mode?: string;
  /** Created at this time or later. */
  readonly start?: Date;
  /** Created before this time. */
  readonly end?: Date;
  readonly pinned?: boolean;
  /** As the calling member has set it for itself. */
  readonly pinnedByMe?: boolean;
  readonly archivedByMe?: boolean;
  readonly mutedByMe?: boolean;
  readonly number?: bigint;
  readonly clientId?: string;
  /** Its owner or a participant. */
  readonly memberId?: string;
  /** Owned by one of the members whose conversations the viewer sees. */
  readonly ownedOnly?: true;
  /** Made for turns that named none, in place of all others. */
  readonly unlisted?: boolean;
  /** Has all of these. At least one. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Its metadata has all of these. At least one. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const takesPart = (p: string, fence: string) => `exists (select from participant f
      where f.tenant_id = $1 and f.conversation_id = c.id and f.member_id = ${p}::text ${fence})`;

/** Whether the view of the caller `$2`, who may take no part, has something. */
const inMyView = (condition: string) => (p: string, fence: string) =>
  `exists (select from participant f
      where f.tenant_id = $1 and f.conversation_id = c.id and f.member_id = $2::text and ${condition} ${fence}) = ${p}::boolean`;

/**
 * Each filter with a value: its condition on conversation `c`, and a letter for the statement's name. `fence` keeps
 * PostgreSQL from evaluating it for all conversations of the tenant at once: empty, or `ONE_BY_ONE`.
 */
const conditions: {
  [K in keyof Required<Omit<ConversationFilters, "ownedOnly" | "unlisted">>]: readonly [
    letter: string,
    sql: (p: string, fence: string) => string,
  ];
} = {
  status: ["s", (p) => `c.status = ${p}::smallint`],
  callType: ["c", (p) => `c.call_type = ${p}::smallint`],
  ownerId: ["o", (p) => `c.owner_id = ${p}::text`],
  participantId: ["p", takesPart],
  creator: ["r", (p) => `c.creator = ${p}::text`],
  agent: ["a", (p) => `c.agent = ${p}::text`],
  entityType: ["t", (p) => `c.entity_type = ${p}::text`],
  entityId: ["e", (p) => `c.entity_id = ${p}::text`],
  mode: ["f", (p) => `c.mode = ${p}::text`],
  start: ["g", (p) => `c.create_time >= ${p}::timestamptz`],
  end: ["h", (p) => `c.create_time < ${p}::timestamptz`],
  pinned: ["k", (p) => `c.pinned = ${p}::boolean`],
  pinnedByMe: ["x", inMyView(`f.view @> '{"pinned": true}'`)],
  archivedByMe: ["y", inMyView(`f.view @> '{"archived": true}'`)],
  mutedByMe: ["z", inMyView(`(f.view ->> 'muted_until')::bigint > extract(epoch from now()) * 1000`)],
  number: ["n", (p) => `c.number = ${p}::bigint`],
  // Few have it, one for each owner: they are found first, by its index.
  clientId: [
    "i",
    (p) => `c.id = any (array(select k.id from conversation k where k.tenant_id = $1 and k.client_id = ${p}::text))`,
  ],
  memberId: ["m", (p, fence) => `(c.owner_id = ${p}::text or ${takesPart(p, fence)})`],
  // Within coalesce PostgreSQL takes it to hold for every other row. Bare, it would take it for rare, gather all that a
  // member has, and sort.
  labels: ["l", (p) => `coalesce(c.labels @> ${p}::jsonb, false)`],
  metadata: ["d", (p) => `coalesce(c.metadata @> ${p}::jsonb, false)`],
};

export interface FilteredList {
  readonly viewer: ViewerKind;
  readonly deleted: Deleted;
  readonly filters: ConversationFilters;
}

/**
 * The parameters of the filters that a list has, letters for its statement's name, and its condition on conversation
 * `c`.
 */
export function composeFilters({ viewer, deleted, filters }: FilteredList, parameter: (value: unknown) => string) {
  const isShown = SHOWN[deleted][1]("c");
  const [matching, oneByOne] = [[isShown], [isShown]];
  const places: Partial<Record<keyof ConversationFilters, string>> = {};
  let letters = "";
  for (const [name, [letter, sql]] of Object.entries(conditions)) {
    const value = filters[name as keyof ConversationFilters];
    if (value === undefined) continue;
    const place = parameter(typeof value === "object" && !(value instanceof Date) ? JSON.stringify(value) : value);
    places[name as keyof ConversationFilters] = place;
    letters += letter;
    matching.push(sql(place, ""));
    oneByOne.push(sql(place, ONE_BY_ONE));
  }
  const more = [filters.unlisted ? "c.unlisted" : "not c.unlisted"];
  if (filters.ownedOnly && viewer !== "tenant") more.push(`c.owner_id in (${watchedMembers(viewer)})`);
  letters += `${filters.ownedOnly ? "w" : ""}${filters.unlisted ? "u" : ""}`;
  return {
    letters,
    places,
    matching: [...matching, ...more].join(" and "),
    oneByOne: [...oneByOne, ...more].join(" and "),
  };
}
