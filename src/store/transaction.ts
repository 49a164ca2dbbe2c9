// A transaction on a held connection, for native statements and MikroORM: commits once, otherwise rolls back.

import type { EntityManager, MikroORM } from "@mikro-orm/postgresql";
import type { QueryConfig, QueryResult } from "pg";
import type { Interrupt } from "../domain/cancellation.ts";
import type { Lease, LeaseResult } from "./driver/connection.ts";
import { kindOf, unavailable } from "./driver/errors.ts";
import { PreparedQuery } from "./driver/prepared-query.ts";
import type { Statement, Transaction } from "./driver/statement.ts";

/** A transaction on a held connection. Its creator begins it, and always ends it. */
export class HeldTransaction implements Transaction {
  readonly #openOrm: () => Promise<MikroORM>;
  readonly #lease: Lease;
  readonly #signal: Interrupt | undefined;
  #em: Promise<EntityManager> | undefined;
  #open = true;
  #committing: Promise<unknown> | undefined;

  constructor(openOrm: () => Promise<MikroORM>, lease: Lease, signal: Interrupt | undefined) {
    this.#openOrm = openOrm;
    this.#lease = lease;
    this.#signal = signal;
  }

  async query<Row>(statement: Statement<Row>, values: readonly unknown[], signal?: Interrupt): Promise<Row[]> {
    return (await this.#run(new PreparedQuery(statement, values), signal)).rows;
  }

  orm(): Promise<EntityManager> {
    this.#em ??= this.#join();
    return this.#em;
  }

  async #join(): Promise<EntityManager> {
    const [orm, { joinTransaction }] = await Promise.all([this.#openOrm(), import("./orm/transaction.ts")]);
    return joinTransaction(orm, (query) => this.#run(query) as Promise<QueryResult>);
  }

  async flush(): Promise<void> {
    await (await this.#em)?.flush();
  }

  /** Not cancellable: once sent, it may take effect. */
  async commit(): Promise<void> {
    this.#open = false;
    const committing = this.#lease.run({ text: "commit" }, undefined);
    this.#committing = committing.catch(() => {});
    const { command } = await committing.catch((error: unknown) => {
      throw kindOf(error) === "session" ? unavailable(error, true) : error;
    });
    // PostgreSQL responds to the commit of a failed transaction with ROLLBACK, without an error.
    if (command !== "COMMIT") throw new Error("the transaction had failed: a statement's error was not passed on");
  }

  /** Rolls back unless a commit was sent, and releases the connection. Never rejects. */
  async end(): Promise<void> {
    const rollback = this.#open;
    this.#open = false;
    await this.#lease.settled();
    await this.#committing;
    if (rollback && this.#lease.usable) {
      await this.#lease.run({ text: "rollback" }, undefined).catch(() => this.#lease.discard());
    }
    await this.#lease.release();
  }

  #run(query: QueryConfig | PreparedQuery, signal = this.#signal): Promise<LeaseResult> {
    if (this.#open) return this.#lease.run(query, signal);
    return Promise.reject(new Error("the transaction has ended"));
  }
}

/** Settles like the promise, or rejects with the signal's reason as soon as it aborts. */
export async function untilAborted<T>(promise: Promise<T>, signal: Interrupt | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
  }
}
