// What statements are, and what carries them out.

import type { EntityManager } from "@mikro-orm/postgresql";
import type { Interrupt } from "../../domain/cancellation.ts";

/** A named prepared statement. A name stands for one text, everywhere: PostgreSQL plans it once for each connection. */
export interface Statement<Row = unknown> {
  readonly name: string;
  readonly text: string;
  /** It changes something, so when the connection breaks under it nobody knows whether it did. Default: false. */
  readonly changes?: boolean;
  /** Of a statement that adds to the log of a conversation: where in its values the conversation stands, from 0 on. */
  readonly extendsLog?: number;
  /** So many bytes of rows are kept, the first row in any case: `areCut` says whether more came. Default: all. */
  readonly maxBytes?: number;
  /** Never there: carries the type of a row from the statement to its results. */
  readonly _row?: Row;
}

export interface Queryable {
  /**
   * Runs a prepared statement in one round trip. int8 is read as bigint, timestamptz as Date (milliseconds), json as
   * what it holds. Of the values, a JSON array for a jsonb parameter must be given as text. When `signal` aborts,
   * rejects with its reason at once and cancels the query in PostgreSQL.
   *
   * @throws DomainError DATABASE_UNAVAILABLE, with `metadata.outcome` "unknown" when the connection broke under a
   * statement that changes something; OVERLOADED; the statement's own failures as pg's DatabaseError
   */
  query<Row>(statement: Statement<Row>, values: readonly unknown[], signal?: Interrupt): Promise<Row[]>;
}

export interface Transaction extends Queryable {
  /** MikroORM inside this transaction, made on first use. What it holds is flushed before the commit. */
  orm(): Promise<EntityManager>;
}
