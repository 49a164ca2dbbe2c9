// The list of a backup's files, by which `restore` checks them, and what keeps both commands from an external database.
import { readFile } from "node:fs/promises";
import { join, normalize } from "node:path";
import type { Config } from "../../config/config.ts";
import type { CopiedFile } from "../../embedded-postgres/backup.ts";
import { CommandError } from "../command.ts";

export const MANIFEST = "backup.json";

export interface Manifest {
  readonly colloquy: string;
  /** When the state was taken that the backup holds. */
  readonly time: string;
  readonly files: readonly CopiedFile[];
}

export function refuseExternal({ databaseUrl }: Config, tools: string): void {
  if (databaseUrl === undefined) return;
  throw new CommandError(`DATABASE_URL: this is for the embedded database: use ${tools} for your own PostgreSQL`);
}

export async function readManifest(source: string): Promise<Manifest> {
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
