// Tables of a database with Citus are distributed by `migrate`, with their rows, or it says what must be changed first.
import { randomBytes, randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { listConversations } from "../../src/store/conversations/list-statement.ts";
import type { Database } from "../../src/store/database.ts";
import { addTenant, tenantOfSlug } from "../../src/store/directory/tenants.ts";
import { migrate, migrationScript } from "../../src/store/migrate.ts";
import { undistributed } from "../../src/store/sharding/distribute.ts";
import { administer, createTestDatabase, statementName, type TestDatabase } from "../support/postgres/postgres.ts";

/** With keys between them, and to the tenant. $1 the tenant. */
const ROWS = [
  "insert into member (tenant_id, id, role) values ($1, 'ada', 2)",
  `insert into conversation (tenant_id, id, owner_id, creator, last_seq)
   select $1, md5(n::text)::uuid, 'ada', 'ada', 10 from generate_series(1, 20) n`,
  `insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
   select $1, md5(c::text)::uuid, m, md5(c || ':' || m)::uuid, 1, 'ada', 'words ' || m
   from generate_series(1, 20) c, generate_series(1, 10) m`,
  `insert into message_tally (tenant_id, conversation_id, seq)
   select tenant_id, conversation_id, seq from message where tenant_id = $1`,
  `insert into participant (tenant_id, conversation_id, member_id, join_seq)
   select tenant_id, id, 'ada', 0 from conversation where tenant_id = $1`,
];

const PAGE = { order: "newest", deleted: "exclude", filters: {}, skip: 0, limit: 20, count: true } as const;

describe("a Citus cluster", () => {
  let own: TestDatabase;
  let database: Database;
  const tenant = randomUUID();

  beforeAll(async () => {
    own = await createTestDatabase("template0");
    database = await own.open();
  });
  afterAll(() => own.drop());

  const rowsOf = (on: Database) =>
    Promise.all(
      ["member", "conversation", "message", "message_tally", "participant"].map(async (table) => {
        const text = `select count(*) from ${table} where tenant_id = $1`;
        return (await on.query<{ count: bigint }>({ name: statementName(text), text }, [tenant])).map(
          ({ count }) => count,
        );
      }),
    );

  const onWorkers = () => (inject("postgresWorkers") ?? []).map((url) => url.replace(/\/postgres$/, `/${own.name}`));

  test("a database without the extension stays on one node", async () => {
    await migrate(database);
    expect(await undistributed(database)).toEqual([]);
    await addTenant(database, { id: tenant, slug: "one", name: "", secret: randomBytes(32) });
    for (const text of ROWS) await database.query({ name: statementName(text), text }, [tenant]);
  });

  test("one with the extension and without nodes stays so, too", async () => {
    await administer(own.url, "create extension citus");
    expect(await migrate(database)).toEqual([]);
    expect(await migrationScript(database, "public")).toBe("");
    expect(await tenantOfSlug(database, "one")).toBe(tenant);
  });

  test("F-CITUS-DATA F-CITUS-TRIGGERS rows are distributed where they are, and another run has nothing to do", async () => {
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
    expect(await rowsOf(fresh)).toEqual([[1n], [20n], [200n], [200n], [20n]]);
    // What a trigger kept right is counted without it.
    const { statement, values } = listConversations({ ...PAGE, viewer: "member" });
    const [first] = await fresh.query(statement, [tenant, "ada", ...values]);
    expect(first?.total).toBe(20n);
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
