// Applies migrations, and reports pending ones.
import { setTimeout as sleep } from "node:timers/promises";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import type { Database, Statement } from "./database.ts";
import { isLockTimeout, kindOf } from "./driver/errors.ts";
import { MIGRATION_TABLE } from "./migrations/names.ts";
import { distribute, distributionScript, requireCoordinator, undistributed } from "./sharding/distribute.ts";

/** Held while migrations run, so that servers that start together migrate one after the other. */
const LOCK: Statement = { name: "migration_lock", text: "select pg_advisory_xact_lock(4874051, 3)" };
/** Disables timeouts: a migration may take long, and wait for others. */
const PATIENCE: Statement = {
  name: "migration_patience",
  text: `select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true)`,
};
/** While a statement waits for the lock of a table, all that is called waits behind it. */
const SHORT_WAITS: Statement = { name: "migration_short_waits", text: "select set_config('lock_timeout', $1, true)" };
/** Who has been in a transaction for the longest. */
const HOLDER: Statement<LockHolder> = {
  name: "migration_holder",
  text: `select pid, application_name as name, xact_start as since
    from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
    order by xact_start limit 1`,
};

/** A session that may hold the lock that a migration waits for. */
export interface LockHolder {
  readonly pid: number;
  /** Its `application_name`. */
  readonly name: string;
  /** When its transaction began. */
  readonly since: Date;
}

export interface MigrateOptions {
  /**
   * How long a statement waits for the lock of a table before all of it is undone and begun again later. Default: 2,000
   * ms.
   */
  readonly lockMs?: number;
  /** How long others go on before the next attempt. Default: 3,000 ms. */
  readonly pauseMs?: number;
  /** How long attempts are made. Default: 10 minutes. */
  readonly patienceMs?: number;
  /** Told before each pause, with the session that has been in a transaction for the longest. */
  readonly onWait?: (holder: LockHolder | undefined) => void;
}

const LOCK_MS = 2_000;
const PAUSE_MS = 3_000;
const PATIENCE_MS = 600_000;

/**
 * How often all of it is begun again after a collision with the calls of a server that goes on meanwhile, such as a
 * deadlock.
 */
const RETRIES = 20;
const PASSING: ReadonlySet<string> = new Set(["conflict", "stale-plan"]);

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
 * Applies all pending migrations in one transaction. Safe to run on several servers at once, and beside servers that go
 * on: where somebody keeps a table locked, such as an export, the calls that wait for the migration are let on between
 * attempts.
 *
 * Where the database has Citus, tables are distributed, too.
 *
 * @returns the names of the migrations that this call applied, and of what else it did
 * @throws DomainError OVERLOADED, which names the session, if a table stays locked
 */
export async function migrate(database: Database, options: MigrateOptions = {}): Promise<string[]> {
  const state = await migrationState(database);
  if (state.pending.length === 0 && state.undistributed.length === 0) return [];
  await requireCoordinator(database);
  await makePlace(database);
  const { lockMs = LOCK_MS, pauseMs = PAUSE_MS, patienceMs = PATIENCE_MS, onWait } = options;
  const until = performance.now() + patienceMs;
  for (let collisions = 0; ; ) {
    try {
      const done = await migrateOnce(database, lockMs);
      // The sessions that there are take the tables for those of one PostgreSQL.
      if (done.length > 0) database.renew();
      return done;
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (!isLockTimeout(cause)) {
        if (!PASSING.has(kindOf(cause)) || collisions++ >= RETRIES) throw error;
        continue;
      }
      const [holder] = await database.query(HOLDER, []);
      if (performance.now() >= until) throw new DomainError(ErrorReason.OVERLOADED, stayedLocked(holder));
      onWait?.(holder);
    }
    await sleep(pauseMs);
  }
}

async function migrateOnce(database: Database, lockMs: number): Promise<string[]> {
  const { Migrator } = await import("@mikro-orm/migrations");
  const { em } = await database.orm();
  return database.transaction(
    undefined,
    async (transaction) => {
      await transaction.query(PATIENCE, []);
      await transaction.query(LOCK, []);
      await transaction.query(SHORT_WAITS, [`${lockMs}ms`]);
      const migrator = new Migrator(em);
      const applied = await migrator.up({ transaction: (await transaction.orm()).getTransactionContext() as never });
      const distributed = await distribute(transaction);
      return [...applied.map(({ name }) => name), ...distributed];
    },
    { retries: 0 },
  );
}

function stayedLocked(holder: LockHolder | undefined): string {
  const who = holder === undefined ? "another session" : sessionInWords(holder);
  return `a table stays locked by ${who}: end it, or migrate later; nothing has been changed`;
}

/** For messages: which session it is. */
export function sessionInWords({ pid, name, since }: LockHolder): string {
  const whose = name === "" ? "" : ` (${name})`;
  return `the session with the pid ${pid}${whose}, in a transaction since ${since.toISOString()}`;
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
  const distribution = await distributionScript(database, pending.length > 0);
  if (pending.length === 0 && distribution.length === 0) return "";
  const { migrations } = await database.schema.load();
  const { em } = await database.orm();
  const parts = [
    "begin",
    `set local lock_timeout = '${LOCK_MS}ms'`,
    `create schema if not exists ${schema}`,
    `set local search_path = ${schema}`,
    TABLE,
  ];
  for (const name of pending) {
    const found = migrations.find((migration) => migration.name === name);
    if (found === undefined) throw new Error(`there is no migration ${name}`);
    const migration = new found.class(em.getDriver() as never, em.config);
    await migration.up();
    const [first, ...rest] = migration.getQueries().map(String);
    parts.push(`-- ${name}\n${first}`, ...rest, `insert into ${MIGRATION_TABLE} (name) values ('${name}')`);
  }
  return [...parts, ...distribution, "commit"].map((statement) => `${statement.trim().replace(/;$/, "")};\n`).join("");
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
  /** What `migrate` would distribute over the nodes of a Citus cluster, in words. */
  readonly undistributed: readonly string[];
}

export async function migrationState(database: Database): Promise<MigrationState> {
  const known = database.schema.migrationNames;
  try {
    const applied = (await database.query(APPLIED, [])).map(({ name }) => name);
    return {
      pending: known.filter((name) => !applied.includes(name)),
      unknown: applied.filter((name) => !known.includes(name)),
      undistributed: await undistributed(database),
    };
  } catch (error) {
    const noSuchTable = (error as { code?: string }).code === "42P01";
    if (noSuchTable) return { pending: known, unknown: [], undistributed: [] };
    throw error;
  }
}
