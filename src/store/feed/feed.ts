// The feed of a tenant: the changes of all its conversations in one order, for those who follow more than one.
import type { Database, Queryable } from "../database.ts";
import * as sql from "./statements.ts";

export { FEED_DAYS, type FeedRow } from "./statements.ts";

/**
 * Puts what is new in the tenant's logs into its feed, and answers the feed's last position. Any number of servers may
 * do so at once: each change gets one place.
 * @param conversationIds where to look; undefined: everywhere
 */
export function advanceFeed(
  database: Database,
  tenantId: string,
  conversationIds: readonly string[] | undefined,
): Promise<bigint> {
  return database.transaction(undefined, async (tx) => {
    const [made] = await tx.query(sql.makeFeed, [tenantId]);
    await tx.query(sql.lockFeed, [tenantId]);
    if (made) {
      await tx.query(sql.beginFeed, [tenantId]);
      return made.position;
    }
    if (conversationIds === undefined) await tx.query(sql.trimFeed, [tenantId]);
    const [row] = await tx.query(sql.advanceFeed, [tenantId, conversationIds ?? null]);
    return row?.position ?? 0n;
  });
}

/** Rows from a position on, in order. */
export function readFeed(on: Queryable, tenantId: string, from: bigint, limit: number): Promise<sql.FeedRow[]> {
  return on.query(sql.readFeed, [tenantId, from, limit]);
}

/** The positions between which a cursor of the feed must be. */
export async function feedBounds(
  on: Queryable,
  tenantId: string,
): Promise<{ readonly position: bigint; readonly trimmed: bigint }> {
  const [row] = await on.query(sql.feedState, [tenantId]);
  return row ?? { position: 0n, trimmed: 0n };
}
