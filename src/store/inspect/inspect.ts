// Checks whether an external database is suitable, before it is used.
import type pg from "pg";
import { kindOf, unavailable } from "../driver/errors.ts";
import { PreferringClient } from "../driver/prefer-tls.ts";
import { OF_ROLE } from "../driver/session.ts";
import { MIGRATION_TABLE } from "../migrations/names.ts";
import { BACKEND, keepsStatements, type Pooling, poolerIn, sharing } from "./pooling.ts";

export interface Inspection {
  readonly url: string;
  /** The schema of the tables. */
  readonly schema: string;
  /** Whether tables are to be created. */
  readonly migrating: boolean;
  /** How a pooler may use sessions; `past`: the URL is the one past the pooler. Default: `session`. */
  readonly pooling?: Pooling | "past" | undefined;
}

const CONNECT_MS = 5_000;
const OLDEST = 15;

/**
 * Returns the problem and how to fix it, in one sentence; undefined: none.
 *
 * @throws DomainError DATABASE_UNAVAILABLE if it cannot be reached
 */
export async function inspectDatabase({ url, pooling, ...wish }: Inspection): Promise<string | undefined> {
  await using first = await connect(url);
  await using second = await connect(url);
  try {
    const shared = await sharing(first.client, second.client);
    if (shared === "statement" || (shared !== undefined && pooling !== "transaction"))
      return poolerIn(shared, pooling === "past");
    const found = await look(first.client, wish.schema);
    return (pooling === "transaction" ? unchangeable(found) : undefined) ?? problemOf(found, wish);
  } catch (error) {
    throw kindOf(error) === "definite" ? error : unavailable(error);
  }
}

/**
 * Whether statements can be prepared behind a pooler in transaction mode.
 *
 * @throws DomainError DATABASE_UNAVAILABLE if it cannot be reached
 */
export async function mayPrepare(url: string): Promise<boolean> {
  await using first = await connect(url);
  await using second = await connect(url);
  try {
    return await keepsStatements(first.client, second.client);
  } catch (error) {
    throw unavailable(error);
  }
}

export interface DatabaseFacts {
  /** As PostgreSQL names it, such as `17.2 (Debian 17.2-1)`. */
  readonly version: string;
  /** Its clock minus this machine's, in milliseconds, as exact as the round trip is short. */
  readonly clockAheadMs: number;
  /** The round trip of a statement, in milliseconds. */
  readonly roundTripMs: number;
}

/** @throws DomainError DATABASE_UNAVAILABLE if it cannot be reached */
export async function describeDatabase(url: string): Promise<DatabaseFacts> {
  await using connection = await connect(url);
  const text =
    "select current_setting('server_version') as version, extract(epoch from clock_timestamp()) * 1000 as now";
  // The first statement of a session is slower.
  await connection.client.query(BACKEND);
  const begin = Date.now();
  const [row] = (await connection.client.query(text)).rows;
  const end = Date.now();
  return { version: row.version, clockAheadMs: Number(row.now) - (begin + end) / 2, roundTripMs: end - begin };
}

/** A session for checks, which is closed at the end of its block. */
export interface Connected extends AsyncDisposable {
  readonly client: pg.Client;
}

/** @throws DomainError DATABASE_UNAVAILABLE if it cannot be reached */
export async function connect(url: string): Promise<Connected> {
  const client = new PreferringClient({
    connectionString: url,
    application_name: "colloquy start",
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: CONNECT_MS,
  });
  // Queries fail by themselves; without a listener this event would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    throw unavailable(error);
  }
  return { client, [Symbol.asyncDispose]: () => client.end().catch(() => {}) };
}

interface Look {
  readonly version: number;
  readonly version_name: string;
  readonly encoding: string;
  readonly standby: boolean;
  readonly read_only: boolean;
  readonly database: string;
  readonly role: string;
  readonly schema_exists: boolean;
  readonly may_make_schema: boolean;
  readonly may_create: boolean | null;
  /** Where the role's own search path finds the tables. */
  readonly found_in: string | null;
  /** A table that the role may not use. */
  readonly forbidden: string | null;
  readonly replica: boolean;
  /** Whether transactions of the role are read-only, or not `read committed`, by default. */
  readonly role_read_only: boolean;
  readonly isolation: string;
}

