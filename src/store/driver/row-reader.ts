// Reads whole rows from the bytes of PostgreSQL's DataRow messages (manual, 54.7).
import { type Bytes, type ReadValue, valueReader } from "./value-readers.ts";

/** A column, as PostgreSQL describes it. */
export interface Column {
  readonly name: string;
  /** Its type's number in `pg_type`. */
  readonly dataTypeID: number;
}

export type Row = Record<string, unknown>;

/** Reads the row whose values, each behind its length, begin at `start`. Throws for a value that is damaged. */
export type ReadRow = (bytes: Bytes, start: number) => Row;

/**
 * Compiles a reader for rows of these columns. V8 then knows every property by its place: a loop that looks each up by its
 * name takes several times as long. The only texts that come from elsewhere are names of columns, and they are quoted.
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

/** The values of a row that somebody took apart already, as they came. */
export function encodeRow(values: readonly (string | null)[]): Buffer {
  return Buffer.concat(
    values.flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(value === null ? -1 : Buffer.byteLength(value));
      return value === null ? length : [length, Buffer.from(value)];
    }),
  );
}
