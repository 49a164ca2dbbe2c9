// What clusters of others did: each on the run's cluster, in a database of its own.
import { randomBytes, randomUUID } from "node:crypto";
import { afterEach, expect, inject, test } from "vitest";
import type { Database, Statement } from "../../src/store/database.ts";
import { addTenant, tenantOfSlug } from "../../src/store/directory/tenants.ts";
import { migrate } from "../../src/store/migrate.ts";
import {
  administer,
  createTestDatabase,
  statementName,
  type TestDatabase,
  urlOf,
} from "../support/postgres/postgres.ts";

let own: TestDatabase;
afterEach(() => own.drop());

const workers = () => (inject("postgresWorkers") ?? []).map((url) => urlOf(url, own.name));
const statementOf = <Row>(text: string, changes = false): Statement<Row> => ({
  name: statementName(text),
  text,
  changes,
});

async function newTenant(database: Database, slug: string): Promise<string> {
  const id = randomUUID();
  expect(await addTenant(database, { id, slug, name: "", secret: randomBytes(32) })).toBe(true);
  return id;
}

test("F-CITUS-MIGRATED a database that has just made and distributed its tables goes on with them", async () => {
  own = await createTestDatabase("template0");
  for (const url of [own.url, ...workers()]) await administer(url, "create extension citus");
  for (const url of [own.url, ...workers()]) {
    const { hostname, port } = new URL(url);
    const add = url === own.url ? "citus_set_coordinator_host" : "citus_add_node";
    await administer(own.url, `select ${add}('${hostname}', ${port})`);
  }
  const database = await own.open();
  expect(await migrate(database)).toContain("distribution of message");
  const id = await newTenant(database, "one");
  expect(await tenantOfSlug(database, "one")).toBe(id);
});

test("F-CITUS-READ-ONLY a worker that takes no changes costs other tenants no connection", async () => {
  own = await createTestDatabase();
  const database = await own.open({ poolSize: 4 });
  const tenants = [];
  for (let count = 0; count < 8; count++) tenants.push(await newTenant(database, `t-${count}`));
  const place = statementOf<{ port: number }>(`select n.nodeport as port from pg_dist_placement p
    join pg_dist_node n using (groupid) where p.shardid = get_shard_id_for_distribution_column('tenant', $1::uuid)`);
  const ports = [];
  for (const tenant of tenants) ports.push((await database.query(place, [tenant]))[0]?.port);
  const port = String(ports[0]);
  const url = workers().find((worker) => new URL(worker).port === port) ?? "";
  await administer(
    url,
    `set citus.enable_ddl_propagation = off; alter database ${own.name} set default_transaction_read_only = on`,
  );
  database.renew();

  const session = statementOf<{ pid: number }>("select pg_backend_pid() as pid, pg_sleep(0.2) is null as slept");
  const sessions = async () => {
    const rows = await Promise.all(Array.from({ length: 4 }, () => database.query(session, [])));
    return new Set(rows.map(([row]) => row?.pid));
  };
  const change = statementOf("update tenant set name = name where id = $1", true);
  const before = await sessions();
  expect(before.size).toBe(4);
  await expect(database.query(change, [tenants[0]])).rejects.toThrow("the database takes no changes at the moment");
  const kept = [...(await sessions())].filter((pid) => before.has(pid));
  expect(kept).toHaveLength(3);
  const other = tenants[ports.findIndex((of) => String(of) !== port)];
  expect(await database.query(change, [other])).toEqual([]);
});
