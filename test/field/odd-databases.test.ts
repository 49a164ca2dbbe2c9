// Databases on which Colloquy cannot work say so at the start, in one sentence; others become read-only while it runs.
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";
import { loadConfig } from "../../src/config/config.ts";
import { inspectDatabase } from "../../src/store/inspect/inspect.ts";
import { migrate } from "../../src/store/migrate.ts";
import { type OwnApp, startOwnApp } from "../fault/stage/app.ts";
import { startOwnDatabase, type Tenant } from "../fault/stage/database.ts";
import { administer, createTestDatabase, type TestDatabase, urlOf } from "../support/postgres/postgres.ts";
import { runColloquy } from "../support/servers/process.ts";

// Whole processes and clusters, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

let own: TestDatabase;
const undo: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  own = await createTestDatabase();
});
afterAll(async () => {
  await own.drop();
  for (const step of undo.toReversed()) await step();
});

const SERVE = { schema: "public", migrating: false };
const MIGRATE = { schema: "public", migrating: true };

async function databaseWith(options: string): Promise<string> {
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  const beside = urlOf(own.url, "postgres");
  await administer(beside, `create database ${name} template template0 ${options}`);
  undo.push(() => administer(beside, `drop database ${name} with (force)`));
  return urlOf(own.url, name);
}

/** A role of its own that may do as little as every role. */
async function urlOfRole(url: string, ...grants: string[]): Promise<{ url: string; role: string }> {
  const role = `test_${randomUUID().replaceAll("-", "")}`;
  await administer(url, `create role ${role} login password 'secret'`);
  for (const grant of grants) await administer(url, grant.replaceAll("$role", role));
  undo.push(async () => {
    await administer(urlOf(url, "postgres"), `drop role ${role}`);
  });
  return { url: url.replace(/\/\/[^@]*@/, `//${role}:secret@`), role };
}

test.each([
  ["LATIN1", "encoding 'LATIN1' locale_provider libc locale 'C'"],
  ["SQL_ASCII", "encoding 'SQL_ASCII' locale_provider libc locale 'C'"],
])("F-POOLER: a database in %s is refused by every command", async (encoding, options) => {
  const url = await databaseWith(options);
  for (const words of [["serve"], ["migrate"]]) {
    const { status, stderr } = await runColloquy(words, { DATABASE_URL: url });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `^colloquy: DATABASE_URL: the encoding of the database "test_\\w+" is ${encoding}, .* encoding 'UTF8' template template0.*\\n$`,
      ),
    );
  }
});

test("F-POOLER: a role that may not make tables is told what to grant", async () => {
  const { url, role } = await urlOfRole(await databaseWith("encoding 'UTF8'"));
  const { status, stderr } = await runColloquy(["migrate"], { DATABASE_URL: url });
  expect(status).toBe(1);
  expect(stderr).toBe(
    `colloquy: DATABASE_URL: the role "${role}" may not make tables in the schema "public": ` +
      `\`grant usage, create on schema "public" to "${role}"\` as its owner\n`,
  );
});

test("F-POOLER: a role that may not use the tables is told what to grant, and may serve then", async () => {
  const { url, role } = await urlOfRole(own.url);
  expect(await inspectDatabase({ url, ...SERVE })).toBe(
    `the role "${role}" may not read and write the table "api_key": ` +
      `\`grant select, insert, update, delete on all tables in schema "public" to "${role}"\` as its owner`,
  );
  await administer(own.url, `grant select, insert, update, delete on all tables in schema public to ${role}`);
  expect(await inspectDatabase({ url, ...SERVE })).toBeUndefined();
  await administer(own.url, `drop owned by ${role}`);
});

test("F-POOLER: tables of a newer release are refused, not changed", async () => {
  const newer = await createTestDatabase();
  undo.push(() => newer.drop());
  await administer(newer.url, "insert into schema_migration (name) values ('9999-from-tomorrow')");
  for (const words of [["serve"], ["migrate"]]) {
    expect(await runColloquy(words, { DATABASE_URL: newer.url })).toMatchObject({
      status: 1,
      stderr:
        "colloquy: the database was migrated by a newer release, which added 9999-from-tomorrow: run that release or a later one\n",
    });
  }
});

test("F-POOLER: an empty DATABASE_URL is refused in production, and counts as unset in development", () => {
  const production = { DATABASE_URL: "", COLLOQUY_PROFILE: "production" };
  expect(() => loadConfig(production)).toThrow("DATABASE_URL: must not be empty in production");
  expect(loadConfig({ DATABASE_URL: "" }).databaseUrl).toBeUndefined();
});

