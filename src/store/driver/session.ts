// Sets all session settings that can change results, whatever a role, a database or a URL sets.
import type { ClientBase, QueryResult } from "pg";
import { breakAfter } from "./connect-limit.ts";

/** In milliseconds; 0 means none. */
export interface SessionTimeouts {
  /** For one statement. A call's shorter deadline cancels it through its AbortSignal. */
  readonly statement: number;
  /** For one lock, after which the transaction is retried. */
  readonly lock: number;
  /** Between two statements of a transaction; then PostgreSQL ends the session. */
  readonly idleInTransaction: number;
}

export interface SessionOptions {
  readonly timeouts: SessionTimeouts;
  /** The schema of the tables. Default: `public`. */
  readonly schema?: string | undefined;
}

export const DEFAULT_SCHEMA = "public";

/** Sessions of a database whose tables are distributed. */
const sharded = new WeakSet<ClientBase>();

/** Whether this session's database has distributed tables. */
export function isSharded(client: ClientBase): boolean {
  return sharded.has(client);
}

/** Whether the tables are distributed: only then is there a table of slugs. */
function areDistributed(schema: string): string {
  return `pg_catalog.to_regclass('${quoted(schema).replaceAll("'", "''")}.tenant_slug') is not null`;
}

function quoted(schema: string): string {
  return `"${schema.replaceAll('"', '""')}"`;
}

/** The question for sessions that are not set up, see {@link setUpSession}. */
export function shardingQuestion(schema = DEFAULT_SCHEMA): string {
  return `select ${areDistributed(schema)} as sharded`;
}

function planMode(schema: string, local: boolean): string {
  return `case when ${areDistributed(schema)} then ${set(PLAN_MODE, PLAN_EACH, local)}
    else ${set(PLAN_MODE, ONE_PLAN, local)} end`;
}

/** JIT never pays off for statements of milliseconds. */
const PLANS = { jit: "off" };

/**
 * Statements use a generic plan: the right index does not depend on the values, planning takes longer than most
 * statements, and a tenant that the statistics do not know yet gets the same plan. Where tables are distributed, Citus
 * needs the values to find the shard.
 */
const PLAN_MODE = "plan_cache_mode";
const ONE_PLAN = "force_generic_plan";
const PLAN_EACH = "auto";

/** Settings of formats, of the meaning of statements, and of which rows they find. */
const MEANING = {
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  timezone_abbreviations: "Default",
  extra_float_digits: "1",
  bytea_output: "hex",
  client_encoding: "UTF8",
  client_min_messages: "warning",
  standard_conforming_strings: "on",
  array_nulls: "on",
  transform_null_equals: "off",
  xmlbinary: "base64",
  xmloption: "content",
  lc_monetary: "C",
  lc_numeric: "C",
  lc_time: "C",
  default_text_search_config: "pg_catalog.simple",
  gin_fuzzy_search_limit: "0",
  row_security: "on",
};

/** Settings of transactions and timeouts. */
const TRANSACTIONS = {
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  idle_session_timeout: "0",
  exit_on_error: "off",
};

/**
 * Whether sessions are read-only because of a role or a URL: a default, which Colloquy overrides. If the database or
 * the server is read-only, as some hosts do when the disk is full, it stays so.
 */
export const OF_ROLE = `(select s.source in ('user', 'database user', 'client') from pg_catalog.pg_settings s
  where s.name = 'default_transaction_read_only')`;

/**
 * Settings that are skipped if this PostgreSQL does not have them, or the value is harmless and the role may not change
 * it.
 */
const CONDITIONAL: readonly { readonly name: string; readonly value: string; readonly unless: string }[] = [
  // PostgreSQL 17.
  { name: "transaction_timeout", value: "0", unless: "is null" },
  // Only superusers may change it: without triggers, a purge would leave dependent rows.
  { name: "session_replication_role", value: "origin", unless: "in ('origin', 'local')" },
  { name: "default_transaction_read_only", value: "off", unless: `= 'off' or not ${OF_ROLE}` },
  // An acknowledged write is on disk. Stricter values are the operator's choice.
  { name: "synchronous_commit", value: "on", unless: "<> 'off'" },
];

/** A role's statement_timeout may be so short that the first statement needs several attempts. */
const ATTEMPTS = 5;
const CANCELED = "57014";

/**
 * The statements that set up a session, as one message. Names are qualified, because the search path is not set yet.
 */
export function sessionSetup({ timeouts, schema = DEFAULT_SCHEMA }: SessionOptions): string {
  const settings = {
    ...PLANS,
    ...MEANING,
    ...TRANSACTIONS,
    lock_timeout: String(timeouts.lock),
    idle_in_transaction_session_timeout: String(timeouts.idleInTransaction),
    search_path: quoted(schema),
  };
  const pinned = Object.entries(settings).map(([name, value]) => set(name, value));
  const conditional = CONDITIONAL.map(
    ({ name, value, unless }) =>
      `case when pg_catalog.current_setting('${name}', true) ${unless} then null else ${set(name, value)} end`,
  );
  const rest = [...conditional, planMode(schema, false), `${areDistributed(schema)} as sharded`];
  return `set statement_timeout = ${timeouts.statement}; select ${[...pinned, ...rest].join(", ")}`;
}

function set(name: string, value: string, local = false): string {
  return `pg_catalog.set_config('${name}', '${value.replaceAll("'", "''")}', ${local})`;
}

/** Those of {@link CONDITIONAL} that a transaction can still change when it has begun. */
const CHANGEABLE = new Set(["transaction_timeout", "session_replication_role", "synchronous_commit"]);

/**
 * One statement, without rows, that sets up the transaction in which it runs: behind a pooler in transaction mode the
 * next one has another session. `client_encoding` is left to the pooler, which knows its clients' encodings. What a
 * role sets for whole transactions cannot be changed so; the check at the start refuses it.
 */
export function transactionSetup({ timeouts, schema = DEFAULT_SCHEMA }: SessionOptions): string {
  const { client_encoding: _, ...meaning } = MEANING;
  const settings = {
    ...PLANS,
    ...meaning,
    statement_timeout: String(timeouts.statement),
    lock_timeout: String(timeouts.lock),
    idle_in_transaction_session_timeout: String(timeouts.idleInTransaction),
    search_path: quoted(schema),
  };
  const pinned = Object.entries(settings).map(([name, value]) => set(name, value, true));
  const conditional = CONDITIONAL.filter(({ name }) => CHANGEABLE.has(name)).map(
    ({ name, value, unless }) =>
      `case when pg_catalog.current_setting('${name}', true) ${unless} then null else ${set(name, value, true)} end`,
  );
  return `select 1 where pg_catalog.concat(${[...pinned, ...conditional, planMode(schema, true)].join(", ")}) is null`;
}

/**
 * Sets up a session once, before its first statement, so that statements need no extra round trip. Not with startup
 * parameters, because poolers refuse them.
 */
export async function setUpSession(client: ClientBase, setup: string, withinMs: number): Promise<void> {
  const limit = withinMs === 0 ? undefined : breakAfter(client, withinMs);
  try {
    await setUp(client, setup);
  } finally {
    limit?.cancel();
  }
}

async function setUp(client: ClientBase, setup: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answers = (await client.query(setup)) as unknown as QueryResult | readonly QueryResult[];
      if ([answers].flat().at(-1)?.rows[0]?.sharded === true) sharded.add(client);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== CANCELED || attempt === ATTEMPTS) throw error;
    }
  }
}
