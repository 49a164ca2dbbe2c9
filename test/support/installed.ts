// The package as `npm pack` makes it, unpacked next to only the dependencies that it names. Uses no registry.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

export interface Installed extends Disposable {
  /** A project that has installed it. */
  readonly project: string;
  /** Where the package lies in it. */
  readonly directory: string;
  /** Makes `dependency` of this tree one of the project's as well. */
  link(dependency: string): void;
}

/** Packs what `npm run build` left. In a copy, for packing puts files into the tree that buf would find twice. */
export function installPackage(): Installed {
  const place = mkdtempSync(join(tmpdir(), "colloquy-package-"));
  const copy = join(place, "tree");
  const { files, dependencies } = readManifest(join(ROOT, "package.json"));
  const npmTakes = files.filter((name) => name !== "CHANGELOG.md" || readdirSync(ROOT).includes(name));
  for (const name of [...npmTakes, "package.json", "scripts", "third_party"]) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  execFileSync(process.execPath, [join(copy, "scripts/packed-proto.ts"), "add"]);
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", place], {
      cwd: copy,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  ) as { filename: string }[];
  const project = join(place, "project");
  const directory = join(project, "node_modules/colloquy");
  mkdirSync(directory, { recursive: true });
  execFileSync("tar", ["-xzf", join(place, packed?.filename ?? ""), "-C", directory, "--strip-components=1"]);
  const link = (dependency: string) => {
    const target = join(project, "node_modules", dependency);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", dependency), target);
  };
  for (const dependency of Object.keys(dependencies)) link(dependency);
  return {
    project,
    directory,
    link,
    [Symbol.dispose]: () => rmSync(place, { recursive: true, force: true }),
  };
}

function readManifest(file: string): { files: string[]; dependencies: Record<string, string> } {
  return JSON.parse(readFileSync(file, "utf8"));
}
