// Decodes rows from PostgreSQL's DataRow messages (manual, 54.7).
import { type Bytes, type ReadValue, valueReader } from "./value-readers.ts";

/** A column of a RowDescription. */
export interface Column {
  readonly name: string;
  /** The oid of its type in `pg_type`. */
  readonly dataTypeID: number;
}

export type Row = Record<string, unknown>;

/** Decodes the row whose values, each after its length, begin at `start`. Throws for an invalid value. */
export type ReadRow = (bytes: Bytes, start: number) => Row;

/**
 * Compiles a decoder for these columns. V8 then knows the shape of rows: a loop with lookups by name takes several
 * times as long. The only external texts in the code are column names, which are quoted.
 */
export function createRowReader(columns: readonly Column[]): ReadRow {
  const readers = columns.map(({ dataTypeID }) => valueReader(dataTypeID));
  const values = columns.map(
    (_, i) => `let v${i} = null;
    length = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    at += 4;
    if (length !== -1) {
      v${i} = read${i}(bytes, at, at + length);
      at += length;
    }`,
  );
  const fields = columns.map(({ name }, i) => `[${JSON.stringify(name)}]: v${i}`);
  const body = `const [${columns.map((_, i) => `read${i}`).join(", ")}] = readers;
    return (bytes, start) => {
      let at = start, length = 0;
      ${values.join("\n")}
      return { ${fields.join(", ")} };
    };`;
  return (new Function("readers", body) as (readers: readonly ReadValue[]) => ReadRow)(readers);
}

/** Encodes a row that was parsed already. */
export function encodeRow(values: readonly (string | null)[]): Buffer {
  return Buffer.concat(
    values.flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(value === null ? -1 : Buffer.byteLength(value));
      return value === null ? length : [length, Buffer.from(value)];
    }),
  );
}
