// What the store asks of the database.
import type { EntityManager, MikroORM } from "@mikro-orm/postgresql";
export interface Statement<Row = unknown> {
  readonly name: string;
  readonly text: string;
  readonly _row?: Row;
}
export interface Queryable {
  query<Row>(statement: Statement<Row>, values: readonly unknown[], signal?: AbortSignal): Promise<Row[]>;
}
export interface Transaction extends Queryable {
  readonly em: EntityManager;
}
export interface Database extends Queryable {
  readonly orm: MikroORM;
  transaction<T>(signal: AbortSignal | undefined, work: (tx: Transaction) => Promise<T>): Promise<T>;
}
