import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { migrate, migrationState } from "../../../src/store/migrate.ts";
import { administer, createTestDatabase, type TestDatabase, urlOf } from "../../support/postgres/postgres.ts";

let empty: TestDatabase;

beforeAll(async () => {
  empty = await createTestDatabase("template0");
});
afterAll(() => empty.drop());

test("two servers that migrate at once take turns, and one of them does it", async () => {
  const [one, other] = await Promise.all([empty.open(), empty.open()]);
  for (const each of [one, other]) expect((await migrationState(each)).pending).toEqual(each.schema.migrationNames);

  const applied = await Promise.all([migrate(one), migrate(other)]);

  expect(applied.flat()).toEqual(one.schema.migrationNames);
  expect(await migrationState(other)).toEqual({ pending: [], unknown: [], undistributed: [] });
});

test("a migration that fails leaves nothing behind", async () => {
  await using database = await createTestDatabase();
  const before = await database.open();
  const { Migration } = await import("@mikro-orm/migrations");
  class Good extends Migration {
    override up(): void {
      this.addSql("create table halfway (id int)");
    }
  }
  class Bad extends Migration {
    override up(): void {
      this.addSql("select broken");
    }
  }
  const tables = await before.schema.load();
  const migrations = [...tables.migrations, { name: "good", class: Good }, { name: "bad", class: Bad }];
  const schema = { migrationNames: migrations.map(({ name }) => name), load: async () => ({ ...tables, migrations }) };
  const next = await database.open({ schema });

  await expect(migrate(next)).rejects.toThrow(/broken/);

  expect((await migrationState(next)).pending).toEqual(["good", "bad"]);
  expect(await administer(database.url, "select to_regclass('halfway') as it")).toEqual([{ it: null }]);
});

// On 15 the columns that compare by byte differ from the database's own collation, which entities do not name.
test.runIf(inject("postgresMajor") > 15)("the migrations make the tables that the entities describe", async () => {
  await using database = await createTestDatabase();
  const orm = await (await database.open()).orm();
  const difference = await orm.schema.getUpdateSchemaSQL({ wrap: false });
  // Entities leave to the migrations: indexes, foreign keys, generated columns, the function of the search.
  const ownToMigrations =
    /^(drop index |drop function |alter table "\w+" drop constraint "\w+_fkey"|.* drop column "(search|active_minute)";|drop trigger )/;
  expect(difference.split("\n").filter((line) => line !== "" && !ownToMigrations.test(line))).toEqual([]);
});

test("the tests of this project run on the version that it says", async () => {
  const [row] = await administer(urlOf(inject("postgresUrl"), "postgres"), "show server_version_num");
  expect(Math.trunc(Number(row?.server_version_num) / 10_000)).toBe(inject("postgresMajor"));
});
