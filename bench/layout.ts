// What lies in the seeded database, so that the seeding, the peers and the load agree on it.

/** How much there is of everything. */
export interface Sizes {
  readonly name: "quick" | "whole";
  readonly tenants: number;
  /** Conversations of the tenant that is measured, each with {@link MESSAGES_EACH} messages. */
  readonly conversations: number;
  /** Messages of the one long conversation. */
  readonly long: number;
  /** Conversations of the large tenant, and of the one member in it that owns many. */
  readonly large: number;
  readonly owned: number;
}

/** Tenants of the smallest sizes. */
export const FEWEST_TENANTS = 20;

export const SIZES: Readonly<Record<Sizes["name"], Sizes>> = {
  quick: { name: "quick", tenants: FEWEST_TENANTS, conversations: 1_000, long: 100_000, large: 20_000, owned: 10_000 },
  // 120,000 conversations and 2 million messages in all.
  whole: { name: "whole", tenants: 200, conversations: 20_000, long: 1_000_000, large: 100_000, owned: 50_000 },
};

export const MESSAGES_EACH = 50;
export const CONTENT_BYTES = 120;

/**
 * An id that a number makes, in the form of a UUIDv7. `kind` keeps those of tenants, conversations and messages apart.
 */
export function idOf(kind: "tenant" | "conversation" | "large" | "small", n: number): string {
  const kinds = { tenant: "7000-8000-0", conversation: "7000-8000-1", large: "7000-8000-2", small: "7000-8000-3" };
  return `01890000-0000-${kinds[kind]}${n.toString(16).padStart(11, "0")}`;
}

/** The tenant that is measured, and the member that owns its conversations. */
export const TENANT = idOf("tenant", 1);
export const MEMBER = "ada";
/** The long conversation is number 0 of that tenant. */
export const LONG = idOf("conversation", 0);
/** The conversation into which everybody writes. */
export const HOT = idOf("conversation", 1);
export const LARGE_TENANT = idOf("tenant", 2);
export const SMALL_TENANT = idOf("tenant", 3);
/** Conversations of the small tenant. */
export const SMALL = 100;
/** The tenant into which is imported; it is emptied afterwards. */
export const IMPORT_TENANT = idOf("tenant", 4);
