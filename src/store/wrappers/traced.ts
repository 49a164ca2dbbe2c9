// Wraps a database so that each statement of a traced call has a span, with its name and never its values.
import { failureWord, type Tracing } from "../../domain/tracing.ts";
import type { Database } from "../database.ts";
import { type QueryOf, wrapped } from "./wrapped.ts";

export function traced(database: Database, tracing: Tracing): Database {
  const query: QueryOf = (on) => (statement, values, signal) =>
    inSpan(tracing, statement.name, () => on.query(statement, values, signal));
  return wrapped(database, { query, transaction: (run) => inSpan(tracing, "transaction", () => run(query)) });
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
