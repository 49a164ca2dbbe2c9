// Every prepared statement that a module of src/store holds as a constant, exported or not.
import { readdirSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Statement } from "../../../src/store/database.ts";

const FOLDER = join(import.meta.dirname, "../../../src/store");
/** Of a module that is loaded once more, with the statements exported that it keeps to itself. */
const OPENED = "?opened";
const PRIVATE = /^const (\w+)(?:: Statement\b| = forEachViewer\b)/gm;

/** Those of the modules whose path in src/store fits. */
export async function storeStatements(modules = /^(?!driver|migrations|orm)/): Promise<Statement[]> {
  const hooks = registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.endsWith(OPENED)) return loaded;
      const source = String(loaded.source);
      const names = [...source.matchAll(PRIVATE)].map(([, name]) => name);
      return { ...loaded, source: `${source}\nexport { ${names.join(", ")} };\n` };
    },
  });
  try {
    const found: Statement[] = [];
    for (const file of readdirSync(FOLDER, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts") || !modules.test(file)) continue;
      const module = await import(pathToFileURL(join(FOLDER, file)).href + OPENED);
      for (const value of Object.values(module)) {
        const several = typeof value === "object" && value !== null ? Object.values(value) : [];
        found.push(...[value, ...several].filter(isStatement));
      }
    }
    return found;
  } finally {
    hooks.deregister();
  }
}

function isStatement(value: unknown): value is Statement {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    "text" in value &&
    typeof value.name === "string" &&
    typeof value.text === "string"
  );
}
