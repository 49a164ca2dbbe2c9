// The database as the rest of the server sees it: named prepared statements, transactions, and MikroORM beside them.
import type { EntityManager, MikroORM } from "@mikro-orm/postgresql";
import type { Interrupt } from "../domain/cancellation.ts";
import type { ConnectionQueue } from "./driver/pool.ts";
import type { Queryable, Transaction } from "./driver/statement.ts";
import type { Schema } from "./schema.ts";
import type { Reader } from "./snapshot.ts";

export type { Queryable, Statement, Transaction } from "./driver/statement.ts";

export interface TransactionOptions {
  /** How often the work may start anew after a deadlock, lock timeout or serialization failure; 3 unless told. */
  readonly retries?: number;
  /** The conversation that it changes: it waits for others that do before it takes a connection. */
  readonly conversation?: { readonly tenantId: string; readonly id: string };
}

export interface Database extends Queryable {
  /** MikroORM on the same connections, loaded when it is first asked for. */
  orm(): Promise<MikroORM>;
  readonly schema: Schema;
  /** Says how busy the connections are. */
  readonly queue: ConnectionQueue;
  /**
   * Runs `work` in one transaction (read committed): commits when it returns, rolls back when it throws or `signal`
   * aborts. May run it again after a collision with another transaction, so it must do nothing but database work.
   *
   * @throws DomainError DATABASE_UNAVAILABLE with `metadata.outcome` "unknown" when the connection broke during the
   * commit: the change may or may not have taken effect
   */
  transaction<T>(
    signal: Interrupt | undefined,
    work: (transaction: Transaction) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;
  /**
   * What `read` yields, all of one moment: one read-only transaction (repeatable read) on a connection that is held until
   * the end. At most a quarter of the connections serve it at once; the next waits up to 30 seconds for its turn.
   *
   * @throws DomainError OVERLOADED when too many wait, or it for too long; DEADLINE_EXCEEDED when nothing was taken for
   * 60 seconds
   */
  snapshot<T>(
    reader: Reader,
    signal: Interrupt | undefined,
    read: (on: Queryable) => AsyncIterable<T>,
  ): AsyncIterable<T>;
  /** A MikroORM EntityManager outside any transaction. Give its errors to `translate`. */
  fork(): Promise<EntityManager>;
  /** One round trip. @throws DomainError DATABASE_UNAVAILABLE when the database cannot be reached, or takes no changes */
  ping(signal?: Interrupt): Promise<void>;
  /** Waits for what still runs, then closes every connection. */
  close(): Promise<void>;
}
