// Upgrades: every schema that a release has left comes to the current one with its data, and servers go on while the
// next one comes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { migrate, migrationState } from "../../src/store/migrate.ts";
import { MIGRATION_NAMES } from "../../src/store/migrations/names.ts";
import { openDatabase } from "../../src/store/open-database.ts";
import { addOldTenant, migrateTo, type OldTenant, schemaWith } from "../support/postgres/old-schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { runColloquy } from "../support/servers/process.ts";
import { startOwnApp } from "./stage/app.ts";
import { tablesAt } from "./stage/database.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const SIZE = { conversations: 3, messages: 20 };
/** From every eighth schema, a copy of the database also comes to the current one in one step. */
const STEP = 8;

describe("a database of an older schema", () => {
  const COUNT = MIGRATION_NAMES.length;
  /** By how many migrations the release knew that left it. */
  const tenants = new Map<number, OldTenant>();
  const copies = new Map<number, TestDatabase>();
  let grown: TestDatabase;

  // Each migration once is the last that the old release knew, and finds what all releases before it have left.
  beforeAll(async () => {
    grown = await createTestDatabase("template0");
    for (let count = 1; count < COUNT; count++) {
      expect(await migrateTo(grown.url, count)).toEqual([MIGRATION_NAMES[count - 1]]);
      const slug = count === 1 ? "default" : `old-${count}`;
      tenants.set(count, await addOldTenant(grown.url, { ...SIZE, slug }));
      if (count % STEP === 1) copies.set(count, await createTestDatabase(grown.name));
    }
  });
  afterAll(() => Promise.all([grown, ...copies.values()].map((database) => database?.drop())));

  async function expectServed(url: string, counts: readonly number[]): Promise<void> {
    await using app = await startOwnApp({ url });
    for (const count of counts) {
      const { id: tenantId, conversationIds } = tenants.get(count) as OldTenant;
      const { headers } = await tablesAt(url).keyOf(tenantId);
      const call = callerOf(app.url, headers);
      const of = (member: string) => callerOf(app.url, { ...headers, "x-act-for": member });
      const release = MIGRATION_NAMES[count - 1];
      for (const id of conversationIds) {
        const path = `/v1/conversations/${id}/messages`;
        const { body } = await call("GET", `${path}?pageSize=100`);
        expect(body.messages.map(({ content }: { content: string }) => content).toSorted(), release).toEqual(
          Array.from({ length: SIZE.messages }, (_unused, n) => `otter ${n + 1} of the old release`).toSorted(),
        );
        const sent = await call("POST", path, { role: "MESSAGE_ROLE_USER", content: "new" });
        expect([sent.status, sent.body.seq], release).toEqual([201, String(SIZE.messages + 1)]);
        const { body: people } = await call("GET", `/v1/conversations/${id}/participants`);
        expect(
          people.participants.map(({ memberId }: { memberId: string }) => memberId),
          release,
        ).toEqual(["bob"]);
        // Of 21 messages he has read one.
        const { body: seen } = await of("bob")("GET", `/v1/conversations/${id}`);
        expect(seen.memberView, release).toMatchObject({ readSeq: "1", unreadCount: SIZE.messages });
        const [first] = body.messages.filter(({ seq }: { seq: string }) => seq === "1");
        const { body: before } = await call("GET", `/v1/messages/${first.id}/revisions`);
        expect([first.content, before.revisions.map(({ content }: { content: string }) => content)], release).toEqual([
          "otter 1 of the old release",
          ["written wrong"],
        ]);
      }
      const { body: managed } = await of("max")("GET", "/v1/conversations?ownerId=ada");
      expect(managed.conversations, release).toHaveLength(SIZE.conversations);
      const { body: found } = await call("GET", "/v1/messages:search?query=otter&pageSize=100");
      expect(found.matches, release).toHaveLength(SIZE.conversations * SIZE.messages);
    }
  }

  test("keeps the data of every release, migration by migration, and serves after that", async () => {
    expect(await migrateTo(grown.url, COUNT)).toEqual(MIGRATION_NAMES.slice(COUNT - 1));
    await expectServed(grown.url, [...tenants.keys()]);
  });

  const counts = MIGRATION_NAMES.slice(0, -1).flatMap((name, i) => (i % STEP === 0 ? [[name, i + 1] as const] : []));
  test.each(counts)("that ends with %s keeps its data in one step, and serves after it", async (_, count) => {
    const copy = copies.get(count) as TestDatabase;
    const database = await openDatabase({ url: copy.url });
    expect((await migrationState(database)).pending).toEqual(MIGRATION_NAMES.slice(count));
    expect(await migrate(database)).toEqual(MIGRATION_NAMES.slice(count));
    await database.close();
    await expectServed(copy.url, count === 1 ? [1] : [1, count]);
  });
});

