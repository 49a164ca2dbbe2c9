// The table of test/field/README.md: each row names tests that are there, and each of its ids stands in one of them.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const README = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
const ID = /\b(?:[AS]\d+|[FS]-[A-Z0-9-]+|SEARCH-COST)\b/g;

/**
 * What a cell calls a test, from here, from the folder above or from the root: `x.test.ts`, or the name alone of one of
 * the reports.
 */
const NAMED = /[\w./-]+\.test\.ts|\b[a-z0-9-]+-reports\b/g;

function pathOf(name: string): string | undefined {
  const file = name.endsWith(".ts") ? name : `${name}.test.ts`;
  return [join(import.meta.dirname, file), join(import.meta.dirname, "..", file), join(ROOT, file)].find((path) =>
    existsSync(path),
  );
}

const rows = README.split("\n")
  .filter((line) => /^\| (?!id )\S/.test(line))
  .map((line) => {
    const [, ids = "", ...rest] = line.split(" | ").flatMap((cell, i) => (i === 0 ? ["", cell] : [cell]));
    return { ids: ids.match(ID) ?? [], names: rest.join(" | ").match(NAMED) ?? [], line };
  });

test("every row has an id, and names tests that are there", () => {
  const wrong = rows.flatMap(({ ids, names, line }) => {
    if (ids.length === 0) return [`no id: ${line}`];
    // What is cleared may have needed none.
    if (names.length === 0 && !/choice|cleared/.test(line)) return [`no test: ${line}`];
    return names.filter((name) => pathOf(name) === undefined).map((name) => `${ids}: there is no ${name}`);
  });
  expect(wrong).toEqual([]);
  expect(rows.length).toBeGreaterThan(140);
});

test("each id stands in a test that its row names", () => {
  const missing = rows.flatMap(({ ids, names }) => {
    const texts = names.map((name) => readFileSync(pathOf(name) ?? "", "utf8")).join("\n");
    return names.length === 0 ? [] : ids.filter((id) => !new RegExp(`\\b${id}\\b(?!-)`).test(texts));
  });
  expect(missing).toEqual([]);
});

test("no row is missing of what an adversary broke", () => {
  const ids = new Set(rows.flatMap((row) => row.ids));
  expect(Array.from({ length: 21 }, (_, i) => `A${i + 1}`).filter((id) => !ids.has(id))).toEqual([]);
});
