// The state of the list, as the address has it: plain names and values.
import type { Unread } from "../app/address.ts";

const ORDERS = ["activity", "newest", "oldest"] as const;
const STATUSES = ["active", "archived", "closed"] as const;
const CALLS = ["inbound", "outbound", "training"] as const;

export interface ListSearch {
  /** Words to search for in all messages. */
  readonly q?: string;
  /** Default: by latest activity. */
  readonly order?: (typeof ORDERS)[number];
  readonly status?: (typeof STATUSES)[number];
  readonly call?: (typeof CALLS)[number];
  readonly owner?: string;
  readonly participant?: string;
  readonly agent?: string;
  readonly entityType?: string;
  readonly entityId?: string;
  readonly mode?: string;
  /** Created in this period, or in a search sent in it: instants in ISO 8601. */
  readonly from?: string;
  readonly to?: string;
  /** As `name=value, name=value`. */
  readonly labels?: string;
  readonly metadata?: string;
  readonly pinned?: "yes";
  readonly deleted?: "yes";
}

const TEXTS = [
  "q",
  "owner",
  "participant",
  "agent",
  "entityType",
  "entityId",
  "mode",
  "from",
  "to",
  "labels",
  "metadata",
] as const;

/** Leaves out what is unknown or cannot hold. */
export function readListSearch(raw: Record<string, unknown>): ListSearch {
  const texts = TEXTS.flatMap((name) => {
    const value = raw[name];
    return typeof value === "string" && value !== "" && isSound(name, value) ? [[name, value] as const] : [];
  });
  return {
    ...Object.fromEntries(texts),
    ...oneOf("order", raw.order, ORDERS),
    ...oneOf("status", raw.status, STATUSES),
    ...oneOf("call", raw.call, CALLS),
    ...oneOf("pinned", raw.pinned, ["yes"] as const),
    ...oneOf("deleted", raw.deleted, ["yes"] as const),
  };
}

/** Whether a filter can hold: one that cannot would be counted, and filter nothing. */
function isSound(name: (typeof TEXTS)[number], value: string): boolean {
  if (name === "from" || name === "to") return !Number.isNaN(Date.parse(value));
  return (name !== "labels" && name !== "metadata") || readPairs(value) !== undefined;
}

function oneOf<N extends string, T extends string>(name: N, value: unknown, words: readonly T[]): { [K in N]?: T } {
  const word = words.find((one) => one === value);
  return word === undefined ? {} : ({ [name]: word } as { [K in N]?: T });
}

/** The filters that hold, without the search and the order. A search finds nothing deleted. */
export function countFilters({ q, order: _order, deleted, unread: _, ...filters }: ListSearch & Unread): number {
  return (
    Object.values(filters).filter((value) => value !== undefined).length +
    (deleted !== undefined && q === undefined ? 1 : 0)
  );
}

/** `team=support, tier=gold` as a map. Undefined: it is not of this form. */
export function readPairs(text: string): Record<string, string> | undefined {
  const pairs = text
    .split(",")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map((pair) => [pair.slice(0, Math.max(0, pair.indexOf("="))).trim(), pair.slice(pair.indexOf("=") + 1).trim()]);
  return pairs.some(([name]) => name === "") ? undefined : Object.fromEntries(pairs);
}
