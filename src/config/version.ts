// The version of the package that runs.
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";

/** As package.json says it. */
export function packageVersion(): string {
  const file = findPackageJSON(import.meta.url);
  if (file === undefined) throw new Error("the package has no package.json");
  return String(JSON.parse(readFileSync(file, "utf8")).version);
}
