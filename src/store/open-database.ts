// Opens a database on a pool of connections to PostgreSQL, with its replicas.
import { availableParallelism } from "node:os";
import type { Database } from "./database.ts";
import { type DatabaseObserver, DEFAULT_TIMEOUTS, openPool, type Timeouts } from "./driver/pool.ts";
import { PostgresDatabase } from "./postgres-database.ts";
import type { ReplicaSettings } from "./replicas/open.ts";
import { SCHEMA, type Schema } from "./schema.ts";

export interface DatabaseOptions {
  /** `postgresql://…`; a Unix socket's directory goes into `?host=`. */
  readonly url: string;
  /** Maximum connections. Default: 10, or 2 for each core if that is more. */
  readonly poolSize?: number;
  /** Maximum calls that wait for a connection. Default: 16 times the pool's size. */
  readonly maxWaiting?: number;
  readonly applicationName?: string;
  readonly timeouts?: Partial<Timeouts>;
  readonly observer?: DatabaseObserver;
  readonly onConnectionLost?: (message: string) => void;
  /** Behind a pooler in transaction mode: whether it knows prepared statements. Default: sessions are our own. */
  readonly pooled?: { readonly prepares: boolean } | undefined;
  /** The schema of the tables. Default: `public`. */
  readonly searchPath?: string | undefined;
  /** Its entities and migrations. Default: Colloquy's. */
  readonly schema?: Schema;
  /** Of which calls may be answered that say what they have seen. Default: none. */
  readonly replicas?: Pick<ReplicaSettings, "urls" | "onChange"> | undefined;
}

/** The default of `poolSize`. */
export function defaultPoolSize(): number {
  return Math.max(10, 2 * availableParallelism());
}

/** Opens a database. Connects at the first query; `ping` checks whether it can be reached. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const schema = options.schema ?? SCHEMA;
  const size = options.poolSize ?? defaultPoolSize();
  const onConnectionLost = options.onConnectionLost ?? (() => {});
  const settings = {
    size,
    maxWaiting: options.maxWaiting ?? 16 * size,
    applicationName: options.applicationName ?? "colloquy",
    timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
    schema: options.searchPath,
    pooled: options.pooled,
    observer: options.observer,
    onConnectionLost,
  };
  const opened = openPool({ ...settings, url: options.url });
  const primary = new PostgresDatabase(opened, schema, onConnectionLost);
  if (options.replicas === undefined) return primary;
  const { withReplicas } = await import("./replicas/open.ts");
  return withReplicas(primary, { ...settings, ...options.replicas });
}
