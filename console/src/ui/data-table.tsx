// A table that scrolls sideways where the window is narrow.
import type { ReactNode } from "react";
import styles from "./data-table.module.css";

export interface Column<R> {
  readonly name: string;
  readonly cell: (row: R) => ReactNode;
  /** Numbers stand below each other. */
  readonly isNumber?: boolean;
}

export interface DataTableProps<R> {
  /** What it is a table of, for those who do not see it. */
  readonly label: string;
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[];
  readonly keyOf: (row: R) => string;
}

export function DataTable<R>({ label, columns, rows, keyOf }: DataTableProps<R>) {
  const kind = ({ isNumber }: Column<R>) => (isNumber ? styles.number : undefined);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section className={styles.frame} aria-label={label} tabIndex={0}>
      <table className={styles.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={kind(column)}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.name} className={kind(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
