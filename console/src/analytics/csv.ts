// Tables as CSV (RFC 4180), which spreadsheets open.

/**
 * What a spreadsheet would take for a formula begins with one of these, also in full width; space before it changes
 * nothing.
 */
const FORMULA = /^\s*[=+\-@＝＋－＠]|^[\t\r]/;

export type Cell = string | number | bigint;

/** Lines end with CRLF. A text that could be run as a formula gets a leading apostrophe; numbers stay numbers. */
export function toCsv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [head, ...rows].map((row) => `${row.map(cellOf).join(",")}\r\n`).join("");
}

function cellOf(cell: Cell): string {
  if (typeof cell !== "string") return String(cell);
  const harmless = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
