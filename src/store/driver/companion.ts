// A statement that goes with another one in the same packet, before or after it.
import type { RowTap } from "./row-parser.ts";
import { type Column, createRowReader, type ReadRow, type Row } from "./row-reader.ts";
import type { Statement } from "./statement.ts";
import type { Bytes } from "./value-readers.ts";

/** Statements without parameters that have one row each. */
export interface Companions {
  readonly before?: Statement | undefined;
  readonly after?: Statement | undefined;
}

/** One execution of a companion. */
export class Companion {
  readonly statement: Statement;
  /** Undefined: it had none. */
  row: Row | undefined;
  #read: ReadRow | undefined;

  constructor(statement: Statement) {
    this.statement = statement;
  }

  /** Whether its rows are not described yet. */
  begin(tap: RowTap | undefined, isKnown: boolean): boolean {
    this.#read = isKnown ? tap?.readerOf(this.statement.name) : undefined;
    return this.#read === undefined;
  }

  describe(tap: RowTap | undefined, columns: readonly Column[]): void {
    this.#read = tap?.describe(this.statement.name, columns) ?? createRowReader(columns);
  }

  take(bytes: Buffer, start: number): void {
    this.row = this.#read?.(bytes as Bytes, start);
  }
}
