// Wraps a database to publish a hint for every log that has grown, after the commit, and for who may see it.
import type { Database, Statement } from "../../store/database.ts";
import { type QueryOf, wrapped } from "../../store/wrappers/wrapped.ts";
import type { Hints } from "./hints.ts";

/** Publishes a hint for each statement that extends a log, so that writers need not. */
export function announcing(database: Database, hints: Hints): Database {
  const announce = (...[{ extendsLog: log, changesAccess }, values, rows]: Change) => {
    const found = typeof log === "number" ? [values[log]] : rows.map((row) => at(row, log));
    const access = changesAccess?.(values) ?? false;
    for (const id of found) {
      const topic = { tenantId: String(values[0]), conversationId: String(id).toLowerCase() };
      if (access) hints.publish({ kind: "access", ...topic });
      hints.publish({ kind: "log", ...topic });
    }
  };
  return wrapped(database, {
    query: queryThen(announce),
    async transaction(run) {
      let changes: Change[] = [];
      const result = await run((tx) => {
        changes = []; // An attempt that failed has changed nothing.
        return queryThen((...change) => void changes.push(change))(tx);
      });
      for (const change of changes) announce(...change);
      return result;
    },
  });
}

type Extending = Statement & { readonly extendsLog: number | string };
type Change = readonly [statement: Extending, values: readonly unknown[], rows: readonly unknown[]];

/** Notes the statements that extend a log. */
function queryThen(note: (...change: Change) => void): QueryOf {
  return (on) => async (statement, values, signal) => {
    const rows = await on.query(statement, values, signal);
    if (statement.extendsLog !== undefined) note(statement as Extending, values, rows);
    return rows;
  };
}

function at(row: unknown, column: string): unknown {
  return (row as Readonly<Record<string, unknown>>)[column];
}
