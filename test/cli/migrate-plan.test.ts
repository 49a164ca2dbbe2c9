// `colloquy migrate --plan`: the pending migrations as a script, for those who let nobody else change their tables.
import { expect, test, vi } from "vitest";
import { MIGRATION_NAMES } from "../../src/store/migrations/names.ts";
import { administer, createTestDatabase } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Everything that describes the tables, in an order of its own. */
const SHAPE = `
  select table_name, column_name, data_type, is_nullable, column_default, generation_expression
  from information_schema.columns where table_schema = 'public' order by 1, 2`;
const INDEXES = "select indexdef from pg_indexes where schemaname = 'public' order by 1";
const CONSTRAINTS = `
  select conrelid::regclass::text as of, conname, pg_get_constraintdef(oid) as definition
  from pg_constraint where connamespace = 'public'::regnamespace order by 1, 2`;
const FUNCTIONS = "select prosrc from pg_proc where pronamespace = 'public'::regnamespace order by 1";

const shapeOf = async (url: string) =>
  Promise.all([SHAPE, INDEXES, CONSTRAINTS, FUNCTIONS].map((sql) => administer(url, sql)));

test("a script that makes the same tables as the migrations, after which nothing is left to do", async () => {
  await using planned = await createTestDatabase("template0");
  await using migrated = await createTestDatabase();
  const plan = await runInProcess(["migrate", "--plan"], { DATABASE_URL: planned.url });
  expect([plan.status, plan.stderr]).toEqual([0, ""]);
  expect(plan.stdout.match(/^-- \d{4}-[a-z-]+$/gm)).toEqual(MIGRATION_NAMES.map((name) => `-- ${name}`));
  // It has applied nothing.
  expect(await administer(planned.url, "select to_regclass('message') as found")).toEqual([{ found: null }]);

  await administer(planned.url, plan.stdout);
  expect(await shapeOf(planned.url)).toEqual(await shapeOf(migrated.url));
  expect(await runInProcess(["migrate"], { DATABASE_URL: planned.url })).toMatchObject({ stdout: "nothing to do\n" });
  expect(await runInProcess(["migrate", "--plan"], { DATABASE_URL: planned.url })).toEqual({
    status: 0,
    stdout: "-- nothing to do\n",
    stderr: "",
  });
});

test("only what is pending", async () => {
  await using own = await createTestDatabase();
  const last = MIGRATION_NAMES.at(-1)!;
  await administer(own.url, "delete from schema_migration where name = $1", [last]);
  const { stdout } = await runInProcess(["migrate", "--plan"], { DATABASE_URL: own.url });
  expect(stdout.match(/^-- \d{4}-[a-z-]+$/gm)).toEqual([`-- ${last}`]);
  expect(stdout.split("\n")[0]).toBe("begin;");
  expect(stdout.trimEnd().split("\n").at(-1)).toBe("commit;");
});

test("the embedded database has no plan: each start migrates it", async () => {
  expect(await runInProcess(["migrate", "--plan"])).toMatchObject({
    status: 1,
    stderr: "colloquy: DATABASE_URL: is not set, and the embedded database is migrated by each start\n",
  });
});
