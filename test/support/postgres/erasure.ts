// Erasures for tests: to their end without the wait, and a search of everything that the database holds.
import { expect } from "vitest";
import type { ByteStore } from "../../../src/files/byte-store.ts";
import { JobRunner } from "../../../src/jobs/runner.ts";
import type { Database } from "../../../src/store/database.ts";

/**
 * Runs the jobs of a tenant until none goes on but those that legal holds keep, whose number it returns.
 *
 * @param bytes where the bytes of files lie; without it they stay
 * @param timeout in milliseconds, for tenants with much data. Default: as of every poll
 */
export async function runJobs(
  database: Database,
  tenantId: string,
  bytes?: ByteStore,
  timeout?: number,
): Promise<number> {
  const failures: unknown[] = [];
  const runner = new JobRunner({ database, bytes, settleMs: 0, onError: (error) => failures.push(error) });
  const due = `update job set next_time = now() - interval '1 second' where tenant_id = $1 and state = 1 and round < 3`;
  const open = `select count(*)::integer as open, count(*) filter (where round = 3 and state = 1)::integer as held
    from job where tenant_id = $1 and end_time is null`;
  let held = 0;
  await expect
    .poll(
      async () => {
        await database.query({ name: "test_jobs_due", text: due }, [tenantId]);
        await runner.runDue();
        const [row] = await database.query<{ open: number; held: number }>({ name: "test_jobs_open", text: open }, [
          tenantId,
        ]);
        held = row?.held ?? 0;
        return (row?.open ?? 0) - held;
      },
      timeout === undefined ? {} : { timeout },
    )
    .toBe(0);
  expect(failures).toEqual([]);
  return held;
}

/** Lets jobs that wait for legal holds go on now. */
export async function retryHeld(database: Database, tenantId: string): Promise<void> {
  const text = "update job set next_time = now() - interval '1 second' where tenant_id = $1 and state = 1";
  await database.query({ name: "test_jobs_retry", text }, [tenantId]);
}

/** The tables that hold a text in any column, as text or as bytes; of all tenants. */
export async function tablesWith(database: Database, marker: string): Promise<string[]> {
  const names = `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname = current_schema() order by 1`;
  const tables = await database.query<{ name: string }>({ name: "test_tables", text: names }, []);
  const found: string[] = [];
  for (const { name } of tables) {
    const text = `select 1 from "${name}" as searched
      where strpos(searched::text, $1) > 0 or strpos(searched::text, $2) > 0 limit 1 /* test */`;
    const values = [marker, Buffer.from(marker).toString("hex")];
    if ((await database.query({ name: `test_search_${name}`, text }, values)).length > 0) found.push(name);
  }
  return found;
}

/** The tables of whose values PostgreSQL's samples hold a text. */
export async function samplesWith(database: Database, marker: string): Promise<string[]> {
  const text = `select distinct s.tablename as name from pg_catalog.pg_stats s where strpos(s::text, $1) > 0 order by 1`;
  const found = await database.query<{ name: string }>({ name: "test_samples", text }, [marker]);
  return found.map(({ name }) => name);
}
