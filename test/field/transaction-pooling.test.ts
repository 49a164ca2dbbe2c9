// PgBouncer in transaction mode, with COLLOQUY_POOLING=transaction: what passes it, and what says that it does not.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createPostgresHints } from "../../src/live/hints/postgres.ts";
import { mayPrepare } from "../../src/store/inspect/inspect.ts";
import { openDatabase } from "../../src/store/open-database.ts";
import { tablesAt } from "../fault/stage/database.ts";
import { hasPgBouncer, keepsPrepared, startPgBouncer } from "../support/postgres/pgbouncer.ts";
import { administer, createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { startServer } from "../support/servers/process.ts";

// Whole processes, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MODE = { pool_mode: "transaction", default_pool_size: "4" };
/** Prepared statements are kept from 1.21 on unless they are switched off. */
const WITHOUT = hasPgBouncer() && keepsPrepared() ? { ...MODE, max_prepared_statements: "0" } : MODE;

let own: TestDatabase;
beforeAll(async () => {
  own = await createTestDatabase();
});
afterAll(() => own.drop());

describe.runIf(hasPgBouncer())("PgBouncer in transaction mode", () => {
  test("prisma/prisma-client-js#651, prisma/orm#21635: it is seen whether a pooler knows prepared statements", async () => {
    await using without = await startPgBouncer(own.url, WITHOUT);
    expect(await mayPrepare(without.url)).toBe(false);
    await using pgBouncer = await startPgBouncer(own.url, MODE);
    // Debian's 1.18 does not know its clients' statements.
    expect(await mayPrepare(pgBouncer.url)).toBe(keepsPrepared());
    expect(await mayPrepare(own.url)).toBe(true);
  });

  test("logto-io/logto#8065, riverqueue/river#205, neondatabase/neon#6291: every call works at once on few sessions, with the same settings as without it", async () => {
    await using pgBouncer = await startPgBouncer(own.url, MODE);
    await administer(own.url, `alter database "${new URL(pgBouncer.url).pathname.slice(1)}" set datestyle = 'German'`);
    const tenant = await tablesAt(own.url).tenant();
    const server = startServer({
      PORT: "0",
      DATABASE_URL: pgBouncer.url,
      COLLOQUY_DATABASE_DIRECT_URL: own.url,
      COLLOQUY_POOLING: "transaction",
      COLLOQUY_POOL_SIZE: "20",
      COLLOQUY_COMPAT: "",
    });
    const [, url = ""] = /(http\S+)/.exec(await server.ready) ?? [];
    const call = async (method: string, path: string, body?: unknown) => {
      const headers = { ...tenant.headers, "content-type": "application/json" };
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(url + path, { method, headers, ...sent });
      return { status: response.status, body: await response.json() };
    };
    const { body: conversation } = await call("POST", "/v1/conversations", { conversation: { title: "pooled" } });
    const path = `/v1/conversations/${conversation.id}/messages`;
    const sends = Array.from({ length: 40 }, (_, index) =>
      call("POST", path, { role: "MESSAGE_ROLE_USER", content: `otter ${index}` }),
    );
    for (const { status } of await Promise.all(sends)) expect(status).toBe(201);
    const reads = await Promise.all(Array.from({ length: 40 }, () => call("GET", `${path}?pageSize=100`)));
    for (const { body } of reads) expect(body.messages).toHaveLength(40);
    expect((await call("GET", "/v1/messages:search?query=otter")).body.matches).toHaveLength(40);
    // MikroORM's, which are in no transaction of ours.
    expect((await call("GET", "/v1/apiKeys")).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    server.signal("SIGTERM");
    expect((await server.ended).status).toBe(0);
  });

  test.each([true, false])(
    "pgbouncer/pgbouncer#525, brianc/node-postgres#3604: a transaction and a statement by itself have our settings (prepared: %s)",
    async (prepares) => {
      // Its settings are those of whoever had the session before.
      const hostile = new URL(own.url.replace("@/", "@localhost/")).pathname.slice(1);
      await administer(own.url, `alter database "${hostile}" set intervalstyle = 'iso_8601'`);
      const database = await openDatabase({ url: own.url, pooled: { prepares }, poolSize: 1 });
      const shown = {
        name: "test_shown",
        text: `select current_setting('IntervalStyle') as intervals, current_setting('statement_timeout') as time,
        current_setting('search_path') as path, $1::int as given`,
      };
      const ours = { intervals: "postgres", time: "30s", path: '"public"' };
      try {
        for (const given of [1, 2, 3]) expect(await database.query(shown, [given])).toEqual([{ ...ours, given }]);
        const within = await database.transaction(undefined, async (tx) => [
          await tx.query(shown, [4]),
          await tx.query(shown, [5]),
        ]);
        expect(within).toEqual([[{ ...ours, given: 4 }], [{ ...ours, given: 5 }]]);
        // Nothing of it stays in the session, which another client has next.
        const bare = { name: "test_bare", text: "select current_setting('IntervalStyle') as intervals" };
        const plain = await openDatabase({ url: own.url, poolSize: 1 });
        expect(await plain.query(bare, [])).toEqual([{ intervals: "postgres" }]);
        await plain.close();
      } finally {
        await database.close();
      }
    },
  );

  test("pgbouncer/pgbouncer#396, pgbouncer/pgbouncer#452, liquibase/liquibase#7092: what others leave in a session changes nothing", async () => {
    await using pgBouncer = await startPgBouncer(own.url, { ...MODE, default_pool_size: "1" });
    const tenant = await tablesAt(own.url).tenant();
    const database = await openDatabase({ url: pgBouncer.url, pooled: { prepares: false } });
    const found = { name: "test_found", text: "select t.id from tenant t where t.id = $1" };
    try {
      // As pg_dump begins.
      await administer(pgBouncer.url, "select pg_catalog.set_config('search_path', '', false)");
      await administer(pgBouncer.url, "set timezone = 'Asia/Tokyo'");
      expect(await database.query(found, [tenant.id])).toEqual([{ id: tenant.id }]);
      expect(await database.transaction(undefined, (tx) => tx.query(found, [tenant.id]))).toEqual([{ id: tenant.id }]);
      // And nothing of ours is left for others.
      const left = { name: "test_left", text: "select current_setting('search_path') as path" };
      const other = await openDatabase({ url: pgBouncer.url, pooled: { prepares: false }, searchPath: "elsewhere" });
      expect(await other.query(left, [])).toEqual([{ path: '"elsewhere"' }]);
      await other.close();
      expect(await database.query(left, [])).toEqual([{ path: '"public"' }]);
    } finally {
      await database.close();
    }
  });

  test("zoolutions/pgbus#191: LISTEN that something between swallows is told apart from one that works", async () => {
    await using pgBouncer = await startPgBouncer(own.url, MODE);
    for (const [url, swallows] of [
      [pgBouncer.url, true],
      [own.url, false],
    ] as const) {
      const told = vi.fn();
      const carrier = createPostgresHints({ url, onError: () => {}, onSwallowed: told });
      const listening = Promise.withResolvers<void>();
      await carrier.start((hints) => hints === undefined && listening.resolve());
      await listening.promise;
      if (swallows) await expect.poll(() => told.mock.calls.length, { timeout: 45_000 }).toBe(1);
      await carrier.close();
      if (!swallows) expect(told).not.toHaveBeenCalled();
    }
  });

  test("zoolutions/pgbus#191: LISTEN is not taken for swallowed by a process that was busy meanwhile", async () => {
    const told = vi.fn();
    const carrier = createPostgresHints({ url: own.url, onError: () => {}, onSwallowed: told });
    const listening = Promise.withResolvers<void>();
    await carrier.start((hints) => hints === undefined && listening.resolve());
    await listening.promise;
    // As long as an echo may take: it has come when the timer ends, but was not read.
    const over = performance.now() + 2_300;
    while (performance.now() < over);
    const echoed = "select pid from pg_stat_activity where query like 'unlisten colloquy_echo%'";
    await expect.poll(async () => (await administer(own.url, echoed)).length).toBe(1);
    await carrier.close();
    expect(told).not.toHaveBeenCalled();
  });

  test("migrations go past the pooler", async () => {
    const empty = await createTestDatabase("template0");
    try {
      await using pgBouncer = await startPgBouncer(empty.url, MODE);
      const settings = { DATABASE_URL: pgBouncer.url, COLLOQUY_POOLING: "transaction" };
      const done = await runInProcess(["migrate"], { ...settings, COLLOQUY_DATABASE_DIRECT_URL: empty.url });
      expect(done).toMatchObject({ status: 0, stdout: expect.stringMatching(/^applied 0001-initial\n/) });
    } finally {
      await empty.drop();
    }
  });

  test("keycloak/keycloak#49991, freifunkMUC/wg-access-server#151: without a direct URL the start says that LISTEN does not pass", async () => {
    await using pgBouncer = await startPgBouncer(own.url, WITHOUT);
    const settings = { DATABASE_URL: pgBouncer.url, COLLOQUY_POOLING: "transaction", COLLOQUY_COMPAT: "" };
    const server = startServer({ ...settings, PORT: "0" });
    await server.logs("a pooler in transaction mode, without prepared statements, so each call costs PostgreSQL more");
    await server.logs("LISTEN does not pass a pooler in transaction mode");
    await server.ready;
    server.signal("SIGTERM");
    await server.ended;
    const { stdout, status } = await runInProcess(["doctor"], { ...settings, PORT: "0" });
    expect(stdout).toContain("warn  pooler: in transaction mode, without prepared statements");
    expect(stdout).toContain("warn  pooler: LISTEN does not pass it: set COLLOQUY_DATABASE_DIRECT_URL");
    expect(status).toBe(0);
  });

  test("a direct URL that leads to a pooler too is refused", async () => {
    await using pgBouncer = await startPgBouncer(own.url, MODE);
    const { status, stderr } = await runInProcess(["serve"], {
      DATABASE_URL: pgBouncer.url,
      COLLOQUY_DATABASE_DIRECT_URL: pgBouncer.url,
      COLLOQUY_POOLING: "transaction",
      PORT: "0",
    });
    expect(stderr).toContain("COLLOQUY_DATABASE_DIRECT_URL: leads to a pooler in transaction mode");
    expect(stderr).not.toContain("set COLLOQUY_POOLING");
    expect(status).toBe(1);
  });

  test("what a role sets for whole transactions is refused, with the statement that mends it", async () => {
    const url = new URL(own.url.replace("@/", "@localhost/"));
    const role = `pooled_${process.pid}`;
    await administer(own.url, `create role ${role} login superuser password 'x'`);
    await administer(own.url, `alter role ${role} set default_transaction_isolation = 'serializable'`);
    url.username = role;
    url.password = "x";
    const roleUrl = url.href.replace("@localhost/", "@/");
    try {
      await using pgBouncer = await startPgBouncer(roleUrl, MODE);
      const { stderr } = await runInProcess(["serve"], {
        DATABASE_URL: pgBouncer.url,
        COLLOQUY_POOLING: "transaction",
        PORT: "0",
      });
      expect(stderr).toContain(`alter role "${role}" reset default_transaction_isolation`);
    } finally {
      await administer(own.url, `drop role ${role}`);
    }
  });
});

test("a pooler without a database of your own is refused by name", async () => {
  const { status, stderr } = await runInProcess(["serve"], { COLLOQUY_POOLING: "transaction", PORT: "0" });
  expect(stderr).toContain("COLLOQUY_POOLING: must not be set without DATABASE_URL");
  expect(status).toBe(2);
});

describe("a direct URL", () => {
  const settings = () => ({ DATABASE_URL: own.url, COLLOQUY_POOLING: "transaction", PORT: "0", COLLOQUY_COMPAT: "" });

  test("that leads to another database is refused, and that one stays as it is", async () => {
    const other = await createTestDatabase("template0");
    try {
      const wrong = { ...settings(), COLLOQUY_DATABASE_DIRECT_URL: other.url };
      const words = "COLLOQUY_DATABASE_DIRECT_URL: leads to another database than DATABASE_URL";
      for (const command of ["migrate", "serve"]) {
        const { status, stderr } = await runInProcess([command], wrong);
        expect(stderr).toContain(words);
        expect(status).toBe(1);
      }
      expect((await runInProcess(["doctor"], wrong)).stdout).toContain(`fail  pooler: ${words}`);
      expect(await administer(other.url, "select from pg_tables where schemaname = 'public'")).toHaveLength(0);
    } finally {
      await other.drop();
    }
  });

  test("that leads nowhere is named", async () => {
    const away = { ...settings(), COLLOQUY_DATABASE_DIRECT_URL: "postgresql://127.0.0.1:9/none" };
    for (const command of ["migrate", "serve"]) {
      const { stderr } = await runInProcess([command], away);
      expect(stderr).toContain("COLLOQUY_DATABASE_DIRECT_URL: the database cannot be reached");
    }
    const { stdout } = await runInProcess(["doctor"], away);
    expect(stdout).toContain("ok    migrations");
    expect(stdout).toContain("fail  pooler: COLLOQUY_DATABASE_DIRECT_URL: the database cannot be reached");
  });
});
