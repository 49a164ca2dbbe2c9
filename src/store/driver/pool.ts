// The connection pool of native statements and MikroORM, with its limits and timeouts.
import pg, { type ClientBase, type Pool, type PoolClient } from "pg";
import { ormTypes } from "../orm/types.ts";
import { connectingWithin } from "./connect-limit.ts";
import { boundQueue, type Connect, type ConnectionQueue, type InnerPool } from "./connection-queue.ts";
import type { Pooled } from "./prepared-query.ts";
import { tappedClient } from "./row-parser.ts";
import { type SessionTimeouts, sessionSetup, setUpSession, shardingQuestion, transactionSetup } from "./session.ts";

/** Observes everything sent to PostgreSQL, native and by MikroORM. For tests and metrics. */
export interface DatabaseObserver {
  /** One round trip, including `begin` and `commit`. */
  onRoundTrip?(): void;
  /** The text of a sent statement. */
  onStatement?(text: string): void;
}

export interface PoolSettings {
  /** `postgresql://…`; a Unix socket's directory goes into `?host=`. */
  readonly url: string;
  /** Maximum connections. */
  readonly size: number;
  /** Maximum waiting calls; the next is refused with OVERLOADED. */
  readonly maxWaiting: number;
  /** The name of our sessions in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly timeouts: Timeouts;
  /** The schema of the tables. Default: `public`. */
  readonly schema?: string | undefined;
  /** Behind a pooler in transaction mode: whether it knows prepared statements. Undefined: sessions are our own. */
  readonly pooled?: { readonly prepares: boolean } | undefined;
  readonly observer: DatabaseObserver | undefined;
  /** Called with a log message, without content, when a connection is lost. */
  readonly onConnectionLost: (message: string) => void;
}

/** In milliseconds; 0 means none. */
export interface Timeouts extends SessionTimeouts {
  /** To connect, and to wait for a free connection. Only time in which this process runs counts. */
  readonly connect: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  connect: 5_000,
  statement: 30_000,
  lock: 5_000,
  idleInTransaction: 15_000,
};

/** Idle time before a connection is closed, and before a socket's first keep-alive, in milliseconds. */
const IDLE_CONNECTION_MS = 60_000;
const KEEP_ALIVE_AFTER_MS = 10_000;

function textOf(query: unknown): string {
  if (typeof query === "string") return query;
  return (query as { text?: string }).text ?? "";
}

/** Native and MikroORM queries both go through the client's method `query`. */
function observe(client: ClientBase, observer: DatabaseObserver): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  client.query = ((...args: unknown[]) => {
    observer.onRoundTrip?.();
    observer.onStatement?.(textOf(args[0]));
    return query(...args);
  }) as ClientBase["query"];
}

/**
 * An idle connection, synchronously: `connect` would return it a turn later and set a timer. Undefined: there is none,
 * others wait, or pg-pool's private members have changed.
 */
export function takeIdle(pool: Pool): PoolClient | undefined {
  const inner = pool as unknown as InnerPool;
  if (pool.ending || inner._pendingQueue?.length !== 0 || inner._acquireClient === undefined) return undefined;
  const idle = inner._idle?.pop();
  if (idle === undefined) return undefined;
  clearTimeout(idle.timeoutId);
  inner._acquireClient(idle.client, { callback: () => {}, timedOut: false }, idle.idleListener, false);
  return idle.client;
}

export interface OpenPool {
  readonly pool: Pool;
  readonly queue: ConnectionQueue;
  /** Like `pool.connect`, but the caller can stop waiting. */
  readonly connect: Connect;
  /** Undefined: each connection is a session. */
  readonly pooled: Pooled | undefined;
}

/** Creates the pool without connecting. */
export function openPool({ timeouts, observer, ...settings }: PoolSettings): OpenPool {
  const sessions = { timeouts, schema: settings.schema };
  const pooled = settings.pooled && { ...settings.pooled, setup: transactionSetup(sessions) };
  const setup = pooled === undefined ? sessionSetup(sessions) : shardingQuestion(settings.schema);
  const pool = new pg.Pool({
    connectionString: settings.url,
    max: settings.size,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    application_name: settings.applicationName,
    onConnect: (client: ClientBase) => setUpSession(client, setup, timeouts.connect),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    types: ormTypes,
    Client: connectingWithin(timeouts.connect, tappedClient()),
  });
  const [queue, connect] = boundQueue(pool, settings.size, settings.maxWaiting, timeouts.connect);
  const lost = ({ message }: Error) => settings.onConnectionLost(`a connection to PostgreSQL was lost: ${message}`);
  // Without a listener, a lost connection would end the process. Its running query fails by itself.
  pool.on("error", lost);
  pool.on("connect", (client: PoolClient) => {
    client.on("error", lost);
    if (observer !== undefined) observe(client, observer);
  });
  return { pool, queue, connect, pooled };
}
