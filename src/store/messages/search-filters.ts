// By what else than its words a search selects messages: when they were sent, and what their conversation is like.

export interface SearchFilters {
  /** Sent at this time or later. */
  readonly start?: Date;
  /** Sent before this time. */
  readonly end?: Date;
  readonly status?: number;
  readonly callType?: number;
  readonly ownerId?: string;
  readonly participantId?: string;
  readonly agent?: string;
  readonly entityType?: string;
  readonly entityId?: string;
  readonly mode?: string;
  readonly pinned?: boolean;
  /** Has all of these. At least one. */
  readonly metadata?: Readonly<Record<string, string>>;
}

type Condition = readonly [type: string, condition: (value: string) => string];

/** Of message `m` in conversation `c`. */
const CONDITIONS: { readonly [F in keyof Required<SearchFilters>]: Condition } = {
  start: ["timestamptz", (value) => `m.create_time >= ${value}`],
  end: ["timestamptz", (value) => `m.create_time < ${value}`],
  status: ["smallint", (value) => `c.status = ${value}`],
  callType: ["smallint", (value) => `c.call_type = ${value}`],
  ownerId: ["text", (value) => `c.owner_id = ${value}`],
  participantId: [
    "text",
    (value) => `exists (select from participant f
        where f.tenant_id = $1 and f.conversation_id = c.id and f.member_id = ${value} offset 0)`,
  ],
  agent: ["text", (value) => `c.agent = ${value}`],
  entityType: ["text", (value) => `c.entity_type = ${value}`],
  entityId: ["text", (value) => `c.entity_id = ${value}`],
  mode: ["text", (value) => `c.mode = ${value}`],
  pinned: ["boolean", (value) => `c.pinned = ${value}`],
  metadata: ["jsonb", (value) => `c.metadata @> ${value}`],
};

const NAMES = Object.keys(CONDITIONS) as (keyof SearchFilters)[];

/**
 * The condition, whose parameters are numbered from `first`: whether there are filters, then one for each, null where it
 * is not set. Within CASE PostgreSQL takes it to hold for every other row, whatever it asks. So the words' index always
 * comes first, as in a search without filters, which pays nothing for them.
 */
export function searchFilter(first: number): string {
  const parts = NAMES.map((name, index) => {
    const [type, condition] = CONDITIONS[name];
    const value = `$${first + 1 + index}::${type}`;
    return `(${value} is null or ${condition(value)})`;
  });
  return `case when $${first}::boolean then ${parts.join(" and ")} else true end`;
}

/** The values of the parameters. */
export function filterValues(filters: SearchFilters): unknown[] {
  const values = NAMES.map((name) => {
    const value = filters[name];
    return typeof value === "object" && !(value instanceof Date) ? JSON.stringify(value) : (value ?? null);
  });
  return [values.some((value) => value !== null), ...values];
}
