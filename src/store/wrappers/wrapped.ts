// A database with something done around its statements and transactions: everything else goes through.
import type { Database, Queryable, Transaction } from "../database.ts";

/** Makes the `query` that stands in for the one of a database or transaction. */
export type QueryOf = (on: Queryable) => Queryable["query"];

export interface Wrapping {
  readonly query: QueryOf;
  /** Runs a transaction. `queryOf` is called for each attempt at it. */
  readonly transaction: <T>(run: (queryOf: QueryOf) => Promise<T>) => Promise<T>;
}

export function wrapped(database: Database, { query, transaction }: Wrapping): Database {
  return {
    orm: () => database.orm(),
    schema: database.schema,
    queue: database.queue,
    replicas: database.replicas,
    snapshot: (reader, signal, read, bytesOf) => database.snapshot(reader, signal, read, bytesOf),
    fork: () => database.fork(),
    ping: (signal) => database.ping(signal),
    renew: () => database.renew(),
    close: () => database.close(),
    query: query(database),
    transaction: (signal, work, options) =>
      transaction((queryOf) =>
        database.transaction(
          signal,
          (tx) => {
            const within: Transaction = { orm: () => tx.orm(), query: queryOf(tx) };
            return work(within);
          },
          options,
        ),
      ),
  };
}
