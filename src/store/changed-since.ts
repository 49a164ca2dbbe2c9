// Finds rows that have changed since a moment, so that pages in a changing order skip no row.

/** A snapshot as two parameters of statements, with transaction ids in 32 bits as in rows. */
export interface Moment {
  /** The first transaction id that was not assigned yet. */
  readonly next: bigint;
  /** Running transactions before it. */
  readonly running: readonly bigint[];
}

const OLDEST_RUNNING = "pg_snapshot_xmin(pg_current_snapshot())::text";

/**
 * The snapshot of a statement, for {@link readMoment}. A standby leaves running transactions out of it: there,
 * everything since the oldest of them counts as later.
 */
export const MOMENT = `case when pg_is_in_recovery() then ${OLDEST_RUNNING} || ':' || ${OLDEST_RUNNING} || ':'
    else pg_current_snapshot()::text end`;

const MASK = 0xffff_ffffn;

/** Parses a `pg_snapshot`: `xmin:xmax:xip,xip…` (PostgreSQL manual, 9.27.9). */
export function readMoment(text: string): Moment {
  const [, next = "0", running = ""] = text.split(":");
  const ids = running === "" ? [] : running.split(",");
  return { next: BigInt(next) & MASK, running: ids.map((id) => BigInt(id) & MASK) };
}

/** A condition on a row of table `t`: it has changed since. The parameters are those of a {@link Moment}. */
export function changedSince(t: string, next: string, running: string): string {
  const writer = `${t}.xmin::text::bigint`;
  // Transaction ids wrap at 2^32: the later of two is the one less than half of that ahead.
  return `(((${writer} - ${next}::bigint) & 4294967295) < 2147483648 or ${writer} = any(${running}::bigint[]))`;
}
