// A copy of the embedded cluster while it runs, by PostgreSQL's low-level backup functions.
// https://www.postgresql.org/docs/18/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, mkdir, open, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";

export interface CopiedFile {
  /** Relative to the copied directory. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** PostgreSQL ended, or restarted, while it was copied: the copy is worth nothing. */
export class CopyInterrupted extends Error {
  override readonly name = "CopyInterrupted";
}

/** A replication slot of this session keeps the WAL that the copy needs. */
const SLOT = "colloquy_backup";
const WAL = "pg_wal";
/** Their content belongs to the running process, and is made anew at a start. */
const EMPTY = new Set([
  "pg_dynshmem",
  "pg_notify",
  "pg_replslot",
  "pg_serial",
  "pg_snapshots",
  "pg_stat_tmp",
  "pg_subtrans",
  WAL,
]);
const LEFT_OUT =
  /^(?:postmaster\.(?:pid|opts)|\.s\.PGSQL\..*|backup_label|tablespace_map|.*pgsql_tmp.*|pg_internal\.init.*)$/;
const CONTROL = join("global", "pg_control");

/**
 * Copies the cluster in `directory` to `target`, which must not exist. Writers go on meanwhile; the copy is the state
 * at the end of the call.
 *
 * @param url of the running cluster
 * @param signal stops it within a file
 * @throws CopyInterrupted
 */
export async function copyRunningCluster(
  url: string,
  directory: string,
  target: string,
  signal: AbortSignal,
): Promise<CopiedFile[]> {
  const client = new pg.Client({ connectionString: url, application_name: "colloquy backup" });
  let lost: unknown;
  // Without a listener this event would end the process.
  client.on("error", (error) => {
    lost ??= error;
  });
  await client.connect();
  try {
    await client.query("select pg_create_physical_replication_slot($1, true, true)", [SLOT + process.pid]);
    await client.query("select pg_backup_start('colloquy', fast => true)");
    const copied = await copyTree(directory, target, (path) => path !== CONTROL, signal);
    // Last, so that recovery begins no later than the files that it repairs.
    copied.push(await copyFile(directory, target, CONTROL, signal));
    const { rows } = await client.query("select labelfile as label from pg_backup_stop(wait_for_archive => false)");
    await writeFile(join(target, "backup_label"), rows[0].label, { mode: 0o600, flush: true });
    copied.push(await describe(target, "backup_label"));
    copied.push(...(await copyTree(join(directory, WAL), join(target, WAL), isSegment, signal)).map(within(WAL)));
    return copied;
  } catch (error) {
    if (lost === undefined) throw error;
    throw new CopyInterrupted("PostgreSQL ended while it was copied", { cause: error });
  } finally {
    await client.end();
  }
}

/** A segment, or the history of a timeline; not what PostgreSQL keeps of its work there. */
function isSegment(path: string): boolean {
  return /^[0-9A-F]{24}$|^[0-9A-F]{8}\.history$/.test(path);
}

function within(folder: string) {
  return (file: CopiedFile): CopiedFile => ({ ...file, path: join(folder, file.path) });
}

/** Copies the files below `from` for which `takes` is true, and makes all folders. `signal` stops it within a file. */
export async function copyTree(
  from: string,
  to: string,
  takes: (path: string) => boolean,
  signal: AbortSignal,
  path = "",
): Promise<CopiedFile[]> {
  await mkdir(join(to, path), { recursive: true, mode: 0o700 });
  const copied: CopiedFile[] = [];
  const entries = await readdir(join(from, path), { withFileTypes: true }).catch(unlessGone);
  for (const entry of entries ?? []) {
    signal.throwIfAborted();
    const name = join(path, entry.name);
    if (LEFT_OUT.test(entry.name)) continue;
    if (entry.isDirectory() && path === "" && EMPTY.has(entry.name)) {
      await mkdir(join(to, name), { mode: 0o700 });
    } else if (entry.isDirectory()) {
      copied.push(...(await copyTree(from, to, takes, signal, name)));
    } else if (entry.isFile() && takes(name)) {
      // A table that is dropped meanwhile takes its files along; the WAL says so too.
      const file = await copyFile(from, to, name, signal).catch(unlessGone);
      if (file !== undefined) copied.push(file);
    }
  }
  return copied;
}

/** Copies a file, readable by its owner only, and waits until it is on disk. */
export async function copyFile(from: string, to: string, path: string, signal: AbortSignal): Promise<CopiedFile> {
  await mkdir(dirname(join(to, path)), { recursive: true, mode: 0o700 });
  const target = createWriteStream(join(to, path), { mode: 0o600, flush: true });
  return await summarized(path, (count) => pipeline(createReadStream(join(from, path)), count, target, { signal }));
}

/** The same of a file that is there already. */
export async function describe(directory: string, path: string): Promise<CopiedFile> {
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
  return await summarized(path, (count) => pipeline(createReadStream(join(directory, path)), count, nothing));
}

type Count = (source: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

async function summarized(path: string, run: (count: Count) => Promise<void>): Promise<CopiedFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  await run(async function* (source) {
    for await (const chunk of source) {
      bytes += chunk.length;
      hash.update(chunk);
      yield chunk;
    }
  });
  return { path, bytes, sha256: hash.digest("hex") };
}

/** Makes the entries of a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  await chmod(path, 0o700);
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