test("servers go on while the next schema comes, and one of the next release works beside them", async () => {
  await using own = await createTestDatabase();
  const tenant = await tablesAt(own.url).tenant();
  await using old = await startOwnApp({ url: own.url });
  const call = callerOf(old.url, tenant.headers);
  const { body: conversation } = await call("POST", "/v1/conversations", { conversation: { title: "upgraded" } });
  const path = `/v1/conversations/${conversation.id}/messages`;
  const outcomes: number[] = [];
  let over = false;
  const writers = Array.from({ length: 6 }, async () => {
    while (!over) outcomes.push((await call("POST", path, { role: "MESSAGE_ROLE_USER", content: "on" })).status);
  });
  const readers = Array.from({ length: 2 }, async () => {
    while (!over) outcomes.push((await call("GET", path)).status);
  });
  await expect.poll(() => outcomes.length, { timeout: 60_000 }).toBeGreaterThan(30);
  // What a release may do while the one before it still runs: add columns, tables and indexes.
  const schema = schemaWith("9999-next", [
    "alter table message add column next_kind smallint not null default 0",
    "alter table conversation add column next_note text",
    "alter table tenant add column next_plan text",
    "create index next_kind_idx on message (tenant_id, next_kind) where next_kind <> 0",
    "create table next_table (tenant_id uuid not null references tenant (id), id uuid not null, primary key (tenant_id, id))",
  ]);
  const database = await openDatabase({ url: own.url, schema });
  expect(await migrate(database)).toEqual(["9999-next"]);
  await database.close();
  await using next = await startOwnApp({ url: own.url, database: { schema } });
  const callNext = callerOf(next.url, tenant.headers);
  const before = outcomes.length;
  for (let turn = 0; turn < 10; turn++) {
    expect((await callNext("POST", path, { role: "MESSAGE_ROLE_USER", content: "next" })).status).toBe(201);
  }
  await expect.poll(() => outcomes.length, { timeout: 60_000 }).toBeGreaterThan(before + 30);
  over = true;
  await Promise.all([...writers, ...readers]);
  expect([...new Set(outcomes)].toSorted()).toEqual([200, 201]);
  const { body } = await callNext("GET", `/v1/conversations/${conversation.id}`);
  const stored = outcomes.filter((status) => status === 201).length + 10;
  expect(Number(body.messageCount)).toBe(stored);

  // The release that was left does not start again.
  const { status, stderr } = await runColloquy(["serve"], { DATABASE_URL: own.url, PORT: "0" });
  expect([status, stderr]).toEqual([1, expect.stringContaining("migrated by a newer release, which added 9999-next")]);
});

test("a migration that PostgreSQL ends for a deadlock with a call is begun again", async () => {
  await using own = await createTestDatabase();
  await tablesAt(own.url).tenant();
  const schema = schemaWith("9999-next", [
    "alter table message add column next_kind smallint not null default 0",
    "alter table conversation add column next_note text",
  ]);
  const database = await openDatabase({ url: own.url, schema });
  const call = new pg.Client(own.url);
  await call.connect();
  // So that it is the migration that finds the deadlock, and ends.
  await call.query("set deadlock_timeout = '1h'; begin; lock table conversation in row exclusive mode");
  const migrating = migrate(database);
  const waiting =
    "select count(*)::int as count from pg_locks where relation = 'conversation'::regclass and not granted";
  await expect.poll(async () => (await call.query(waiting)).rows[0].count).toBe(1);
  await call.query("lock table message in row exclusive mode; commit");
  expect(await migrating).toEqual(["9999-next"]);
  await call.end();
  await database.close();
});

test("the documentation says of each migration whether it locks, and for how long", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
  const named = new Set([...page.matchAll(/^\| `(\d{4}-[a-z-]+)` \| \S/gm)].map(([, name = ""]) => name));
  expect(MIGRATION_NAMES.filter((name) => !named.has(name))).toEqual([]);
});

function callerOf(url: string, given: Readonly<Record<string, string>>) {
  return async (method: string, path: string, body?: unknown) => {
    const headers = { ...given, "content-type": "application/json" };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(url + path, { method, headers, ...sent });
    return { status: response.status, body: await response.json() };
  };
}
