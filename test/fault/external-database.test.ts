import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { MIGRATION_NAMES } from "../../src/store/migrations/names.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { runColloquy, startServer } from "../support/servers/process.ts";

// Whole processes and clusters, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

let empty: TestDatabase;

beforeAll(async () => {
  empty = await createTestDatabase("template0");
});
afterAll(() => empty.drop());

test("an external database is migrated by its owner's command; until then no server starts on it", async () => {
  const settings = { DATABASE_URL: empty.url, PORT: "0", COLLOQUY_COMPAT: "" };
  const tooEarly = await runColloquy(["serve"], settings);
  expect(tooEarly).toMatchObject({ status: 1, stdout: "" });
  expect(tooEarly.stderr).toContain("`npm run colloquy -- migrate`");

  expect(await runColloquy(["migrate"], settings)).toMatchObject({
    status: 0,
    stdout: MIGRATION_NAMES.map((name) => `applied ${name}\n`).join(""),
  });
  expect(await runColloquy(["migrate"], settings)).toMatchObject({ status: 0, stdout: "nothing to do\n" });

  const servers = [startServer(settings), startServer(settings)];
  await Promise.all(servers.map(({ ready }) => ready));
  for (const server of servers) server.signal("SIGTERM");
  expect((await Promise.all(servers.map(({ ended }) => ended))).map(({ status }) => status)).toEqual([0, 0]);
});

test("a database that cannot be reached stops the start, in words", async () => {
  const outcome = await runColloquy(["serve"], { DATABASE_URL: "postgresql://u:secret@127.0.0.1:1/d" });
  expect(outcome).toMatchObject({ status: 1, stdout: "" });
  expect(outcome.stderr).toContain("the database cannot be reached\n  connect ECONNREFUSED 127.0.0.1:1");
  expect(outcome.stderr).not.toContain("secret");
});

test("settings that are wrong stop the start with status 2, and an unknown command too", async () => {
  const settings = await runColloquy(["serve"], { PORT: "x", COLLOQUY_FOO: "1" });
  expect(settings).toMatchObject({ status: 2, stdout: "" });
  expect(settings.stderr).toMatch(/COLLOQUY_FOO: .*\n {2}PORT: /);
  expect(await runColloquy(["nope"])).toMatchObject({ status: 2, stdout: "" });
});
