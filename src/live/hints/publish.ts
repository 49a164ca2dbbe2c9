// Wraps a database to publish a hint for every log that has grown, after the commit.
import type { Database, Statement, Transaction } from "../../store/database.ts";
import type { Hints } from "./hints.ts";

/** Publishes a hint for each statement that extends a log, so that writers need not. */
export function announcing(database: Database, hints: Hints): Database {
  const announce = ({ extendsLog }: Statement, values: readonly unknown[], rows: readonly unknown[]) => {
    if (extendsLog === undefined) return;
    const found = typeof extendsLog === "number" ? [values[extendsLog]] : rows.map((row) => at(row, extendsLog));
    for (const id of found) {
      hints.publish({ kind: "log", tenantId: String(values[0]), conversationId: String(id).toLowerCase() });
    }
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
      announce(statement, values, rows);
      return rows;
    },
    async transaction(signal, work, options) {
      let changes: Change[] = [];
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

type Change = readonly [Statement, values: readonly unknown[], rows: readonly unknown[]];

function noting(tx: Transaction, changes: Change[]): Transaction {
  return {
    orm: () => tx.orm(),
    async query(statement, values, signal) {
      const rows = await tx.query(statement, values, signal);
      if (statement.extendsLog !== undefined) changes.push([statement, values, rows]);
      return rows;
    },
  };
}

function at(row: unknown, column: string): unknown {
  return (row as Readonly<Record<string, unknown>>)[column];
}