test("F-POOLER: tables go where COLLOQUY_DATABASE_SCHEMA says, and a search path that leads elsewhere is told", async () => {
  const url = await databaseWith("encoding 'UTF8'");
  const elsewhere = await own.open({ url, searchPath: "talk" });
  await migrate(elsewhere);
  expect(await inspectDatabase({ url, schema: "talk", migrating: false })).toBeUndefined();
  const name = new URL(url.replace("@/", "@localhost/")).pathname.slice(1);
  await administer(url, `alter database ${name} set search_path = talk`);
  for (const wish of [SERVE, MIGRATE]) {
    expect(await inspectDatabase({ url, ...wish })).toBe(
      `the tables lie in the schema "talk", which the role's search_path names: set COLLOQUY_DATABASE_SCHEMA=talk`,
    );
  }
  await elsewhere.close();
});

test("F-POOLER: a role that loses foreign keys is refused", async () => {
  const { url, role } = await urlOfRole(own.url, "alter role $role set session_replication_role = replica");
  expect(await inspectDatabase({ url, ...SERVE })).toContain(
    `the role "${role}" has session_replication_role = replica`,
  );
});

test("F-HEALTH: a primary that becomes a standby is not ready, and changes are definitely not made", async () => {
  await using store = await startOwnDatabase({ on: "memory" });
  const tenant = await store.tenant();
  await using app = await startOwnApp({ url: store.url });
  const conversation = await newConversation(app, tenant);
  expect(await readiness(app)).toEqual({ readyz: 200, health: Status.SERVING });

  const directory = new URL(store.url.replace("@/", "@localhost/")).searchParams.get("host") ?? "";
  await writeFile(join(directory, "standby.signal"), "");
  await store.crash("whole");
  await store.recover();
  expect(await inspectDatabase({ url: store.url, ...SERVE })).toBe(
    "leads to a standby, which takes no changes: name the primary",
  );

  const refused = await send(app, tenant, conversation);
  expect(refused).toMatchObject({ status: 503, body: { message: "the database takes no changes at the moment" } });
  expect(JSON.stringify(refused.body)).toContain("DATABASE_UNAVAILABLE");
  expect(JSON.stringify(refused.body)).not.toContain("outcome");
  await vi.waitFor(
    async () => expect(await readiness(app)).toEqual({ readyz: 503, health: Status.NOT_SERVING }),
    10_000,
  );

  await store.sql("select pg_promote()");
  await vi.waitFor(async () => expect(await readiness(app)).toEqual({ readyz: 200, health: Status.SERVING }), 10_000);
  expect(await send(app, tenant, conversation)).toMatchObject({ status: 201 });
});

test("F-HEALTH: connections to a server that takes no changes any more are dropped, by a change or by the health check", async () => {
  await using store = await startOwnDatabase({ on: "memory" });
  const tenant = await store.tenant();
  await using app = await startOwnApp({ url: store.url });
  const conversation = await newConversation(app, tenant);
  const backends = async () =>
    (await store.sql("select pid from pg_stat_activity where application_name = 'colloquy' order by pid")).map(
      ({ pid }) => pid,
    );
  for (const notice of [() => send(app, tenant, conversation), () => readiness(app)]) {
    await Promise.all(Array.from({ length: 8 }, () => send(app, tenant, conversation)));
    const before = await backends();
    expect(before.length).toBeGreaterThan(0);
    await store.sql("alter system set default_transaction_read_only = on");
    await store.sql("select pg_reload_conf()");
    await vi.waitFor(async () => {
      await notice();
      const now = new Set(await backends());
      expect(before.filter((pid) => now.has(pid))).toEqual([]);
    }, 10_000);
    expect(await inspectDatabase({ url: store.url, ...SERVE })).toMatch(/^the database "colloquy" is read-only/);
    const writable = `${store.url}&options=${encodeURIComponent("-c default_transaction_read_only=off")}`;
    await administer(writable, "alter system reset default_transaction_read_only");
    await store.sql("select pg_reload_conf()");
    await vi.waitFor(async () => expect((await send(app, tenant, conversation)).status).toBe(201), 10_000);
  }
});

async function newConversation(app: OwnApp, tenant: Tenant): Promise<string> {
  return (await call(app, tenant, "/v1/conversations", { conversation: { title: "kept" } })).body.id;
}

function send(app: OwnApp, tenant: Tenant, conversation: string) {
  return call(app, tenant, `/v1/conversations/${conversation}/messages`, {
    role: "MESSAGE_ROLE_USER",
    content: "hello",
  });
}

async function call({ url }: OwnApp, { headers }: Tenant, path: string, body: unknown) {
  const options = {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await fetch(url + path, options);
  return { status: response.status, body: await response.json() };
}

async function readiness({ url }: OwnApp) {
  const health = createClient(Health, createGrpcTransport({ baseUrl: url }));
  const { status } = await health.check({});
  return { readyz: (await fetch(`${url}/readyz`)).status, health: status };
}
