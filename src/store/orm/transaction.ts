// Lets MikroORM use a transaction that is already open on a held connection.
import type { EntityManager, MikroORM } from "@mikro-orm/postgresql";
import {
  type CompiledQuery,
  ControlledTransaction,
  type DatabaseConnection,
  DefaultQueryExecutor,
  type Dialect,
  type QueryResult as KyselyResult,
  PostgresAdapter,
  PostgresDialect,
  PostgresDriver,
  PostgresQueryCompiler,
  SingleConnectionProvider,
} from "kysely";
import type { QueryConfig, QueryResult } from "pg";

/** Sends one query on the held connection. */
export type Send = (query: QueryConfig) => Promise<QueryResult>;

const CHANGES = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

class HeldConnection implements DatabaseConnection {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<KyselyResult<R>> {
    const { command, rowCount, rows } = await this.#send({ text: sql, values: [...parameters] });
    return CHANGES.has(command) ? { rows, numAffectedRows: BigInt(rowCount ?? 0) } : { rows: rows ?? [] };
  }

  // biome-ignore lint/correctness/useYield: it refuses
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error("a transaction does not stream: read pages");
  }
}

function notOurs(): never {
  throw new Error("the transaction is committed and rolled back by Database.transaction");
}

/** The driver of savepoints, which nested `em.transactional` uses; it never takes a connection from a pool. */
const savepointDriver = new PostgresDriver({ pool: () => notOurs() });
savepointDriver.beginTransaction = notOurs;
savepointDriver.commitTransaction = notOurs;
savepointDriver.rollbackTransaction = notOurs;

const dialect: Dialect = new PostgresDialect({ pool: () => notOurs() });

/** An EntityManager whose queries all go through `send`, inside the open transaction. */
export function joinTransaction(orm: MikroORM, send: Send): EntityManager {
  const connection = new HeldConnection(send);
  const em = orm.em.fork({ clear: true, useContext: false });
  em.setTransactionContext(
    new ControlledTransaction({
      config: { dialect },
      dialect,
      driver: savepointDriver,
      executor: new DefaultQueryExecutor(
        new PostgresQueryCompiler(),
        new PostgresAdapter(),
        new SingleConnectionProvider(connection),
      ),
      connection: { connection, release: () => {} },
    }),
  );
  return em;
}
