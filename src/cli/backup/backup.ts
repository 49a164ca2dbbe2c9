// `backup`: the embedded database and the keys beside it, as a folder that `restore` checks when it reads it.
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Config } from "../../config/config.ts";
import { packageVersion } from "../../config/version.ts";
import type { CopiedFile } from "../../embedded-postgres/backup.ts";
import { CommandError, type Invocation } from "../command.ts";
import { type OpenedDatabase, withDatabase } from "../with-database.ts";
import { endOfCopy } from "./copying.ts";
import { MANIFEST, type Manifest, refuseExternal } from "./manifest.ts";

const CLUSTER = "postgres";
/** The files of conversations; those that are not whole yet are left out. */
const FILES = "files";
const UNFINISHED = /^unfinished\//;

export async function run(invocation: Invocation): Promise<void> {
  const { config, print, signal, arguments: words } = invocation;
  const target = resolve(words[0] ?? "");
  refuseExternal(config, "pg_basebackup or pg_dump");
  if (existsSync(target)) throw new CommandError(`${target}: exists already: name a new folder`);
  const unfinished = `${target}.unfinished`;
  const { copyFile, CopyInterrupted, copyRunningCluster, syncFolder } = await import(
    "../../embedded-postgres/backup.ts"
  );
  const copy = async ({ url }: OpenedDatabase) => {
    await makeFolder(unfinished, target);
    await using undo = new AsyncDisposableStack();
    undo.defer(() => rm(unfinished, { recursive: true, force: true }));
    const from = join(resolve(config.dataDir), CLUSTER);
    const files: CopiedFile[] = [];
    const cluster = await copyRunningCluster(url, from, join(unfinished, CLUSTER), signal).catch((error: unknown) => {
      if (signal.aborted || !(error instanceof CopyInterrupted)) throw error;
      throw new CommandError(
        `${target}: not written: the database ended while it was copied, as it does when its server is killed: try again`,
      );
    });
    for (const { path, ...file } of cluster) files.push({ path: join(CLUSTER, path), ...file });
    const time = new Date().toISOString();
    // After the database, so that each file of which it knows is among them, but for those that are deleted meanwhile.
    for (const { path, ...file } of await copyFiles(config, unfinished, signal))
      files.push({ path: join(FILES, path), ...file });
    for (const name of await keysIn(config.dataDir))
      files.push(await copyFile(config.dataDir, unfinished, name, signal));
    const manifest: Manifest = { colloquy: packageVersion(), time, files };
    await writeFile(join(unfinished, MANIFEST), JSON.stringify(manifest), { mode: 0o600, flush: true });
    await syncFolder(unfinished);
    await rename(unfinished, target);
    undo.move();
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    print(`${files.length} files, ${(bytes / 2 ** 20).toFixed(1)} MiB, in ${target}`);
  };
  // As it is: a backup before an update has to be one of the release before.
  await withDatabase(invocation, "command", copy, { mayBePending: true }).catch((error: unknown) => {
    throw endOfCopy(error, target, signal);
  });
}

async function makeFolder(unfinished: string, target: string): Promise<void> {
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { mode: 0o700 });
  } catch (cause) {
    throw new CommandError(`${target}: cannot be created: name a folder where this user may write`, { cause });
  }
}

/** Where the bytes of files lie elsewhere, the backup has none of them. */
async function copyFiles(config: Config, unfinished: string, signal: AbortSignal): Promise<CopiedFile[]> {
  if (config.files.place.kind !== "disk") return [];
  const from = resolve(config.files.place.folder);
  if (from !== join(resolve(config.dataDir), FILES) || !existsSync(from)) return [];
  const { copyTree } = await import("../../embedded-postgres/backup.ts");
  return copyTree(from, join(unfinished, FILES), (path) => !UNFINISHED.test(path), signal);
}

/** Everything in the data directory but the cluster and what is in the making. */
async function keysIn(dataDir: string): Promise<string[]> {
  const entries = await readdir(dataDir, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}
