// The database on a pool of connections to PostgreSQL.
import { setTimeout as delay } from "node:timers/promises";
import type { EntityManager, MikroORM } from "@mikro-orm/postgresql";
import type { Pool, QueryConfig, QueryResult } from "pg";
import type { Interrupt } from "../domain/cancellation.ts";
import { ChangeQueue } from "./conversation-queue.ts";
import type { Database, TransactionOptions } from "./database.ts";
import type { ConnectionQueue } from "./driver/connection-queue.ts";
import { Connections } from "./driver/connections.ts";
import { isLockTimeout, kindOf, readOnly, translate, unavailable } from "./driver/errors.ts";
import type { OpenPool } from "./driver/pool.ts";
import { PreparedQuery } from "./driver/prepared-query.ts";
import type { Queryable, Statement, Transaction } from "./driver/statement.ts";
import { positionOf, primaryPosition } from "./replicas/statements.ts";
import type { Schema } from "./schema.ts";
import { type Reader, Snapshots } from "./snapshots/snapshot.ts";
import { HeldTransaction, untilAborted } from "./transaction.ts";

const PING: Statement<{ read_only: boolean }> = {
  name: "ping",
  text: "select current_setting('transaction_read_only') = 'on' as read_only",
};
/** What a read of a caller that may be answered by replicas goes with. */
const WITH_POSITION = { after: primaryPosition };
const RETRIES = 3;
/** One in this many connections may hold a snapshot. */
const SNAPSHOT_SHARE = 4;
/** How long work may run after the database is closed, in milliseconds; a cancelled statement has 5 s to end. */
const CLOSE_GRACE_MS = 6_000;
/** Maximum random delay before a conflicting transaction is retried, in milliseconds. */
const RETRY_SPREAD_MS = 20;

export class PostgresDatabase implements Database {
  readonly schema: Schema;
  readonly queue: ConnectionQueue;
  readonly #pool: Pool;
  readonly #pooled: boolean;
  readonly #log: (message: string) => void;
  #orm: Promise<MikroORM> | undefined;
  readonly #changes = new ChangeQueue();
  readonly #snapshots: Snapshots;
  readonly #connections: Connections;

