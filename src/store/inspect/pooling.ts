// Detects poolers that give a client another session for each transaction, and what they know of prepared statements.
import { randomBytes } from "node:crypto";
import type pg from "pg";

/** How a pooler uses sessions: one for each client, or one for each transaction. */
export type Pooling = "session" | "transaction";

/** Attempts to detect a pooler; in a busy one, other clients interfere with most of them. */
const LOOKS = 10;

/**
 * What is wrong with a pooler, and how to fix it.
 *
 * @param past whether it was to lead past the pooler
 */
export function poolerIn(mode: "transaction" | "statement", past = false): string {
  if (past) return `leads to a pooler in ${mode} mode, and is for what does not pass one: name PostgreSQL itself`;
  return mode === "transaction"
    ? "leads to a pooler in transaction mode, in which prepared statements, LISTEN and the settings of sessions are " +
        "lost: set COLLOQUY_POOLING=transaction, set pool_mode = session for this database (PgBouncer), or name " +
        "PostgreSQL itself"
    : "leads to a pooler in statement mode, which has no transactions: set pool_mode = transaction or session for " +
        "this database (PgBouncer), or name PostgreSQL itself";
}

/** What a pooler without prepared statements costs, and how to have them. */
export const UNPREPARED =
  "in transaction mode, without prepared statements, so each call costs PostgreSQL more: PgBouncer has them from 1.21 " +
  "on, with max_prepared_statements";

/** The pid of the backend. */
export const BACKEND = "select pg_catalog.pg_backend_pid() as pid";

/**
 * Whether sessions are shared: a pooler gives one client's backend to another client between two transactions. While
 * the other holds it, the first client gets another one. Undefined: they are not.
 */
export async function sharing(one: pg.Client, other: pg.Client): Promise<"transaction" | "statement" | undefined> {
  let pid = await backendOf(one);
  for (let look = 0; look < LOOKS; look++) {
    try {
      await other.query("begin");
    } catch (error) {
      // PgBouncer in statement mode can only be recognized by its message.
      if (/statement pooling/.test(String(error))) return "statement";
      throw error;
    }
    const held = await backendOf(other);
    if (held === pid) {
      await other.query("rollback");
      return "transaction";
    }
    const now = await backendOf(one);
    await other.query("rollback");
    if (now !== pid) return "transaction";
    pid = now;
  }
  return undefined;
}

/**
 * Whether a pooler knows the statements that its clients have prepared (PgBouncer 1.21 and later, with
 * `max_prepared_statements`). Others give a client a session in which they are missing, or are there already.
 */
export async function keepsStatements(one: pg.Client, other: pg.Client): Promise<boolean> {
  try {
    for (let look = 0; look < LOOKS; look++) {
      // A new one each time: once both have prepared it, on two backends, it is found on either.
      const statement = { name: `colloquy_look_${randomBytes(4).toString("hex")}`, text: BACKEND };
      await one.query(statement);
      await other.query("begin");
      await other.query(statement);
      await other.query("rollback");
    }
    return true;
  } catch (error) {
    if (/^(26000|42P05)$/.test((error as { code?: string }).code ?? "")) return false;
    throw error;
  }
}

async function backendOf(client: pg.Client): Promise<number> {
  return (await client.query(BACKEND)).rows[0].pid;
}