async function look(client: pg.Client, schema: string): Promise<Look> {
  const text = `
    select current_setting('server_version_num')::int as version, current_setting('server_version') as version_name,
      pg_encoding_to_char(d.encoding) as encoding, pg_is_in_recovery() as standby,
      current_setting('default_transaction_read_only') = 'on' and not ${OF_ROLE} as read_only, d.datname as database, current_user as role,
      n.oid is not null as schema_exists, has_database_privilege(d.oid, 'create') as may_make_schema,
      has_schema_privilege(n.oid, 'usage') and has_schema_privilege(n.oid, 'create') as may_create,
      (select f.nspname from pg_class c join pg_namespace f on f.oid = c.relnamespace
        where c.oid = to_regclass('${MIGRATION_TABLE}')) as found_in,
      (select min(c.relname) from pg_class c where c.relnamespace = n.oid and c.relname = any($2::text[])
        and not (has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
          and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete'))) as forbidden,
      current_setting('session_replication_role') = 'replica'
        and current_setting('is_superuser') = 'off' as replica,
      current_setting('default_transaction_read_only') = 'on' and ${OF_ROLE} as role_read_only,
      current_setting('default_transaction_isolation') as isolation
    from pg_database d left join pg_namespace n on n.nspname = $1 where d.datname = current_database()`;
  return (await client.query({ text, values: [schema, TABLES] })).rows[0];
}

/** Those whose privileges stand for all of ours. */
const TABLES = [
  "tenant",
  "member",
  "api_key",
  "conversation",
  "participant",
  "message",
  "event",
  "idempotency",
  "audit",
];

/** What a role sets for whole transactions, and a transaction cannot change any more. */
function unchangeable({ role, role_read_only, isolation }: Look): string | undefined {
  if (role_read_only) {
    return `the role "${role}" is read-only, which a transaction behind a pooler cannot change: \`alter role "${role}" reset default_transaction_read_only\``;
  }
  if (isolation === "read committed") return undefined;
  return `the role "${role}" has default_transaction_isolation = ${isolation}, which a transaction behind a pooler cannot change: \`alter role "${role}" reset default_transaction_isolation\``;
}

function problemOf(found: Look, { schema, migrating }: Pick<Inspection, "schema" | "migrating">): string | undefined {
  const { version, version_name, encoding, database, role } = found;
  if (version < OLDEST * 10_000) return `leads to PostgreSQL ${version_name}: Colloquy needs ${OLDEST} or later`;
  if (encoding !== "UTF8") {
    return (
      `the encoding of the database "${database}" is ${encoding}, which cannot hold every text: make one with ` +
      `\`create database … encoding 'UTF8' template template0\` and use that`
    );
  }
  if (found.standby) return "leads to a standby, which takes no changes: name the primary";
  if (found.read_only) {
    return (
      `the database "${database}" is read-only (default_transaction_read_only is on for the database or the server): ` +
      "set it to off, or name another database"
    );
  }
  if (found.replica) {
    return `the role "${role}" has session_replication_role = replica, without foreign keys: \`alter role "${role}" reset session_replication_role\``;
  }
  if (found.found_in !== null && found.found_in !== schema) {
    return (
      `the tables lie in the schema "${found.found_in}", which the role's search_path names: ` +
      `set COLLOQUY_DATABASE_SCHEMA=${found.found_in}`
    );
  }
  if (migrating && !found.schema_exists && !found.may_make_schema) {
    return `there is no schema "${schema}", and the role "${role}" may not make it: \`create schema "${schema}" authorization "${role}"\` as its owner`;
  }
  if (migrating && found.may_create === false) {
    return `the role "${role}" may not make tables in the schema "${schema}": \`grant usage, create on schema "${schema}" to "${role}"\` as its owner`;
  }
  if (found.forbidden !== null) {
    return (
      `the role "${role}" may not read and write the table "${found.forbidden}": ` +
      `\`grant select, insert, update, delete on all tables in schema "${schema}" to "${role}"\` as its owner`
    );
  }
  return undefined;
}
