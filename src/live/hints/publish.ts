// Wraps a database to publish a hint for every log that has grown, after the commit.
import type { Database, Statement, Transaction } from "../../store/database.ts";
import type { Hints } from "./hints.ts";

/** Publishes a hint for each statement that extends a log, so that writers need not. */
export function announcing(database: Database, hints: Hints): Database {
  const announce = ({ extendsLog }: Statement, values: readonly unknown[]) => {
    if (extendsLog === undefined) return;
    const conversationId = String(values[extendsLog]).toLowerCase();
    hints.publish({ kind: "log", tenantId: String(values[0]), conversationId });
  };
  return {
    orm: () => database.orm(),
    schema: database.schema,
    queue: database.queue,
    snapshot: (reader, signal, read, bytesOf) => database.snapshot(reader, signal, read, bytesOf),
    fork: () => database.fork(),
    ping: (signal) => database.ping(signal),
    close: () => database.close(),
    async query(statement, values, signal) {
      const rows = await database.query(statement, values, signal);
      announce(statement, values);
      return rows;
    },
    async transaction(signal, work, options) {
      let changes: [Statement, readonly unknown[]][] = [];
      const result = await database.transaction(
        signal,
        (tx) => {
          changes = [];
          return work(noting(tx, changes));
        },
        options,
      );
      for (const change of changes) announce(...change);
      return result;
    },
  };
}

function noting(tx: Transaction, changes: [Statement, readonly unknown[]][]): Transaction {
  return {
    orm: () => tx.orm(),
    query(statement, values, signal) {
      if (statement.extendsLog !== undefined) changes.push([statement, values]);
      return tx.query(statement, values, signal);
    },
  };
}
