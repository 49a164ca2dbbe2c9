// Applies migrations, and reports pending ones.
import type { Database, Statement } from "./database.ts";
import { MIGRATION_TABLE } from "./migrations/names.ts";

/** Held while migrations run, so that servers that start together migrate one after the other. */
const LOCK: Statement = { name: "migration_lock", text: "select pg_advisory_xact_lock(4874051, 3)" };
/** Disables timeouts: a migration may take long, and wait for others. */
const PATIENCE: Statement = {
  name: "migration_patience",
  text: `select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true)`,
};

/** How often all of it is begun again after a deadlock with the calls of a server that goes on meanwhile. */
const RETRIES = 20;

/** Whether the schema of the tables exists. */
const PLACE: Statement<{ schema: string | null }> = {
  name: "migration_place",
  text: "select current_schema() as schema",
};
const MAKE_PLACE: Statement = {
  name: "migration_make_place",
  text: "do $$ begin execute 'create schema if not exists ' || current_setting('search_path'); end $$",
};

const APPLIED: Statement<{ name: string }> = {
  name: "applied_migrations",
  text: `select name from ${MIGRATION_TABLE} order by id`,
};

/**
 * Applies all pending migrations in one transaction. Safe to run on several servers at once.
 *
 * @returns the names of the migrations that this call applied
 */
export async function migrate(database: Database): Promise<string[]> {
  if ((await migrationState(database)).pending.length === 0) return [];
  await makePlace(database);
  const { Migrator } = await import("@mikro-orm/migrations");
  const { em } = await database.orm();
  return database.transaction(
    undefined,
    async (transaction) => {
      await transaction.query(PATIENCE, []);
      await transaction.query(LOCK, []);
      const migrator = new Migrator(em);
      const applied = await migrator.up({ transaction: (await transaction.orm()).getTransactionContext() as never });
      return applied.map(({ name }) => name);
    },
    { retries: RETRIES },
  );
}

/** As MikroORM makes it. */
const TABLE = `create table if not exists ${MIGRATION_TABLE} (id serial primary key,
  name varchar(255) not null, executed_at timestamptz(6) not null default current_timestamp(6))`;

/**
 * Returns a script with what {@link migrate} would do, for `psql`; empty: nothing is pending. Migrations are the same
 * for every database, so the script needs no other input.
 */
export async function migrationScript(database: Database, schema: string): Promise<string> {
  const { pending } = await migrationState(database);
  if (pending.length === 0) return "";
  const { migrations } = await database.schema.load();
  const { em } = await database.orm();
  const parts = ["begin", `create schema if not exists ${schema}`, `set local search_path = ${schema}`, TABLE];
  for (const name of pending) {
    const found = migrations.find((migration) => migration.name === name);
    if (found === undefined) throw new Error(`there is no migration ${name}`);
    const migration = new found.class(em.getDriver() as never, em.config);
    await migration.up();
    const [first, ...rest] = migration.getQueries().map(String);
    parts.push(`-- ${name}\n${first}`, ...rest, `insert into ${MIGRATION_TABLE} (name) values ('${name}')`);
  }
  return [...parts, "commit"].map((statement) => `${statement.trim().replace(/;$/, "")};\n`).join("");
}

/** Creates the schema first, because MikroORM creates its own table on another connection. */
async function makePlace(database: Database): Promise<void> {
  const [place] = await database.query(PLACE, []);
  if (place?.schema !== null) return;
  await database.transaction(undefined, async (transaction) => {
    await transaction.query(LOCK, []);
    await transaction.query(MAKE_PLACE, []);
  });
}

export interface MigrationState {
  /** The names of the migrations that `migrate` would apply. */
  readonly pending: readonly string[];
  /** Applied migrations of a newer release. */
  readonly unknown: readonly string[];
}

export async function migrationState(database: Database): Promise<MigrationState> {
  const known = database.schema.migrationNames;
  try {
    const applied = (await database.query(APPLIED, [])).map(({ name }) => name);
    return {
      pending: known.filter((name) => !applied.includes(name)),
      unknown: applied.filter((name) => !known.includes(name)),
    };
  } catch (error) {
    const noSuchTable = (error as { code?: string }).code === "42P01";
    if (noSuchTable) return { pending: known, unknown: [] };
    throw error;
  }
}
