// F-UPGRADE: what users of other products reported about migrations beside servers that go on, tried on ours.
import pg from "pg";
import { expect, test } from "vitest";
import { ErrorReason } from "../../src/domain/errors.ts";
import { type LockHolder, migrate, migrationState } from "../../src/store/migrate.ts";
import { SCHEMA } from "../../src/store/schema.ts";
import { schemaWith } from "../support/postgres/old-schema.ts";
import { administer, createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";

const NEXT = "9999-next";
const next = () => schemaWith(NEXT, ["create table made (id int)", "alter table message add column made int"]);

/** A session that has read a table and has not ended its transaction, as an export or a forgotten one. */
async function reader(database: TestDatabase) {
  const session = new pg.Client({ connectionString: database.url, application_name: "pg_dump" });
  await session.connect();
  await session.query("begin");
  await session.query("select count(*) from message");
  return session;
}

// alphaonedev/ai-memory-mcp#2614, sandbox-quantum/switch#457, OpenAEV-Platform/openaev#6780: one reader, and all
// waited.
test("calls go on while a migration waits for a table that somebody keeps locked", async () => {
  await using database = await createTestDatabase();
  const session = await reader(database);
  const server = await database.open();
  const read = () => server.query({ name: "calls_go_on", text: "/* test */ select count(*) from message" }, []);
  const waits: Array<LockHolder | undefined> = [];
  const migrating = migrate(await database.open({ schema: next() }), {
    lockMs: 50,
    pauseMs: 50,
    onWait: (holder) => waits.push(holder),
  });
  // Each of these would wait for the reader, were the migration to wait for it.
  await expect.poll(() => waits.length, { timeout: 45_000 }).toBeGreaterThan(0);
  for (let i = 0; i < 20; i++) await read();
  expect(waits[0]).toMatchObject({ name: "pg_dump" });
  await session.query("commit");
  await session.end();
  expect(await migrating).toEqual([NEXT]);
});

// keycloak/keycloak#35290, sourcegraph/sourcegraph-public-snapshot#4208: what timed out was half there.
test("a migration that gives up has changed nothing, says who is in the way, and may be run again", async () => {
  await using database = await createTestDatabase();
  const session = await reader(database);
  const opened = await database.open({ schema: next() });
  await expect(migrate(opened, { lockMs: 50, pauseMs: 1, patienceMs: 0 })).rejects.toMatchObject({
    reason: ErrorReason.OVERLOADED,
    message: expect.stringMatching(
      /^a table stays locked by the session with the pid \d+ \(pg_dump\), in a transaction since \S+: end it, or migrate later; nothing has been changed$/,
    ),
  });
  expect(await migrationState(opened)).toEqual({ pending: [NEXT], unknown: [], undistributed: [] });
  expect(await administer(database.url, "select to_regclass('made') as made")).toEqual([{ made: null }]);
  await session.end();
  expect(await migrate(opened)).toEqual([NEXT]);
});

// DataBiosphere/jade-data-repo#153, OpenAEV-Platform/openaev#6780: a pod that is killed as it migrates kept the others
// out.
test("a server that was killed as it migrated leaves no lock behind", async () => {
  await using database = await createTestDatabase();
  const killed = new pg.Client({ connectionString: database.url });
  killed.on("error", () => {});
  await killed.connect();
  await killed.query("begin");
  await killed.query("select pg_advisory_xact_lock(4874051, 3)");
  await killed.query("create table made (id int)");
  const migrating = migrate(await database.open({ schema: next() }));
  const { rows } = await killed.query("select pg_backend_pid() as pid");
  await administer(database.url, `select pg_terminate_backend(${rows[0].pid})`);
  expect(await migrating).toEqual([NEXT]);
});

// windmill-labs/windmill#5301, coder/coder#14248: the old release, back again, on tables of the next one.
test("a server of the old release goes on beside the next one's tables", async () => {
  await using database = await createTestDatabase();
  const old = await database.open();
  await migrate(await database.open({ schema: next() }));
  expect(await migrationState(old)).toEqual({ pending: [], unknown: [NEXT], undistributed: [] });
  const [row] = await old.query<{ count: bigint }>(
    { name: "old_goes_on", text: "/* test */ select count(*) as count from message" },
    [],
  );
  expect(row).toEqual({ count: 0n });
  expect(SCHEMA.migrationNames).not.toContain(NEXT);
});
