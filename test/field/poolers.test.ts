// A real PgBouncer between Colloquy and its database, in each of its modes.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createPostgresHints } from "../../src/live/hints/postgres.ts";
import { inspectDatabase } from "../../src/store/inspect/inspect.ts";
import { startOwnApp } from "../fault/stage/app.ts";
import { tablesAt } from "../fault/stage/database.ts";
import { hasPgBouncer, startPgBouncer } from "../support/postgres/pgbouncer.ts";
import { administer, createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { runColloquy, startServer } from "../support/servers/process.ts";

// Whole processes, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

let own: TestDatabase;
beforeAll(async () => {
  own = await createTestDatabase();
});
afterAll(() => own.drop());

const using = { schema: "public", migrating: false };

test("F-POOLER: a database without a pooler shares no sessions, however many others use it", async () => {
  await Promise.all(
    Array.from({ length: 5 }, async () => expect(await inspectDatabase({ url: own.url, ...using })).toBeUndefined()),
  );
});

describe.runIf(hasPgBouncer())("PgBouncer", () => {
  test("F-POOLER: as it ships, in session mode, everything works, with our settings", async () => {
    await using pgBouncer = await startPgBouncer(own.url);
    expect(await inspectDatabase({ url: pgBouncer.url, ...using })).toBeUndefined();
    const tenant = await tablesAt(own.url).tenant();
    await using app = await startOwnApp({ url: pgBouncer.url });
    const call = async (method: string, path: string, body?: unknown) => {
      const headers = { ...tenant.headers, "content-type": "application/json" };
      const response = await fetch(app.url + path, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    };
    const { body: conversation } = await call("POST", "/v1/conversations", { conversation: { title: "pooled" } });
    const path = `/v1/conversations/${conversation.id}/messages`;
    const role = "MESSAGE_ROLE_USER";
    const sends = Array.from({ length: 30 }, (_, i) => call("POST", path, { role, content: `otter ${i}` }));
    for (const { status } of await Promise.all(sends)) expect(status).toBe(201);
    expect((await call("GET", `${path}?pageSize=100`)).body.messages).toHaveLength(30);
    expect((await call("GET", "/v1/messages:search?query=otter")).body.matches).toHaveLength(30);
    expect((await fetch(`${app.url}/readyz`)).status).toBe(200);
    const shown = {
      name: "test_shown",
      text: "select current_setting('plan_cache_mode') as plans, current_setting('statement_timeout') as time",
    };
    expect(await app.database.query(shown, [])).toEqual([{ plans: "force_generic_plan", time: "30s" }]);
  });

  test("F-POOLER: hints come through it in session mode", async () => {
    await using pgBouncer = await startPgBouncer(own.url);
    const carrier = createPostgresHints({ url: pgBouncer.url, onError: () => {} });
    const listening = Promise.withResolvers<void>();
    const received = Promise.withResolvers<unknown>();
    await carrier.start((hints) => (hints === undefined ? listening.resolve() : received.resolve(hints)));
    await listening.promise;
    const hint = {
      kind: "log",
      tenantId: "01a22443-120c-775a-b7ce-e7102b61a112",
      conversationId: "01a22443-120c-775a-b7ce-e7102b61a113",
    } as const;
    await carrier.send([hint]);
    expect(await received.promise).toEqual([hint]);
    await carrier.close();
  });

  test.each(["transaction", "statement"])(
    "F-POOLER: in %s mode no command starts, and the first line says what to do",
    async (mode) => {
      await using pgBouncer = await startPgBouncer(own.url, { pool_mode: mode });
      const settings = { DATABASE_URL: pgBouncer.url, PORT: "0", COLLOQUY_COMPAT: "" };
      for (const words of [["serve"], ["migrate"]]) {
        const { status, stdout, stderr } = await runColloquy(words, settings);
        expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
        expect(stderr).toMatch(
          /^colloquy: DATABASE_URL: leads to a pooler in (transaction|statement) mode, .*set pool_mode = .*session.*\n$/,
        );
      }
    },
  );

  test("F-POOLER: transaction mode is seen while others use the pooler", async () => {
    await using pgBouncer = await startPgBouncer(own.url, { pool_mode: "transaction", default_pool_size: "5" });
    let over = false;
    const others = Array.from({ length: 4 }, async () => {
      while (!over) await administer(pgBouncer.url, "select pg_sleep(0.001)");
    });
    for (let i = 0; i < 5; i++) {
      expect(await inspectDatabase({ url: pgBouncer.url, ...using })).toMatch(/pool_mode = session/);
    }
    over = true;
    await Promise.all(others);
  });

  test("F-POOLER: a whole server starts by way of it and stops", async () => {
    await using pgBouncer = await startPgBouncer(own.url);
    const server = startServer({ DATABASE_URL: pgBouncer.url, PORT: "0", COLLOQUY_COMPAT: "" });
    const [, url] = /(http\S+)/.exec(await server.ready) ?? [];
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    server.signal("SIGTERM");
    expect((await server.ended).status).toBe(0);
  });
});
