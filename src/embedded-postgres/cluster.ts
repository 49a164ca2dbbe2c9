// The files of the embedded PostgreSQL: makes the cluster on first use, checks it afterwards.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { SettingError } from "../domain/settings/setting-error.ts";
import { type Account, accountFor, giveTo } from "./account.ts";
import { type Binaries, packagedBinaries } from "./binaries.ts";

export const SUPERUSER = "colloquy";

export interface Cluster {
  /** PostgreSQL's own directory. Its real path, so that processes that work in it can be recognized. */
  readonly directory: string;
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly password: string;
}

const CLUSTER = "postgres";
const PASSWORD_FILE = "colloquy.password";
const UNFINISHED = "init-";

/**
 * How to start one of PostgreSQL's programs on the cluster. As root, the account may not reach the directory by its
 * path (below /root, say); the process is put there while it is still root and names it as its working directory.
 * PostgreSQL 15 goes elsewhere and back by its path when it starts, so there the path must do.
 */
export function runOn(directory: string, account: Account | undefined, { major }: Binaries) {
  return {
    pgdata: account === undefined || major < 16 ? directory : "/proc/self/cwd",
    options: {
      cwd: directory,
      // A session of its own: Ctrl-C must stop the server first, and PostgreSQL after it.
      detached: true,
      // Nothing of PG… variables; messages in English.
      env: { PATH: process.env.PATH, LC_ALL: "C" },
      ...account,
    },
  };
}

/**
 * Opens the cluster in `dataDir`, making it first if there is none. Safe against others who do the same.
 * @param over aborts when this process ends: a cluster in the making is given up
 */
export async function openCluster(dataDir: string, chosen: Binaries | undefined, over?: AbortSignal): Promise<Cluster> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = join(await realpath(dataDir), CLUSTER);
  const account = await accountFor(path);
  const binaries = chosen ?? (await packagedBinaries(account));
  if (!existsSync(path)) await initialize(path, dataDir, binaries, account, over);
  await removeUnfinished(dataDir);
  if (account !== undefined) await giveTo(account, path);
  await checkVersion(path, binaries);
  const password = (await readFile(join(path, PASSWORD_FILE), "utf8")).trim();
  return { directory: path, binaries, account, password };
}

/** Made aside and moved into place when it is whole, so that a crash or a race never leaves half a cluster. */
async function initialize(
  path: string,
  dataDir: string,
  binaries: Binaries,
  account: Account | undefined,
  over: AbortSignal | undefined,
): Promise<void> {
  const workshop = await mkdtemp(join(dataDir, UNFINISHED));
  const cluster = join(workshop, "cluster");
  const passwordFile = join(workshop, PASSWORD_FILE);
  try {
    await chmod(workshop, 0o711);
    await mkdir(cluster, { mode: 0o700 });
    await writeFile(passwordFile, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
    if (account !== undefined) {
      await chown(cluster, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    await initdb(cluster, passwordFile, binaries, account, over);
    await rename(passwordFile, join(cluster, PASSWORD_FILE));
    await rename(cluster, path);
  } catch (error) {
    // A write that finds no room names no path.
    if (!existsSync(path)) throw error instanceof Error ? Object.assign(error, { path }) : error;
    // Another process finished its cluster first: that one counts.
  } finally {
    await removeFolder(workshop);
  }
}

async function initdb(
  cluster: string,
  passwordFile: string,
  binaries: Binaries,
  account: Account | undefined,
  over: AbortSignal | undefined,
): Promise<void> {
  const { pgdata, options } = runOn(cluster, account, binaries);
  const locale =
    binaries.major >= 17
      ? ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
      : ["--locale=C.UTF-8"];
  const password = await open(passwordFile, "r");
  try {
    const child = spawn(
      join(binaries.directory, "initdb"),
      // The password comes by an open file: the account may not reach it by its path.
      [`--pgdata=${pgdata}`, `--username=${SUPERUSER}`, "--auth=scram-sha-256", "--pwfile=/dev/fd/3"].concat([
        "--encoding=UTF8",
        ...locale,
      ]),
      { ...options, stdio: ["ignore", "ignore", "pipe", password.fd] },
    );
    // With the programs that it runs: it leads a group of its own.
    const onOver = () => void (child.pid && process.kill(-child.pid, "SIGKILL"));
    over?.addEventListener("abort", onOver, { once: true });
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve)).finally(() =>
      over?.removeEventListener("abort", onOver),
    );
    if (code !== 0) throw initdbFailure(complaint.trim(), cluster);
  } finally {
    await password.close();
  }
}

/**
 * What the file system refuses is a system error of the data directory, as if this process had written there itself.
 */
function initdbFailure(complaint: string, path: string): Error {
  const [why] =
    /No space left on device|Disk quota exceeded|Read-only file system|Permission denied/.exec(complaint) ?? [];
  if (why === undefined) return new Error(`PostgreSQL could not be initialized: ${complaint}`);
  return Object.assign(new Error(`PostgreSQL could not be initialized: ${why}`), { syscall: "initdb", path });
}

/** What a crash left of an initialization. With a finished cluster in place, nobody needs it. */
async function removeUnfinished(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) if (name.startsWith(UNFINISHED)) await removeFolder(join(dataDir, name));
}

/** Two processes may remove one at once, while the initdb of a third still writes into it: then it is tried again. */
async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 20 });
}

async function checkVersion(path: string, { major }: Binaries): Promise<void> {
  const version = await readFile(join(path, "PG_VERSION"), "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EACCES") throw cause;
    throw new SettingError(
      `${path} belongs to another user: start Colloquy as that user or root, or use another directory`,
    );
  });
  if (Number.parseInt(version, 10) === major) return;
  throw new SettingError(
    `${path} was made by PostgreSQL ${version.trim()}, this is PostgreSQL ${major}: ` +
      "dump it with the version that made it, and restore it into a new data directory",
  );
}
