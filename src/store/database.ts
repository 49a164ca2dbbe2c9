// The database as the rest of the server sees it: named prepared statements, transactions, and MikroORM beside them.
import type { EntityManager, MikroORM } from "@mikro-orm/postgresql";
import type { Interrupt } from "../domain/cancellation.ts";
import type { ConnectionQueue } from "./driver/connection-queue.ts";
import type { Queryable, Transaction } from "./driver/statement.ts";
import type { ReplicaFigures } from "./replicas/figures.ts";
import type { Schema } from "./schema.ts";
import type { Reader } from "./snapshots/snapshot.ts";

export type { Queryable, Statement, Transaction } from "./driver/statement.ts";

export interface TransactionOptions {
  /** Maximum retries after a deadlock, lock timeout or serialization failure. Default: 3. */
  readonly retries?: number;
  /** The conversation that it changes: it waits for other changes of it before it takes a connection. */
  readonly conversation?: { readonly tenantId: string; readonly id: string };
}

export interface Database extends Queryable {
  /** MikroORM on the same connections, imported at first use. */
  orm(): Promise<MikroORM>;
  readonly schema: Schema;
  /** The load of the connections. */
  readonly queue: ConnectionQueue;
  /** What is read at replicas. Undefined: there are none. */
  readonly replicas?: { readonly figures: ReplicaFigures } | undefined;
  /**
   * Runs `work` in one transaction (read committed): commits when it returns, rolls back when it throws or `signal`
   * aborts. May run it again after a conflict with another transaction, so it must only do database work.
   *
   * @throws DomainError DATABASE_UNAVAILABLE with `metadata.outcome` "unknown" if the connection broke during the
   * commit
   */
  transaction<T>(
    signal: Interrupt | undefined,
    work: (transaction: Transaction) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;
  /**
   * Yields what `read` yields, from one snapshot: one read-only transaction (repeatable read) that holds a connection
   * until the end. At most a quarter of the connections do this at once; further ones wait up to 30 seconds.
   *
   * @param bytesOf the approximate size of an item
   * @throws DomainError OVERLOADED if too many wait, or too long; DEADLINE_EXCEEDED if the consumer takes nothing for
   * 60 seconds, or less than 16 KiB a second over time
   */
  snapshot<T>(
    reader: Reader,
    signal: Interrupt | undefined,
    read: (on: Queryable) => AsyncIterable<T>,
    bytesOf: (item: T) => number,
  ): AsyncIterable<T>;
  /** A MikroORM EntityManager outside any transaction. Pass its errors to `translate`. */
  fork(): Promise<EntityManager>;
  /** One round trip. @throws DomainError DATABASE_UNAVAILABLE if the database cannot be reached or is read-only */
  ping(signal?: Interrupt): Promise<void>;
  /**
   * Closes the connections, those in use when they are released: what comes finds out anew whether tables are
   * distributed.
   */
  renew(): void;
  /** Waits a few seconds for running work, then closes every connection. */
  close(): Promise<void>;
}
