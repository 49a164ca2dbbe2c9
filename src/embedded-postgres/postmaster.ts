// Starts, finds and stops the PostgreSQL process of a cluster, whichever process started it.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, runOn } from "./cluster.ts";

/**
 * PostgreSQL's socket is called `.s.PGSQL.5432` and lies in the cluster's directory, which only its owner can enter.
 */
export const PORT = 5432;

const LOOK_AGAIN_MS = 10;
/** How long the processes of a PostgreSQL that was killed, or that others stop, may take to end. */
const LEFTOVERS_MS = 30_000;
/** After this long a fast shutdown becomes an immediate one, which the next start recovers from. */
const FAST_SHUTDOWN_MS = 10_000;

/** Content must stay out of logs, so errors of statements are not logged here: whoever sent them hears of them. */
const SETTINGS = {
  listen_addresses: "",
  port: String(PORT),
  unix_socket_directories: ".",
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: "",
  log_min_messages: "log",
  log_min_error_statement: "panic",
  log_error_verbosity: "terse",
};

export interface PidFile {
  readonly pid: number;
  /** `starting`, `ready`, `standby` or `stopping`. */
  readonly status: string;
}

function readPidFile(directory: string): PidFile | undefined {
  try {
    const lines = readFileSync(join(directory, "postmaster.pid"), "utf8").split("\n");
    const pid = Number.parseInt(lines[0] ?? "", 10);
    return pid > 0 ? { pid, status: (lines[7] ?? "").trim() } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Whether a process is this cluster's PostgreSQL, and not another that got the number of one that died. */
function isPostmaster(pid: number, directory: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform !== "linux") {
    return spawnSync("ps", ["-o", "comm=", "-p", String(pid)])
      .stdout.toString()
      .includes("postgres");
  }
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(directory);
  } catch {
    return false;
  }
}

/** The cluster's PostgreSQL, if one runs; it may be starting or stopping. */
export function findPostmaster(directory: string): PidFile | undefined {
  const found = readPidFile(directory);
  return found !== undefined && isPostmaster(found.pid, directory) ? found : undefined;
}

export interface Postmaster {
  readonly pid: number;
  /** Whether this call started it. */
  readonly started: boolean;
}

export interface EnsureOptions {
  /** Gets each line that PostgreSQL logs, if this call started it. */
  readonly onLog?: (line: string) => void;
  /** Told of each process that this call starts, as it is started. */
  readonly onSpawn?: (pid: number) => void;
  /** Ends the attempt: what this call started and is not ready is stopped at once, as by a crash. */
  readonly signal?: AbortSignal;
}

/**
 * Gives the cluster's running PostgreSQL, starting it if there is none. Waits out one that is just stopping or
 * recovering, and the remains of one that was killed. Rejects with the signal's reason.
 */
export async function ensurePostmaster(cluster: Cluster, options: EnsureOptions = {}): Promise<Postmaster> {
  const giveUpAt = performance.now() + LEFTOVERS_MS;
  for (;;) {
    options.signal?.throwIfAborted();
    const running = findPostmaster(cluster.directory);
    if (running?.status === "ready") return { pid: running.pid, started: false };
    if (running?.status === "stopping") await untilStopped(running.pid, cluster.directory, LEFTOVERS_MS);
    else if (running !== undefined) await delay(LOOK_AGAIN_MS);
    if (running !== undefined) continue;
    removeMisleadingPidFile(cluster.directory);
    const outcome = await start(cluster, options);
    if (typeof outcome === "number") return { pid: outcome, started: true };
    const passing = /lock file|shared memory block/.test(outcome);
    if (!passing || performance.now() > giveUpAt) throw new Error(`PostgreSQL did not start: ${outcome}`);
    await delay(10 * LOOK_AGAIN_MS);
  }
}

/**
 * PostgreSQL itself overcomes the pid file of a dead process. It refuses one whose number has gone to another program
 * of the same account, as happens in containers, where numbers are low.
 */
