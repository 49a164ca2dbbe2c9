// Statements, and the interface that executes them.

import type { EntityManager } from "@mikro-orm/postgresql";
import type { Interrupt } from "../../domain/cancellation.ts";

/** A named prepared statement. A name stands for one text, which PostgreSQL plans once for each connection. */
export interface Statement<Row = unknown> {
  readonly name: string;
  readonly text: string;
  /** Its text where tables are distributed over nodes: the same values, rows and outcome. Default: `text`. */
  readonly sharded?: string;
  /** Whether it writes, so that its outcome is unknown if the connection breaks. Default: false. */
  readonly changes?: boolean;
  /**
   * For a statement that adds to a conversation's log: the index of the conversation id in its values, or the column of
   * its rows that has it.
   */
  readonly extendsLog?: number | string;
  /** Whether, with these values, it may change who sees that conversation. Default: never. */
  readonly changesAccess?: (values: readonly unknown[]) => boolean;
  /**
   * Whether others must not hold it up: it is never refused because too many wait, and gets the next free connection.
   * For what keeps a promise that lapses. Default: false.
   */
  readonly urgent?: boolean;
  /**
   * Maximum bytes of rows; the first row is always kept, and `areCut` says whether rows were dropped. Default: no
   * limit.
   */
  readonly maxBytes?: number;
  /** Whether `bytesOf` says how large its rows are, however small. Only where `maxBytes` is set. Default: false. */
  readonly isWeighed?: boolean;
  /** Never set: carries the row type. */
  readonly _row?: Row;
}

export interface Queryable {
  /**
   * Executes a prepared statement in one round trip. int8 is decoded as bigint, timestamptz as Date (milliseconds),
   * json is parsed. A JSON array for a jsonb parameter must be passed as text. When `signal` aborts, rejects with its
   * reason at once and cancels the query in PostgreSQL.
   *
   * @throws DomainError DATABASE_UNAVAILABLE, with `metadata.outcome` "unknown" if the connection broke during a write;
   * OVERLOADED; the statement's own errors as pg's DatabaseError
   */
  query<Row>(statement: Statement<Row>, values: readonly unknown[], signal?: Interrupt): Promise<Row[]>;
}

export interface Transaction extends Queryable {
  /** MikroORM inside this transaction, created at first use and flushed before the commit. */
  orm(): Promise<EntityManager>;
}
