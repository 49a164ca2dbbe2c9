// The settings of a session that can change an answer are Colloquy's own, whatever a role, a database or a URL gives it.
import type { ClientBase } from "pg";
import { breakAfter } from "./connect-limit.ts";

/** In milliseconds; 0 means none. */
export interface SessionTimeouts {
  /** For one statement. A call's own deadline, which is shorter, cancels through its AbortSignal. */
  readonly statement: number;
  /** For one lock; the transaction is then retried. */
  readonly lock: number;
  /** Between two statements of a transaction, after which PostgreSQL ends the session. */
  readonly idleInTransaction: number;
}

export interface SessionOptions {
  readonly timeouts: SessionTimeouts;
  /** Where the tables lie. Default: `public`. */
  readonly schema?: string | undefined;
}

export const DEFAULT_SCHEMA = "public";

/**
 * Statements keep the plan that holds for all values: which index leads to a page does not depend on them, planning
 * anew takes longer than most statements, and a tenant that the statistics do not know yet is planned for like the
 * others. Compiling plans never pays off for what takes milliseconds.
 */
const PLANS = { plan_cache_mode: "force_generic_plan", jit: "off" };

/** What decides how values are read and written, what statements mean and which rows they find. */
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

/** What decides whether a transaction may write, what it sees, and what ends a session. */
const TRANSACTIONS = {
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  idle_session_timeout: "0",
  exit_on_error: "off",
};

/**
 * Whether sessions are read-only because a role or a URL says so: a default for its sessions, which is ours to choose. Of
 * the database or the server it says that nothing may be changed, as some hosts do when the disk is full, and stands.
 */
export const OF_ROLE = `(select s.source in ('user', 'database user', 'client') from pg_catalog.pg_settings s
  where s.name = 'default_transaction_read_only')`;

/** A pin that this PostgreSQL does not have, or that this role may not change, is left where it does no harm. */
const CONDITIONAL: readonly { readonly name: string; readonly value: string; readonly unless: string }[] = [
  // PostgreSQL 17.
  { name: "transaction_timeout", value: "0", unless: "is null" },
  // Only superusers may: without its triggers, a purge would leave what hangs on a conversation.
  { name: "session_replication_role", value: "origin", unless: "in ('origin', 'local')" },
  { name: "default_transaction_read_only", value: "off", unless: `= 'off' or not ${OF_ROLE}` },
  // What is answered is on disk. Stricter than that is the owner's choice.
  { name: "synchronous_commit", value: "on", unless: "<> 'off'" },
];

/** A role may give its statements so little time that the first of them does not come through at once. */
const ATTEMPTS = 5;
const CANCELED = "57014";

/** The one message that makes a session ours. Functions are named whole: the search path is not ours yet. */
export function sessionSetup({ timeouts, schema = DEFAULT_SCHEMA }: SessionOptions): string {
  const settings = {
    ...PLANS,
    ...MEANING,
    ...TRANSACTIONS,
    lock_timeout: String(timeouts.lock),
    idle_in_transaction_session_timeout: String(timeouts.idleInTransaction),
    search_path: `"${schema.replaceAll('"', '""')}"`,
  };
  const pinned = Object.entries(settings).map(([name, value]) => set(name, value));
  const conditional = CONDITIONAL.map(
    ({ name, value, unless }) =>
      `case when pg_catalog.current_setting('${name}', true) ${unless} then null else ${set(name, value)} end`,
  );
  return `set statement_timeout = ${timeouts.statement}; select ${[...pinned, ...conditional].join(", ")}`;
}

function set(name: string, value: string): string {
  return `pg_catalog.set_config('${name}', '${value.replaceAll("'", "''")}', false)`;
}

/**
 * Makes a session ours, once, before its first statement: statements cost no round trip for it. Not by startup
 * parameters, which poolers refuse.
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
      await client.query(setup);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== CANCELED || attempt === ATTEMPTS) throw error;
    }
  }
}
