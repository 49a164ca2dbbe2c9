// Which statements wait for a lock: on a Citus cluster they do on a node, where the coordinator's own view does not show it.
import type { Database } from "../../../src/store/database.ts";
import { onCitus, statementName } from "./postgres.ts";

const ON_ONE =
  "select s.pid, s.query from pg_stat_activity s where s.datname = current_database() and s.wait_event_type = 'Lock'";
/** One statement may wait for several. */
const ON_NODES = `select distinct s.pid, w.blocked_statement as query from citus_lock_waits w
  join citus_stat_activity s on s.global_pid = w.waiting_gpid and not s.is_worker_query
  where s.datname = current_database()`;

/**
 * Sessions of this database that wait for a lock in a statement like `pattern`, of SQL's ILIKE. Not to be asked in a
 * transaction: PostgreSQL looks once for each.
 */
export async function lockWaits(on: Database, pattern = "%"): Promise<number[]> {
  const text = `select w.pid from (${onCitus() ? ON_NODES : ON_ONE}) w where w.query ilike $1`;
  return (await on.query({ name: statementName(text), text }, [pattern])).map((row) => (row as { pid: number }).pid);
}
