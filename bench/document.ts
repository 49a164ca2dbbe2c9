// Puts a report's table into the documentation, between the two marks that enclose the one before.
import { readFileSync, writeFileSync } from "node:fs";

const BEGIN = "<!-- bench: begin -->";
const END = "<!-- bench: end -->";

/** @throws Error if the document has no marks */
export function replaceTable(path: string, table: string): void {
  const text = readFileSync(path, "utf8");
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${path} has no place for the table`);
  writeFileSync(path, `${before}${BEGIN}\n${table}\n${END}${after}`);
}
