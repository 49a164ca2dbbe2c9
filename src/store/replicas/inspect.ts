// Looks at the primary and its replicas, for `doctor`.
import { unavailable } from "../driver/errors.ts";
import { PreferringClient } from "../driver/prefer-tls.ts";

const CONNECT_MS = 5_000;
const SYSTEM = "(select s.system_identifier::text from pg_catalog.pg_control_system() s) as system";
const number = (lsn: string) => `(${lsn} - '0/0'::pg_lsn)::bigint::text`;

/** @throws DomainError DATABASE_UNAVAILABLE if it cannot be reached */
export async function describePrimary(url: string): Promise<{ readonly system: string; readonly written: bigint }> {
  const row = await ask(url, `select ${SYSTEM}, ${number("pg_catalog.pg_current_wal_flush_lsn()")} as written`);
  return { system: String(row.system), written: BigInt(String(row.written)) };
}

export interface ReplicaDescription {
  /** The cluster that it is of. */
  readonly system: string;
  /** Undefined: it is no standby. */
  readonly replayed: bigint | undefined;
  /** Undefined: it does not stream. */
  readonly received: bigint | undefined;
  readonly hasTables: boolean;
}

/** @throws DomainError DATABASE_UNAVAILABLE if it cannot be reached */
export async function describeReplica(url: string, schema: string): Promise<ReplicaDescription> {
  const row = await ask(
    url,
    `select ${SYSTEM}, pg_catalog.to_regclass(pg_catalog.quote_ident($1) || '.wal_branch') is not null as tables,
      ${number("case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() end")} as replayed,
      ${number("pg_catalog.pg_last_wal_receive_lsn()")} as received`,
    [schema],
  );
  const lsn = (value: unknown) => (value === null ? undefined : BigInt(String(value)));
  return {
    system: String(row.system),
    replayed: lsn(row.replayed),
    received: lsn(row.received),
    hasTables: row.tables === true,
  };
}

/** Host and port of a URL, without user and password. */
export function nameOfReplica(url: string): string {
  const { hostname, port, searchParams } = new URL(url.replace("@/", "@localhost/"));
  return `${searchParams.get("host") ?? hostname}:${searchParams.get("port") ?? (port || "5432")}`;
}

async function ask(url: string, text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>> {
  const client = new PreferringClient({
    connectionString: url,
    application_name: "colloquy doctor",
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: CONNECT_MS,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.query(text, [...values])).rows[0];
  } catch (error) {
    throw unavailable(error);
  } finally {
    void client.end().catch(() => {});
  }
}