function removeMisleadingPidFile(directory: string): void {
  const stale = readPidFile(directory);
  if (stale !== undefined && isAlive(stale.pid) && !isPostmaster(stale.pid, directory)) {
    rmSync(join(directory, "postmaster.pid"), { force: true });
  }
}

/** Gives the new process's pid once it takes connections, or what it said when it ended. */
async function start(cluster: Cluster, { onLog, onSpawn, signal }: EnsureOptions): Promise<number | string> {
  const { pgdata, options } = runOn(cluster.directory, cluster.account, cluster.binaries);
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(join(cluster.binaries.directory, "postgres"), ["-D", pgdata, ...settings], {
    ...options,
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (child.pid !== undefined) onSpawn?.(child.pid);
  const onAbort = () => void child.kill("SIGQUIT");
  signal?.addEventListener("abort", onAbort, { once: true });
  const said: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (said.push(line) > 20) said.shift();
    onLog?.(line);
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve(said.join("\n")));
  });
  const outcome = await Promise.race([ended, ready(child, cluster.directory)]).finally(() =>
    signal?.removeEventListener("abort", onAbort),
  );
  // It may outlive this process, which must not wait for it.
  child.unref();
  (child.stderr as unknown as { unref(): void }).unref();
  return outcome;
}

async function ready(child: ChildProcess, directory: string): Promise<number> {
  for (;;) {
    const found = readPidFile(directory);
    if (found !== undefined && found.pid === child.pid && found.status === "ready") return found.pid;
    await delay(LOOK_AGAIN_MS);
    if (child.exitCode !== null || child.signalCode !== null) return new Promise(() => {});
  }
}

/**
 * Stops PostgreSQL. `fast`: cleanly; sessions are ended, what is committed is checkpointed. `immediate`: as a crash,
 * from which the next start recovers. While it recovers itself it is that or nothing: told to stop fast then, it may
 * never end. A fast one that takes longer than `fastMs` becomes immediate: a session that does not listen, such as one
 * in a long computation, would hold it up for as long as it likes. Answers in which way it stopped.
 */
export async function stopPostmaster(
  pid: number,
  directory: string,
  mode: "fast" | "immediate",
  fastMs = FAST_SHUTDOWN_MS,
): Promise<"fast" | "immediate"> {
  send(pid, mode === "fast" ? "SIGINT" : "SIGQUIT");
  return (await untilStopped(pid, directory, fastMs)) ? "immediate" : mode;
}

/** Whether it had to be told to stop at once, after so many milliseconds. */
async function untilStopped(pid: number, directory: string, patienceMs: number): Promise<boolean> {
  const becomeImmediateAt = performance.now() + patienceMs;
  let immediate = false;
  while (isPostmaster(pid, directory)) {
    if (!immediate && performance.now() > becomeImmediateAt) {
      immediate = true;
      send(pid, "SIGQUIT");
    }
    await delay(LOOK_AGAIN_MS);
  }
  return immediate;
}

/** Stops PostgreSQL at once, as by a crash, without waiting for it. */
export function abandonPostmaster(pid: number, directory: string): void {
  if (isPostmaster(pid, directory)) send(pid, "SIGQUIT");
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits for the end of its standard input, asks PostgreSQL to stop, and after 10 s tells it to stop at once. */
const WATCH =
  'read -r _; kill -INT "$0" || exit; for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$0" || exit; done; kill -QUIT "$0"';

/**
 * A small process that stops PostgreSQL when this one dies without having done so, which the kernel tells it in any
 * case: it closes what the other end of its standard input was.
 */
export function watchOver(pid: number, cluster: Cluster): ChildProcess {
  const watchdog = spawn("/bin/sh", ["-c", WATCH, String(pid)], {
    ...runOn(cluster.directory, cluster.account, cluster.binaries).options,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
  });
  watchdog.on("error", () => {});
  watchdog.unref();
  (watchdog.stdin as unknown as { unref?(): void }).unref?.();
  return watchdog;
}
