// Wraps a database so that each statement of a traced call has a span, with its name and never its values.
import { failureWord, type Tracing } from "../domain/tracing.ts";
import type { Database, Statement, Transaction } from "./database.ts";
import type { Queryable } from "./driver/statement.ts";

export function traced(database: Database, tracing: Tracing): Database {
  return {
    orm: () => database.orm(),
    schema: database.schema,
    queue: database.queue,
    snapshot: (reader, signal, read, bytesOf) => database.snapshot(reader, signal, read, bytesOf),
    fork: () => database.fork(),
    ping: (signal) => database.ping(signal),
    close: () => database.close(),
    query: tracedQuery(database, tracing),
    transaction: (signal, work, options) =>
      inSpan(tracing, "transaction", () =>
        database.transaction(
          signal,
          (tx): ReturnType<typeof work> => {
            const within: Transaction = { orm: () => tx.orm(), query: tracedQuery(tx, tracing) };
            return work(within);
          },
          options,
        ),
      ),
  };
}

function tracedQuery(on: Queryable, tracing: Tracing): Queryable["query"] {
  return <Row>(statement: Statement<Row>, values: readonly unknown[], signal?: Parameters<Queryable["query"]>[2]) =>
    inSpan(tracing, statement.name, () => on.query(statement, values, signal));
}

async function inSpan<T>(tracing: Tracing, name: string, work: () => Promise<T>): Promise<T> {
  const attributes = { "db.system.name": "postgresql", "db.query.summary": name };
  const span = tracing.below(name, { kind: "client", attributes });
  if (span === undefined) return await work();
  try {
    const result = await span.run(work);
    span.end();
    return result;
  } catch (error) {
    span.end(failureWord(error));
    throw error;
  }
}
