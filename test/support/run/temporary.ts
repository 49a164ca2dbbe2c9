// The temporary directory of a run: in memory where there is room, for clusters, databases and data directories by the
// hundred cost a file system on disk more than PostgreSQL.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

const MEMORY = "/dev/shm";
const PREFIX = "colloquy-run-";
/** What a run may take at its worst, and what must be left of the memory for all that it starts, in bytes. */
const FILES = 4 * 2 ** 30;
const PROCESSES = 4 * 2 ** 30;

/**
 * Lets this process, and what it starts from now on, keep temporary files in memory. They are gone with what this
 * returns.
 */
export function keepFilesInMemory(): () => void {
  // In CI the temporary directory may be set; a run of several projects comes here for each of them.
  if (process.env.TMPDIR !== undefined || !hasRoom()) return () => {};
  for (const name of readdirSync(MEMORY)) {
    const pid = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : "";
    if (pid !== "" && !existsSync(`/proc/${pid}`)) remove(join(MEMORY, name));
  }
  const directory = join(MEMORY, `${PREFIX}${process.pid}`);
  mkdirSync(directory);
  // Like any temporary directory: as root, PostgreSQL runs as another account.
  chmodSync(directory, 0o1777);
  process.env.TMPDIR = directory;
  return () => {
    delete process.env.TMPDIR;
    remove(directory);
  };
}

function hasRoom(): boolean {
  if (!existsSync(MEMORY) || !existsSync("/proc/meminfo")) return false;
  const { bavail, bsize } = statfsSync(MEMORY);
  const available = Number(/MemAvailable: +(\d+) kB/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]) * 1024;
  return bavail * bsize >= FILES && available >= FILES + PROCESSES;
}

function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
