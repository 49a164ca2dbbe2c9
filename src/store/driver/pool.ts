// The one connection pool that native statements and MikroORM share: its bounds, its timeouts.
import pg, { type ClientBase, type Pool, type PoolClient } from "pg";
import { ormTypes } from "../orm/types.ts";
import { connectingWithin } from "./connect-limit.ts";
import { PoolBusy } from "./errors.ts";
import { afterOwnTime } from "./own-time.ts";
import { tappedClient } from "./row-parser.ts";
import { type SessionTimeouts, sessionSetup, setUpSession } from "./session.ts";

/** Told of everything that goes to PostgreSQL, native and MikroORM's alike. For tests and metrics. */
export interface DatabaseObserver {
  /** One exchange with PostgreSQL, `begin` and `commit` among them. */
  onRoundTrip?(): void;
  /** The text of a statement, as it is sent. */
  onStatement?(text: string): void;
}

export interface PoolSettings {
  /** `postgresql://…`; a Unix socket's directory goes into `?host=`. */
  readonly url: string;
  /** Connections at most. */
  readonly size: number;
  /** Calls at most that wait for a connection; the next is refused with OVERLOADED. */
  readonly maxWaiting: number;
  /** How PostgreSQL names our sessions in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly timeouts: Timeouts;
  /** Where the tables lie; `public` unless told. */
  readonly schema?: string | undefined;
  readonly observer: DatabaseObserver | undefined;
  /** Where connections that drop are reported: a line for a log, without content. */
  readonly onConnectionLost: (message: string) => void;
}

/** In milliseconds; 0 means none. */
export interface Timeouts extends SessionTimeouts {
  /** To connect, and to wait for a free connection. Time in which this process does not run does not count. */
  readonly connect: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  connect: 5_000,
  statement: 30_000,
  lock: 5_000,
  idleInTransaction: 15_000,
};

/** How long an idle connection is kept, and how long a quiet socket waits for its first keep-alive, in milliseconds. */
const IDLE_CONNECTION_MS = 60_000;
const KEEP_ALIVE_AFTER_MS = 10_000;

function textOf(query: unknown): string {
  if (typeof query === "string") return query;
  return (query as { text?: string }).text ?? "";
}

/** Every query of both kinds goes through the client's one method `query`, so this sees them all. */
function observe(client: ClientBase, observer: DatabaseObserver): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  client.query = ((...args: unknown[]) => {
    observer.onRoundTrip?.();
    observer.onStatement?.(textOf(args[0]));
    return query(...args);
  }) as ClientBase["query"];
}

/** The connections, and those that wait for one because all are busy. */
export interface ConnectionQueue {
  /** How many wait. */
  readonly waiting: number;
  /** Whether the next would be refused. */
  readonly full: boolean;
  /** How long the first of them has waited, in milliseconds; 0: nobody waits. */
  readonly waitedMs: number;
  readonly open: number;
  readonly idle: number;
}

/** Waits for a connection. Gives what is called by who no longer waits: its place in the queue is free then. */
export type Connect = (callback: Connected) => () => void;

/** Refuses at once, instead of letting calls pile up that time out anyway. */
function boundQueue(pool: Pool, size: number, maxWaiting: number, waitMs: number): [ConnectionQueue, Connect] {
  const connect = pool.connect.bind(pool) as (callback: Connected) => void;
  /** In the order in which they came: when each did. */
  const waiting = new Set<{ readonly since: number }>();
  const free = () => pool.idleCount > 0 || pool.totalCount < size;

  function enter(callback: Connected): () => void {
    if (free() && pool.waitingCount === 0) connect(callback);
    else if (waiting.size >= maxWaiting) refuse(callback, "too many calls wait for the database");
    else return wait(callback);
    return () => {};
  }
  function wait(callback: Connected): () => void {
    const one = { since: performance.now() };
    waiting.add(one);
    const limit = waitMs === 0 ? undefined : afterOwnTime(waitMs, giveUp);
    const arrived: Connected = (error, client, done) => {
      limit?.cancel();
      // It has given up, and pg-pool no longer has the list in which it was.
      if (!waiting.delete(one)) done();
      else callback(error, client, done);
    };
    function leave(): void {
      limit?.cancel();
      if (waiting.delete(one)) forget(pool, arrived);
    }
    function giveUp(): void {
      leave();
      refuse(callback, "no connection to the database was free in time");
    }
    connect(arrived);
    return leave;
  }
  pool.connect = ((callback?: Connected) => {
    if (callback === undefined) {
      return new Promise((resolve, reject) => {
        enter((error, client) => (client === undefined ? reject(error) : resolve(client)));
      });
    }
    enter(callback);
    return undefined;
  }) as Pool["connect"];
  const queue: ConnectionQueue = {
    get waiting() {
      return waiting.size;
    },
    get full() {
      return waiting.size >= maxWaiting && pool.idleCount === 0;
    },
    get waitedMs() {
      for (const { since } of waiting) return performance.now() - since;
      return 0;
    },
    get open() {
      return pool.totalCount;
    },
    get idle() {
      return pool.idleCount;
    },
  };
  return [queue, enter];
}

function refuse(callback: Connected, why: string): void {
  callback(new PoolBusy(why), undefined, () => {});
}

/** Takes one that waits out of pg-pool's list, where pg-pool still has one. */
function forget(pool: Pool, callback: Connected): void {
  const pending = (pool as unknown as InnerPool)._pendingQueue;
  const place = pending?.findIndex((item) => item.callback === callback) ?? -1;
  if (place >= 0) pending?.splice(place, 1);
}

export type Connected = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

/** What {@link takeIdle} and {@link forget} use of pg-pool beside its documented face. */
interface InnerPool {
  readonly _idle?: IdleClient[];
  readonly _pendingQueue?: Array<{ readonly callback: unknown }>;
  _acquireClient?(
    client: PoolClient,
    pending: { readonly callback: Connected; readonly timedOut: boolean },
    idleListener: unknown,
    isNew: boolean,
  ): void;
}

interface IdleClient {
  readonly client: PoolClient;
  readonly idleListener: unknown;
  readonly timeoutId: NodeJS.Timeout | undefined;
}

/**
 * An idle connection, at once: `connect` gives it a turn later, and sets a timer for that. Undefined: there is none, or
 * others wait, or pg-pool no longer has what this is made of.
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
  /** As `pool.connect`, for those who may stop waiting. */
  readonly connect: Connect;
}

/** Makes the pool; does not connect yet. */
export function openPool({ timeouts, observer, ...settings }: PoolSettings): OpenPool {
  const setup = sessionSetup({ timeouts, schema: settings.schema });
  const pool = new pg.Pool({
    connectionString: settings.url,
    max: settings.size,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    application_name: settings.applicationName,
    onConnect: (client) => setUpSession(client, setup, timeouts.connect),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    types: ormTypes,
    Client: connectingWithin(timeouts.connect, tappedClient()),
  });
  const [queue, connect] = boundQueue(pool, settings.size, settings.maxWaiting, timeouts.connect);
  const lost = ({ message }: Error) => settings.onConnectionLost(`a connection to PostgreSQL was lost: ${message}`);
  // Without listeners a connection that drops would end the process. The query under way fails by itself.
  pool.on("error", lost);
  pool.on("connect", (client: PoolClient) => {
    client.on("error", lost);
    if (observer !== undefined) observe(client, observer);
  });
  return { pool, queue, connect };
}
