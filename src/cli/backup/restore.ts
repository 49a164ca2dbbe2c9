// `restore`: a new data directory from the folder of a backup, once every file of it is known to be whole.
import { readdir, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import type { Config } from "../../config/config.ts";
import type { Database } from "../../store/database.ts";
import { CommandError, type Invocation } from "../command.ts";
import { withDatabase } from "../with-database.ts";
import { endOfCopy } from "./copying.ts";
import { readManifest, refuseExternal } from "./manifest.ts";

export async function run(invocation: Invocation): Promise<void> {
  const { config, print, signal, arguments: words } = invocation;
  const source = resolve(words[0] ?? "");
  const dataDir = resolve(config.dataDir);
  refuseExternal(config, "pg_restore or the copy that you made");
  if ((await readdir(dataDir).catch(() => [])).length > 0) {
    throw new CommandError(`COLLOQUY_DATA_DIR: ${dataDir} is not empty: name a new directory`);
  }
  const manifest = await readManifest(source);
  const { copyFile, copyTree, syncFolder } = await import("../../embedded-postgres/backup.ts");
  const unfinished = `${dataDir}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  try {
    // The empty folders of PostgreSQL too.
    await copyTree(source, unfinished, () => false, signal);
    for (const expected of manifest.files) {
      const { sha256 } = await copyFile(source, unfinished, expected.path, signal).catch((error: unknown) => {
        const cause = endOfCopy(error, dataDir, signal);
        throw cause instanceof CommandError
          ? cause
          : new CommandError(`${source}: ${expected.path} cannot be read`, { cause });
      });
      if (sha256 !== expected.sha256) throw new CommandError(`${source}: ${expected.path} is damaged`);
    }
    await syncFolder(unfinished);
    // Replaces an empty directory, and fails if anybody has put something into it meanwhile.
    await rename(unfinished, dataDir);
  } catch (error) {
    throw endOfCopy(error, dataDir, signal);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  await withDatabase(invocation, "command", async ({ database }) => {
    print(`the state of ${manifest.time} is in ${dataDir}`);
    const missing = await countWithoutBytes(config, database, signal);
    if (missing === 0) return;
    print(`files of the database without bytes here: ${missing}, deleted while the backup was made, or kept elsewhere`);
  });
}

/** A copy of a database that goes on is older than the copy of the folder after it. */
async function countWithoutBytes(
  { files: { place, maxBytes } }: Config,
  database: Database,
  signal: AbortSignal,
): Promise<number> {
  if (place.kind !== "disk") return 0;
  const { openFiles } = await import("../../files/open.ts");
  const { eachKeptFile } = await import("../../store/files/kept-ids.ts");
  const { tenantIds } = await import("../../store/directory/tenants.ts");
  const bytes = await openFiles(place, maxBytes);
  let missing = 0;
  try {
    for (const tenantId of await tenantIds(database)) {
      for await (const id of eachKeptFile(database, tenantId)) {
        if (signal.aborted) throw new CommandError("stopped before the files of the database were counted");
        if ((await bytes.has?.({ tenantId, id })) === false) missing++;
      }
    }
  } finally {
    await bytes.close();
  }
  return missing;
}
