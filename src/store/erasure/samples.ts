// PostgreSQL plans by samples of a table's values, which outlive the rows: after an erasure they are taken anew.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Database, Statement } from "../database.ts";

const TABLES = `
  select quote_ident(c.relname) as name from pg_catalog.pg_class c
  where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
    and exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')`;

/** Those with samples; the others have none to forget. Where tables are distributed, each node knows its own alone. */
const sampledTables: Statement<{ name: string }> = {
  name: "erasure_sampled_tables",
  text: `${TABLES}
    and exists (select from pg_catalog.pg_stats s where s.schemaname = current_schema() and s.tablename = c.relname)
  order by 1`,
  sharded: `${TABLES}
  order by 1`,
};

/**
 * Has PostgreSQL take the samples of all tables with a tenant anew, from at most some 30,000 rows of each. It leaves out
 * a table that another command keeps locked for maintenance, and those that the server's role does not own.
 */
export async function takeSamplesAnew(database: Database, signal?: Interrupt): Promise<void> {
  for (const { name } of await database.query(sampledTables, [], signal)) {
    await database.query({ name: `analyze_${name}`, text: `analyze (skip_locked) ${name}` }, [], signal);
  }
}
