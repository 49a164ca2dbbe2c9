// The queue before the pool of connections: bounded, and fair to tenants and their callers.
import type { Pool, PoolClient } from "pg";
import { FairQueue, type Waiter } from "../../domain/identity/fair-queue.ts";
import type { Party } from "../../domain/identity/party.ts";
import { PoolBusy } from "./errors.ts";
import { afterOwnTime, type OwnTimeout } from "./own-time.ts";

/** The calls that wait for a connection. */
export interface ConnectionQueue {
  /** Number of waiting calls. */
  readonly waiting: number;
  /** Whether the next call finds no place, so that it or another one is refused. */
  readonly full: boolean;
  /** Whether, while it is full, the next call of this party would be refused: nobody waits more than it does. */
  refuses(party: Party): boolean;
  /** How long the first one has waited, in milliseconds; 0: none waits. */
  readonly waitedMs: number;
  /** How many found no place, or gave it up to others; and how many waited for too long. */
  readonly refused: Readonly<Record<"queue_full" | "queue_time", number>>;
  readonly open: number;
  readonly idle: number;
}

/** Waits for a connection, `urgent` before all that are not. Returns a function that leaves the queue. */
export type Connect = (callback: Connected, party?: Party, urgent?: boolean) => () => void;

const WHY = {
  queue_full: "too many calls wait for the database",
  queue_time: "no connection to the database was free in time",
};
const NOBODY: Party = { tenant: "", caller: "" };

interface Waiting {
  readonly since: number;
  readonly callback: Connected;
  readonly limit: OwnTimeout | undefined;
}

/**
 * Bounds the queue: further calls are refused at once instead of timing out later. It is fair: tenants take turns, then
 * their callers, and in a full queue the last one of those who wait most gives way to a call of somebody who waits
 * less.
 */
export function boundQueue(pool: Pool, size: number, maxWaiting: number, waitMs: number): [ConnectionQueue, Connect] {
  const connect = pool.connect.bind(pool) as (callback: Connected) => void;
  const fair = new FairQueue<Waiting>();
  /** In order of arrival. */
  const waiting = new Set<Waiter<Waiting>>();
  /** What waits in pg-pool: at least one for each who waits here, and any of them serves whose turn it is. */
  const tickets = new Set<Connected>();
  const refused = { queue_full: 0, queue_time: 0 };
  const free = () => pool.idleCount > 0 || pool.totalCount < size;

  function enter(callback: Connected, party = NOBODY, urgent = false): () => void {
    if (free() && pool.waitingCount === 0) connect(callback);
    else if (fair.size < maxWaiting || urgent || giveWay(party)) return wait(callback, party, urgent);
    else refuse(callback, "queue_full");
    return () => {};
  }
  function wait(callback: Connected, party: Party, urgent: boolean): () => void {
    const since = performance.now();
    const giveUp = () => {
      if (leave(one)) refuse(callback, "queue_time");
    };
    const limit = waitMs === 0 ? undefined : afterOwnTime(waitMs, giveUp);
    const one: Waiter<Waiting> = { ...party, urgent, item: { since, callback, limit } };
    fair.add(one);
    waiting.add(one);
    const ticket: Connected = (error, client, done) => {
      tickets.delete(ticket);
      const next = fair.next();
      // All have left the queue, but pg-pool's list was not accessible.
      if (next === undefined) return done();
      waiting.delete(next);
      next.item.limit?.cancel();
      next.item.callback(error, client, done);
    };
    tickets.add(ticket);
    connect(ticket);
    return () => void leave(one);
  }
  function leave(one: Waiter<Waiting>): boolean {
    one.item.limit?.cancel();
    if (!fair.delete(one)) return false;
    waiting.delete(one);
    forgetOne(pool, tickets);
    return true;
  }
  function refuse(callback: Connected, cause: keyof typeof WHY): void {
    refused[cause]++;
    callback(new PoolBusy(WHY[cause]), undefined, () => {});
  }
  /** Whether a place has become free for this party. */
  function giveWay(party: Party): boolean {
    const last = fair.displacedBy(party);
    if (last === undefined) return false;
    leave(last);
    refuse(last.item.callback, "queue_full");
    return true;
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
      return fair.size;
    },
    get full() {
      return fair.size >= maxWaiting && pool.idleCount === 0;
    },
    refuses: (party) => fair.isLongest(party),
    get waitedMs() {
      for (const { item } of waiting) return performance.now() - item.since;
      return 0;
    },
    refused,
    get open() {
      return pool.totalCount;
    },
    get idle() {
      return pool.idleCount;
    },
  };
  return [queue, enter];
}

/** Removes one of these from pg-pool's private list, the last one. */
function forgetOne(pool: Pool, tickets: Set<Connected>): void {
  const pending = (pool as unknown as InnerPool)._pendingQueue;
  const place = pending?.findLastIndex(({ callback }) => tickets.has(callback as Connected)) ?? -1;
  const [gone] = place < 0 ? [] : (pending?.splice(place, 1) ?? []);
  if (gone !== undefined) tickets.delete(gone.callback as Connected);
}

export type Connected = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

/** Private members of pg-pool that {@link forgetOne} and `takeIdle` use. */
export interface InnerPool {
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
