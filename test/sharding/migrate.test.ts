// Tables of a database with Citus are distributed by `migrate`, with their rows, or it says what must be changed first.
import { randomBytes, randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { Database } from "../../src/store/database.ts";
import { addTenant, tenantOfSlug } from "../../src/store/directory/tenants.ts";
import { migrate, migrationScript } from "../../src/store/migrate.ts";
import { undistributed } from "../../src/store/sharding/distribute.ts";
import { administer, createTestDatabase, type TestDatabase } from "../support/postgres.ts";

describe("a Citus cluster", () => {
  let own: TestDatabase;
  let database: Database;
  const tenant = randomUUID();

  beforeAll(async () => {
    own = await createTestDatabase("template0");
    database = await own.open();
  });
  afterAll(() => own.drop());

  const onWorkers = () => (inject("postgresWorkers") ?? []).map((url) => url.replace(/\/postgres$/, `/${own.name}`));

  test("a database without the extension stays on one node", async () => {
    await migrate(database);
    expect(await undistributed(database)).toEqual([]);
    await addTenant(database, { id: tenant, slug: "one", name: "", secret: randomBytes(32) });
  });

  test("one with the extension and without nodes stays so, too", async () => {
    await administer(own.url, "create extension citus");
    expect(await migrate(database)).toEqual([]);
    expect(await migrationScript(database, "public")).toBe("");
    expect(await tenantOfSlug(database, "one")).toBe(tenant);
  });

  test("rows are distributed where they are, and another run has nothing to do", async () => {
    for (const url of onWorkers()) await administer(url, "create extension citus");
    for (const url of [own.url, ...onWorkers()]) {
      const { hostname, port } = new URL(url);
      const add = url === own.url ? "citus_set_coordinator_host" : "citus_add_node";
      await administer(own.url, `select ${add}('${hostname}', ${port})`);
    }
    await administer(own.url, `alter database ${own.name} set citus.shard_replication_factor = 2`);
    await expect(migrate(await own.open())).rejects.toThrow("citus.shard_replication_factor is 2: set it to 1");
    await administer(own.url, `alter database ${own.name} reset citus.shard_replication_factor`);
    const server = new pg.Client({ connectionString: own.url, application_name: "colloquy hints" });
    await server.connect();
    await expect(migrate(database)).rejects.toThrow("a server is connected");
    await server.end();
    expect(await tenantOfSlug(database, "one")).toBe(tenant);
    const done = await migrate(database);
    expect(done).toContain("distribution of message");
    const fresh = await own.open();
    expect(await undistributed(fresh)).toEqual([]);
    expect(await migrate(fresh)).toEqual([]);
    expect(await tenantOfSlug(fresh, "one")).toBe(tenant);
    // One group: all rows of a tenant are on one node.
    const [row] = await administer(
      own.url,
      "select count(distinct colocationid)::integer as groups from pg_dist_partition where partmethod = 'h'",
    );
    expect(row?.groups).toBe(1);
  });

  test("a slug is taken once in the whole cluster", async () => {
    const fresh = await own.open();
    expect(await addTenant(fresh, { id: randomUUID(), slug: "one", name: "", secret: randomBytes(32) })).toBe(false);
  });

  test("a worker is refused", async () => {
    const [url = ""] = onWorkers();
    const worker = await own.open({ url });
    await expect(migrate(worker)).rejects.toThrow("this is a worker of a Citus cluster: name its coordinator");
  });
});
