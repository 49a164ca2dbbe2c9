// Every link of a document to another place in this repository leads there: to a file, and to a heading in it.
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const documents = globSync(["*.md", "{docs,examples,src,test}/**/*.md"], {
  cwd: root,
  exclude: ["**/node_modules/**"],
});

/** A document without its blocks and spans of code, where brackets are not links. */
function prose(path: string): string {
  return readFileSync(join(root, path), "utf8")
    .replace(/^```.*?^```/gms, "")
    .replace(/`[^`\n]*`/g, "");
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(path: string): string[] {
  const text = readFileSync(join(root, path), "utf8").replace(/^```.*?^```/gms, "");
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** What is wrong with the links of a document. */
function brokenLinks(path: string): string[] {
  return [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [file = "", anchor] = target.split("#");
    const place = file === "" ? path : normalize(join(dirname(path), file));
    if (!existsSync(join(root, place))) return [`${path}: there is no ${place}`];
    if (anchor === undefined || statSync(join(root, place)).isDirectory()) return [];
    return anchorsOf(place).includes(anchor) ? [] : [`${path}: ${place} has no heading #${anchor}`];
  });
}

test("every link in a document leads somewhere", () => {
  expect(documents.length).toBeGreaterThan(30);
  expect(documents.flatMap(brokenLinks)).toEqual([]);
});

test("where the README leads is in the package, too, and no secret is", () => {
  const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files: string[] };
  const packed = (path: string) => files.some((entry) => path === entry || path.startsWith(`${entry}/`));
  const targets = [...prose("README.md").matchAll(/\]\(([^)\s#]+)/g)].map(([, target = ""]) => normalize(target));
  const inside = targets.filter((target) => !/^[a-z]+:/.test(target));
  expect(inside.length).toBeGreaterThan(20);
  expect(inside.filter((target) => !packed(target))).toEqual([]);
  expect(files).toContain("!deploy/secrets");
});