  constructor({ pool, queue, connect, pooled }: OpenPool, schema: Schema, log: (message: string) => void) {
    this.#log = log;
    this.schema = schema;
    this.queue = queue;
    this.#pool = pool;
    this.#pooled = pooled !== undefined;
    this.#connections = new Connections({ pool, connect, pooled });
    this.#snapshots = new Snapshots(Math.max(1, Math.floor((pool.options.max ?? 1) / SNAPSHOT_SHARE)), {
      acquire: (signal) => this.#connections.acquire(signal),
      hold: (lease, signal) => new HeldTransaction(() => this.orm(), lease, signal),
      track: (ending) => this.#connections.track(ending),
    });
  }

  async query<Row>(statement: Statement<Row>, values: readonly unknown[], signal?: Interrupt): Promise<Row[]> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#queryOnce<Row>(statement, values, signal);
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        const kind = kindOf(error);
        // Its plan was invalid, so it did nothing; a new connection plans it again.
        const stale = kind === "stale-plan" && attempt === 0;
        // Two statements that wait for each other, one of them a migration's perhaps. It waited long for a lock
        // already.
        const collided = kind === "conflict" && !isLockTimeout(error) && attempt < RETRIES;
        if (!stale && !collided) throw translate(error);
        if (collided) await delay(Math.random() * RETRY_SPREAD_MS);
      }
    }
  }

  async #queryOnce<Row>(
    statement: Statement,
    values: readonly unknown[],
    signal: Interrupt | undefined,
  ): Promise<Row[]> {
    const reading = signal?.reading;
    if (statement.changes) reading?.lose();
    const lease =
      this.#connections.acquireAtOnce(signal) ?? (await this.#connections.acquire(signal, values[0], statement.urgent));
    try {
      const query = new PreparedQuery(statement, values, reading && WITH_POSITION);
      const { rows } = await lease.run(query, signal);
      reading?.saw(positionOf(query.rowOf("after")));
      return rows;
    } catch (error) {
      throw statement.changes && kindOf(error) === "session" ? unavailable(error, true) : error;
    } finally {
      this.#connections.release(lease);
    }
  }

  async transaction<T>(
    signal: Interrupt | undefined,
    work: (transaction: Transaction) => Promise<T>,
    { conversation, retries = RETRIES }: TransactionOptions = {},
  ): Promise<T> {
    signal?.reading?.lose();
    const run = () => this.#transactionWithRetries(signal, work, retries, conversation?.tenantId);
    if (conversation === undefined) return run();
    return this.#changes.run(`${conversation.tenantId}/${conversation.id.toLowerCase()}`, signal, run);
  }

  async #transactionWithRetries<T>(
    signal: Interrupt | undefined,
    work: (transaction: Transaction) => Promise<T>,
    retries: number,
    tenant: string | undefined,
  ): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#transactionOnce(signal, work, tenant);
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        const kind = kindOf(error);
        if ((kind !== "conflict" && kind !== "stale-plan") || attempt >= retries) throw translate(error);
        await delay(Math.random() * RETRY_SPREAD_MS);
      }
    }
  }

  async #transactionOnce<T>(
    signal: Interrupt | undefined,
    work: (transaction: Transaction) => Promise<T>,
    tenant: string | undefined,
  ): Promise<T> {
    const lease = await this.#connections.acquire(signal, tenant);
    const transaction = new HeldTransaction(() => this.orm(), lease, signal);
    try {
      await lease.run({ text: "begin" }, signal);
      const result = await untilAborted(work(transaction), signal);
      await transaction.flush();
      await untilAborted(transaction.commit(), signal);
      return result;
    } finally {
      const ending = transaction.end();
      this.#connections.track(ending);
      // An aborted caller does not wait for the rollback; others must find the locks released.
      if (!signal?.aborted) await ending;
    }
  }

  snapshot<T>(
    reader: Reader,
    signal: Interrupt | undefined,
    read: (on: Queryable) => AsyncIterable<T>,
    bytesOf: (item: T) => number,
  ): AsyncIterable<T> {
    signal?.reading?.lose();
    return this.#snapshots.read(reader, signal, read, bytesOf);
  }

  orm(): Promise<MikroORM> {
    this.#orm ??= this.#openOrm();
    return this.#orm;
  }

  async #openOrm(): Promise<MikroORM> {
    const [{ openOrm }, tables] = await Promise.all([import("./orm/orm.ts"), this.schema.load()]);
    return await openOrm(this.#pool, tables, this.#log);
  }

  async fork(): Promise<EntityManager> {
    const orm = await this.orm();
    if (!this.#pooled) return orm.em.fork({ clear: true, useContext: false }) as EntityManager;
    const { joinTransaction } = await import("./orm/transaction.ts");
    return joinTransaction(orm, (query) => this.#queryByItself(query));
  }

  /** A query of MikroORM in a transaction of its own, which has our settings. */
  async #queryByItself(query: QueryConfig): Promise<QueryResult> {
    const lease = await this.#connections.acquire(undefined);
    try {
      await lease.run({ text: "begin" }, undefined);
      const result = await lease.run(query, undefined);
      await lease.run({ text: "commit" }, undefined);
      return result as QueryResult;
    } catch (error) {
      lease.discard();
      throw error;
    } finally {
      this.#connections.release(lease);
    }
  }

  async ping(signal?: Interrupt): Promise<void> {
    const [row] = await this.query(PING, [], signal);
    if (!row?.read_only) return;
    this.#connections.retire();
    throw readOnly();
  }

  renew(): void {
    this.#connections.retire();
  }

  close(): Promise<void> {
    const end = async () => {
      await (await this.#orm)?.close(true);
      // Kysely ends the pool only if MikroORM used it.
      if (!this.#pool.ending) await this.#pool.end();
    };
    return this.#connections.close(end, CLOSE_GRACE_MS);
  }
}
