// Each behaviour that the documents of the dialects promise has a test that bears its id, and each id in a test a
// promise.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const ID = /\bS\d-\d+\b/g;

const sorted = (ids: Iterable<string>) =>
  [...new Set(ids)].sort((one, other) => one.localeCompare(other, "en", { numeric: true }));

/** The ids in the first column of a document's table. */
function promised(name: string): string[] {
  const text = readFileSync(join(root, `docs/dialects/${name}.md`), "utf8");
  return sorted([...text.matchAll(/^\| (S\d-[^|]*) \|/gm)].flatMap(([, cell = ""]) => cell.match(ID) ?? []));
}

/** The ids in the titles of a dialect's tests. */
function tested(name: string): string[] {
  const files = globSync(join(root, `test/dialects/${name}/*.test.ts`));
  const titles = files.flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return [...text.matchAll(/\b(?:test|describe)(?:\.\w+)*(?:\([^"`]*\))?\(\s*["`]([^"`]*)["`]/g)].map(
      ([, title = ""]) => title,
    );
  });
  return sorted(titles.flatMap((title) => title.match(ID) ?? []));
}

test.each(["callcenter", "crm", "assistant", "helpdesk", "workorder"])("of the %s API", (name) => {
  const ids = promised(name);
  expect(ids.length).toBeGreaterThan(5);
  expect(tested(name)).toEqual(ids);
});
