// The package as `npm pack` makes it, unpacked next to only the dependencies that it names. Uses no registry.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LEFT_PREFIX } from "../postgres/postgres.ts";

const ROOT = join(import.meta.dirname, "../../..");

export interface Installed extends Disposable {
  /** A project that has installed it. */
  readonly project: string;
  /** Where the package lies in it. */
  readonly directory: string;
  /** The package as npm packed it. */
  readonly archive: string;
  /** Makes `dependency` of this tree one of the project's as well. */
  link(dependency: string): void;
}

/**
 * Where the files of a run share the package: packing it takes fifteen seconds of a processor. The next run removes it.
 */
const SHARED = () => join(tmpdir(), `${LEFT_PREFIX}${process.ppid}-package`);

/** The package as an archive, which whoever comes first makes. */
async function packed(): Promise<string> {
  const archive = join(SHARED(), "package.tgz");
  const failed = join(SHARED(), "failed");
  try {
    mkdirSync(SHARED());
  } catch {
    while (!existsSync(archive)) {
      if (existsSync(failed)) throw new Error("the package cannot be packed: another file of this run says why");
      await delay(100);
    }
    return archive;
  }
  try {
    renameSync(pack(), archive);
  } catch (error) {
    mkdirSync(failed);
    throw error;
  }
  return archive;
}

/** Packs what `npm run build` left. In a copy, for packing puts files into the tree that buf would find twice. */
function pack(): string {
  const copy = join(SHARED(), "tree");
  const { files } = readManifest(join(ROOT, "package.json"));
  // "!" leaves something out, which npm does in the copy.
  const named = files.filter((name) => !name.startsWith("!"));
  const npmTakes = named.filter((name) => name !== "CHANGELOG.md" || readdirSync(ROOT).includes(name));
  for (const name of [...npmTakes, "package.json", "scripts", "third_party"]) {
    // Without what Node has compiled, which npm does not take either, once it has looked at each file.
    cpSync(join(ROOT, name), join(copy, name), {
      recursive: true,
      filter: (path) => !path.endsWith("/node_modules/.cache"),
    });
  }
  execFileSync(process.execPath, [join(copy, "scripts/packed-proto.ts"), "add"]);
  const [made] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", SHARED()], {
      cwd: copy,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  ) as { filename: string }[];
  rmSync(copy, { recursive: true });
  return join(SHARED(), made?.filename ?? "");
}

/** Installs the package in a new project. */
export async function installPackage(): Promise<Installed> {
  const archive = await packed();
  const place = mkdtempSync(join(tmpdir(), "colloquy-package-"));
  const { dependencies } = readManifest(join(ROOT, "package.json"));
  const project = join(place, "project");
  const directory = join(project, "node_modules/colloquy");
  mkdirSync(directory, { recursive: true });
  execFileSync("tar", ["-xzf", archive, "-C", directory, "--strip-components=1"]);
  const link = (dependency: string) => {
    const target = join(project, "node_modules", dependency);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", dependency), target);
  };
  for (const dependency of Object.keys(dependencies)) link(dependency);
  return {
    project,
    directory,
    archive,
    link,
    [Symbol.dispose]: () => rmSync(place, { recursive: true, force: true }),
  };
}

function readManifest(file: string): { files: string[]; dependencies: Record<string, string> } {
  return JSON.parse(readFileSync(file, "utf8"));
}
