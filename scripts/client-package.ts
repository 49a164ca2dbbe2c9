// Makes the package `@colloquy/client` in build/client: the client that `npm run build` left, with what it imports, and
// nothing of the server. Prints its folder.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const target = join(process.argv[2] ?? join(root, "build/client"));
const ENTRIES = ["dist/src/client/index.js", "dist/cjs/src/client/index.js"];

interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly repository?: unknown;
  readonly engines: unknown;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
const files = new Set<string>();
const packages = new Set<string>();
for (const entry of ENTRIES) take(join(root, entry));

rmSync(target, { recursive: true, force: true });
for (const file of files) {
  const place = join(target, relative(root, file));
  mkdirSync(dirname(place), { recursive: true });
  cpSync(file, place);
}
cpSync(join(root, "dist/cjs/package.json"), join(target, "dist/cjs/package.json"));
cpSync(join(root, "LICENSE"), join(target, "LICENSE"));
cpSync(join(root, "src/client/PACKAGE.md"), join(target, "README.md"));
const { version, license, repository, engines } = manifest;
writeFileSync(
  join(target, "package.json"),
  `${JSON.stringify(
    {
      name: "@colloquy/client",
      version,
      description: "The client of Colloquy, a self-hosted conversation store, for Node and browsers.",
      license,
      ...(repository !== undefined && { repository }),
      type: "module",
      sideEffects: false,
      engines,
      exports: { ".": manifest.exports["./client"], "./package.json": "./package.json" },
      files: ["dist"],
      publishConfig: { access: "public" },
      // Exact versions would come twice into a project that has its own.
      dependencies: Object.fromEntries([...packages].sort().map((name) => [name, `^${manifest.dependencies[name]}`])),
    },
    undefined,
    2,
  )}\n`,
);
process.stdout.write(`${target}\n`);

/** A module, its types, and what both import. */
function take(file: string): void {
  if (files.has(file)) return;
  files.add(file);
  const types = file.replace(/\.js$/, ".d.ts");
  if (types !== file && existsSync(types)) take(types);
  const text = readFileSync(file, "utf8");
  for (const [, name = ""] of text.matchAll(/(?:\bfrom|\bimport|\brequire\(|\bimport\()\s*"([^"]+)"/g)) {
    // Types name the sources of what they import.
    if (name.startsWith(".")) take(join(dirname(file), name.replace(/\.ts$/, ".js")));
    else if (!name.startsWith("node:")) packages.add(packageOf(name));
  }
}

function packageOf(name: string): string {
  const found = /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? "";
  if (manifest.dependencies[found] === undefined) throw new Error(`the client imports ${name}, which is no dependency`);
  return found;
}
