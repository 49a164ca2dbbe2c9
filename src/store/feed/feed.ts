// The feed of a tenant: the changes of all its conversations in one order, for subscriptions to all conversations.
import type { Database, Queryable } from "../database.ts";
import * as sql from "./statements.ts";

export { type FeedNotice, noticeEntry } from "./notices.ts";
export { FEED_DAYS, type FeedRow } from "./statements.ts";

/**
 * Adds new entries of the tenant's logs to its feed, and returns the feed's last position. Several servers may do so at
 * once: each change is added once.
 * @param conversationIds which logs to check; undefined: all
 */
export function advanceFeed(
  database: Database,
  tenantId: string,
  conversationIds: readonly string[] | undefined,
): Promise<bigint> {
  return database.transaction(undefined, (tx) => advanceFeedWithin(tx, tenantId, conversationIds));
}

/** The conversations whose logs have grown, of which there may be thousands. The feed is not locked meanwhile. */
export async function grownLogs(on: Queryable, tenantId: string): Promise<string[]> {
  const rows = await on.query(sql.grownLogs, [tenantId]);
  return rows.map(({ id }) => id);
}

/** Adds what {@link grownLogs} has found, and deletes old rows. */
export function advanceGrown(database: Database, tenantId: string, grown: readonly string[]): Promise<bigint> {
  return database.transaction(undefined, async (tx) => {
    const position = await advanceFeedWithin(tx, tenantId, grown);
    await tx.query(sql.trimFeed, [tenantId]);
    return position;
  });
}

/**
 * The same in a transaction, which has the feed to itself from then on. All logs are looked up before: of many that takes
 * long, and nobody waits for it. What grows meanwhile comes after the position that is returned.
 */
export async function advanceFeedWithin(
  tx: Queryable,
  tenantId: string,
  conversationIds: readonly string[] | undefined,
): Promise<bigint> {
  if (conversationIds !== undefined) return addToFeed(tx, tenantId, conversationIds);
  for (;;) {
    const grown = await grownLogs(tx, tenantId);
    const position = await addToFeed(tx, tenantId, grown);
    if (grown.length < sql.MAX_GROWN) {
      await tx.query(sql.trimFeed, [tenantId]);
      return position;
    }
  }
}

async function addToFeed(tx: Queryable, tenantId: string, conversationIds: readonly string[]): Promise<bigint> {
  const [there] = await tx.query(sql.lockFeed, [tenantId]);
  if (there === undefined) {
    const [made] = await tx.query(sql.makeFeed, [tenantId]);
    await tx.query(sql.lockFeed, [tenantId]);
    if (made) {
      await tx.query(sql.beginFeed, [tenantId]);
      return made.position;
    }
  }
  const [row] = await tx.query(sql.advanceFeed, [tenantId, conversationIds]);
  return row?.position ?? 0n;
}

/** Rows from a position, in order. */
export function readFeed(on: Queryable, tenantId: string, from: bigint, limit: number): Promise<sql.FeedRow[]> {
  return on.query(sql.readFeed, [tenantId, from, limit]);
}

/** The range of valid cursors of the feed. */
export async function feedBounds(
  on: Queryable,
  tenantId: string,
): Promise<{ readonly position: bigint; readonly trimmed: bigint }> {
  const [row] = await on.query(sql.feedState, [tenantId]);
  return row ?? { position: 0n, trimmed: 0n };
}
