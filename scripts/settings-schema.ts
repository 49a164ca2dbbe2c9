// Writes gen/settings.schema.json, the JSON Schema of the file that COLLOQUY_CONFIG names: editors complete and check
// it. The descriptions are those of the table in docs/operations.md. Usage: node scripts/settings-schema.ts [folder]
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { grammarOf, SETTINGS } from "../src/config/variables.ts";

const LISTS = new Set([
  "COLLOQUY_COMPAT",
  "COLLOQUY_TRUST",
  "COLLOQUY_CORS",
  "COLLOQUY_HOSTS",
  "COLLOQUY_TRUSTED_PROXIES",
  "COLLOQUY_MEMBER_ROLES",
]);

const operations = readFileSync("docs/operations.md", "utf8");

/** The last of the three cells of the variable's row, as plain text without what it refers to. */
function descriptionOf(name: string): string {
  const rows = operations.split("\n").map((line) => line.replace(/^\| | \|$/g, "").split(" | "));
  const meaning = rows.find((cells) => cells.length === 3 && cells[0]?.includes(`\`${name}\``))?.[2];
  if (meaning === undefined) return "For diagnosis only.";
  const text = meaning
    .replace(/[;,] see \[[^\]]*\]\([^)]*\)/g, "")
    .replace(/^see \[([^\]]*)\]\([^)]*\)$/g, "$1")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll("`", "");
  // A value that begins it keeps its spelling.
  return meaning.startsWith("`") ? `${text}.` : `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

function schemaOf(name: string): Record<string, unknown> {
  const description = descriptionOf(name);
  if (name === "COLLOQUY_ISSUERS" || name === "COLLOQUY_CONSOLE_OIDC")
    return { description, type: "array", items: { type: "object" } };
  if (LISTS.has(name)) return { description, type: ["array", "string"], items: { type: "string" } };
  const { enum: values, pattern } = z.toJSONSchema(grammarOf(name), { io: "input", unrepresentable: "any" });
  if (values !== undefined) return { description, enum: values };
  const isNumber = pattern?.includes("\\d") && !pattern.includes("[a-z");
  if (name === "COLLOQUY_WORKERS") return { description, type: ["integer", "string"] };
  return { description, type: isNumber ? ["integer", "string"] : "string", ...(pattern && { pattern }) };
}

const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Settings of Colloquy",
  type: "object",
  properties: {
    $schema: { type: "string" },
    ...Object.fromEntries(SETTINGS.map((name) => [name, schemaOf(name)])),
  },
  additionalProperties: false,
};
writeFileSync(join(process.argv[2] ?? "gen", "settings.schema.json"), `${JSON.stringify(schema, null, 2)}\n`);
