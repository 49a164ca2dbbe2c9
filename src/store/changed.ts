// Which rows have changed since a moment: what lets pages go on in an order that changes, without a row being skipped.

/** What was visible at a moment, as two parameters of statements: transactions as rows keep them, in 32 bits. */
export interface Moment {
  /** The first transaction that had not begun. */
  readonly next: bigint;
  /** Those before it that were under way. */
  readonly running: readonly bigint[];
}

/** The moment of the statement, as {@link readMoment} takes it. */
export const MOMENT = "pg_current_snapshot()::text";

const MASK = 0xffff_ffffn;

/** Reads a `pg_snapshot`: `xmin:xmax:xip,xip…` (PostgreSQL manual, 9.27.9). */
export function readMoment(text: string): Moment {
  const [, next = "0", running = ""] = text.split(":");
  const ids = running === "" ? [] : running.split(",");
  return { next: BigInt(next) & MASK, running: ids.map((id) => BigInt(id) & MASK) };
}

/** A condition on a row of table `t`: it was not there as it is now. Its parameters are those of a {@link Moment}. */
export function changedSince(t: string, next: string, running: string): string {
  const writer = `${t}.xmin::text::bigint`;
  // Transactions are counted modulo 2^32: of two the later is the one that lies less than half of that ahead.
  return `(((${writer} - ${next}::bigint) & 4294967295) < 2147483648 or ${writer} = any(${running}::bigint[]))`;
}
