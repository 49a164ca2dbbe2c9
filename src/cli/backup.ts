// `backup` and `restore`: the embedded database and the keys beside it, as a folder that is checked when it is read.
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, normalize, resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { packageVersion } from "../config/version.ts";
import type { CopiedFile } from "../embedded-postgres/backup.ts";
import { type Command, CommandError } from "./command.ts";
import { withDatabase } from "./with-database.ts";

const MANIFEST = "backup.json";
const CLUSTER = "postgres";
/** The files of conversations; those that are not whole yet are left out. */
const FILES = "files";
const UNFINISHED = /^unfinished\//;

interface Manifest {
  readonly colloquy: string;
  /** When the state was taken that the backup holds. */
  readonly time: string;
  readonly files: readonly CopiedFile[];
}

export const backupCommand: Command = {
  name: "backup",
  summary: "copy the embedded database and the keys to a new folder, while the server runs",
  arguments: ["folder"],
  async run(invocation) {
    const { config, print, arguments: words } = invocation;
    const target = resolve(words[0] ?? "");
    refuseExternal(config, "pg_basebackup or pg_dump");
    if (existsSync(target)) throw new CommandError(`${target}: exists already: name a new folder`);
    const unfinished = `${target}.unfinished`;
    const { copyFile, CopyInterrupted, copyRunningCluster, syncFolder } = await import(
      "../embedded-postgres/backup.ts"
    );
    await withDatabase(invocation, "command", async ({ url }) => {
      await makeFolder(unfinished, target);
      await using undo = new AsyncDisposableStack();
      undo.defer(() => rm(unfinished, { recursive: true, force: true }));
      const from = join(resolve(config.dataDir), CLUSTER);
      const files: CopiedFile[] = [];
      const cluster = await copyRunningCluster(url, from, join(unfinished, CLUSTER)).catch((error: unknown) => {
        if (!(error instanceof CopyInterrupted)) throw error;
        throw new CommandError(
          `${target}: not written: the database ended while it was copied, as it does when its server is killed: try again`,
        );
      });
      for (const { path, ...file } of cluster) files.push({ path: join(CLUSTER, path), ...file });
      const time = new Date().toISOString();
      // After the database, so that each file of which it knows is among them.
      for (const { path, ...file } of await copyFiles(config, unfinished))
        files.push({ path: join(FILES, path), ...file });
      for (const name of await keysIn(config.dataDir)) files.push(await copyFile(config.dataDir, unfinished, name));
      const manifest: Manifest = { colloquy: packageVersion(), time, files };
      await writeFile(join(unfinished, MANIFEST), JSON.stringify(manifest), { mode: 0o600, flush: true });
      await syncFolder(unfinished);
      await rename(unfinished, target);
      undo.move();
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      print(`${files.length} files, ${(bytes / 2 ** 20).toFixed(1)} MiB, in ${target}`);
    });
  },
};

export const restoreCommand: Command = {
  name: "restore",
  summary: "make a new data directory from a backup, and start its database once",
  arguments: ["folder"],
  async run(invocation) {
    const { config, print, arguments: words } = invocation;
    const source = resolve(words[0] ?? "");
    const dataDir = resolve(config.dataDir);
    refuseExternal(config, "pg_restore or the copy that you made");
    if ((await readdir(dataDir).catch(() => [])).length > 0) {
      throw new CommandError(`COLLOQUY_DATA_DIR: ${dataDir} is not empty: name a new directory`);
    }
    const manifest = await readManifest(source);
    const { copyFile, copyTree, syncFolder } = await import("../embedded-postgres/backup.ts");
    const unfinished = `${dataDir}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    try {
      // The empty folders of PostgreSQL too.
      await copyTree(source, unfinished, () => false);
      for (const expected of manifest.files) {
        const { sha256 } = await copyFile(source, unfinished, expected.path).catch((cause: unknown) => {
          throw new CommandError(`${source}: ${expected.path} cannot be read`, { cause });
        });
        if (sha256 !== expected.sha256) throw new CommandError(`${source}: ${expected.path} is damaged`);
      }
      await syncFolder(unfinished);
      // Replaces an empty directory, and fails if anybody has put something into it meanwhile.
      await rename(unfinished, dataDir);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
    await withDatabase(invocation, "command", async () => {
      print(`the state of ${manifest.time} is in ${dataDir}`);
    });
  },
};

async function makeFolder(unfinished: string, target: string): Promise<void> {
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { mode: 0o700 });
  } catch (cause) {
    throw new CommandError(`${target}: cannot be created: name a folder where this user may write`, { cause });
  }
}

function refuseExternal({ databaseUrl }: Config, tools: string): void {
  if (databaseUrl === undefined) return;
  throw new CommandError(`DATABASE_URL: this is for the embedded database: use ${tools} for your own PostgreSQL`);
}

/** Where the bytes of files lie elsewhere, the backup has none of them. */
async function copyFiles(config: Config, unfinished: string): Promise<CopiedFile[]> {
  if (config.files.place.kind !== "disk") return [];
  const from = resolve(config.files.place.folder);
  if (from !== join(resolve(config.dataDir), FILES) || !existsSync(from)) return [];
  const { copyTree } = await import("../embedded-postgres/backup.ts");
  return copyTree(from, join(unfinished, FILES), (path) => !UNFINISHED.test(path));
}

/** Everything in the data directory but the cluster and what is in the making. */
async function keysIn(dataDir: string): Promise<string[]> {
  const entries = await readdir(dataDir, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

async function readManifest(source: string): Promise<Manifest> {
  try {
    const manifest: Manifest = JSON.parse(await readFile(join(source, MANIFEST), "utf8"));
    // A backup may come from elsewhere, and must not write beside the data directory.
    if (!Array.isArray(manifest.files)) throw new Error("it names no files");
    const astray = manifest.files.find(
      ({ path }) => normalize(path) !== path || /^(?:\.\.|\/|backup\.json$)/.test(path),
    );
    if (astray !== undefined) throw new Error(`it names the file ${astray.path}`);
    return manifest;
  } catch (cause) {
    throw new CommandError(`${source}: is not a backup: it has no ${MANIFEST} that can be read`, { cause });
  }
}
