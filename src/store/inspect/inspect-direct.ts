// Checks the URL that leads past a pooler: its database is suitable, and the one of DATABASE_URL.
import { randomInt } from "node:crypto";
import { unavailable } from "../driver/errors.ts";
import { connect, type Inspection, inspectDatabase } from "./inspect.ts";

/**
 * Returns the problem and how to fix it, in one sentence; undefined: none.
 *
 * @param pooled DATABASE_URL
 * @throws DomainError DATABASE_UNAVAILABLE if the direct URL leads nowhere
 */
export async function inspectDirect(pooled: string, direct: Omit<Inspection, "pooling">): Promise<string | undefined> {
  const problem = await inspectDatabase({ ...direct, pooling: "past" });
  if (problem !== undefined || (await isSameDatabase(direct.url, pooled))) return problem;
  return (
    "leads to another database than DATABASE_URL, so migrations and notifications would be lost on it: " +
    "name the same database on PostgreSQL itself"
  );
}

/**
 * Whether a lock that one session takes is taken for the other: so in the same database only, whatever its addresses
 * are, and whoever may ask for the name of the cluster. True where the pooler is away: migrations go past it.
 */
async function isSameDatabase(direct: string, pooled: string): Promise<boolean> {
  await using holder = await connect(direct);
  const other = await connect(pooled).catch(() => undefined);
  if (other === undefined) return true;
  await using asker = other;
  const values = [randomInt(2 ** 31), randomInt(2 ** 31)];
  try {
    // In a transaction, which ends with the session.
    await holder.client.query("begin");
    await holder.client.query("select pg_catalog.pg_advisory_xact_lock($1::int, $2::int)", values);
    const text = "select pg_catalog.pg_try_advisory_xact_lock($1::int, $2::int) as taken";
    return !(await asker.client.query(text, values)).rows[0].taken;
  } catch (error) {
    throw unavailable(error);
  }
}
