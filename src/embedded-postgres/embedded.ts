// PostgreSQL as a part of Colloquy: started with it, stopped with it, started again when it dies, shared by commands.
import type { ChildProcess } from "node:child_process";
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { SettingError } from "../domain/settings/setting-error.ts";
import type { Binaries } from "./binaries.ts";
import { type Cluster, openCluster, SUPERUSER } from "./cluster.ts";
import {
  abandonPostmaster,
  ensurePostmaster,
  findPostmaster,
  PORT,
  type Postmaster,
  stopPostmaster,
  watchOver,
} from "./postmaster.ts";
import { reachableSocket, type Socket } from "./socket.ts";
import { AlreadyRunning, isGone, type Role, Usage } from "./usage.ts";

export { AlreadyRunning };

export interface EmbeddedOptions {
  /** Made if it does not exist. Holds the cluster (`postgres/`), in it the password (`colloquy.password`, mode 600). */
  readonly dataDir: string;
  readonly logger: Logger;
  /** Only one `server` at a time; any number of commands, beside a server or alone. A server unless told. */
  readonly role?: Role;
  /** Another PostgreSQL than the packaged one. */
  readonly binaries?: Binaries;
  /**
   * Aborts when this process ends without `stop`. PostgreSQL is then stopped at once, as by a crash, also while it is
   * being made or comes up; a command that found it running leaves it to whoever started it.
   */
  readonly over?: AbortSignal;
}

export interface Embedded {
  /** For `openDatabase`. Stays the same when PostgreSQL is restarted. Holds the password: not for logs. */
  readonly url: string;
  /** The process that serves now. */
  readonly pid: number;
  /** The server that uses it, this one or the one beside a command, in words: its pid and address. Undefined: none. */
  server(): Promise<string | undefined>;
  /** Tells a second server where this one listens. */
  announce(address: string): Promise<void>;
  /** Stops PostgreSQL, unless another process still uses it: then that one does. */
  stop(): Promise<void>;
}

const DATABASE = "colloquy";
/** Between restarts of a PostgreSQL that keeps dying, in milliseconds. */
const BACKOFF_MS = [0, 100, 500, 2_000, 5_000];
const LOOK_AGAIN_MS = 20;
/** A PostgreSQL that held out this long is restarted without delay again. */
const STABLE_MS = 60_000;

class SupervisedPostgres implements Embedded {
  readonly url: string;
  readonly #cluster: Cluster;
  readonly #role: Role;
  readonly #log: Logger;
  readonly #socketDirectory: string;
  readonly #socketLink: string | undefined;
  #postmaster: Postmaster | undefined;
  #usage: Usage | undefined;
  /** The PostgreSQL that this process answers for, and the process that stops it when this one dies. */
  #watched: { readonly pid: number; readonly watchdog: ChildProcess } | undefined;
  #address: string | undefined;
  readonly #stopping = new AbortController();
  #bringingUp: Promise<void> | undefined;
  #supervision: Promise<void> | undefined;

  constructor(cluster: Cluster, socket: Socket, role: Role, logger: Logger) {
    this.#cluster = cluster;
    this.#role = role;
    this.#log = logger;
    this.#socketLink = socket.link;
    this.#socketDirectory = socket.directory;
    this.url = this.#urlOf(DATABASE);
  }

  #urlOf(database: string): string {
    const host = encodeURIComponent(this.#socketDirectory);
    return `postgresql://${SUPERUSER}:${this.#cluster.password}@/${database}?host=${host}&port=${PORT}&sslmode=disable`;
  }

  get pid(): number {
    return this.#postmaster?.pid ?? 0;
  }

  async start(): Promise<void> {
    await this.#bringUp();
    this.#supervision = this.#supervise();
  }

  async server(): Promise<string | undefined> {
    return await this.#usage?.server();
  }

  async announce(address: string): Promise<void> {
    this.#address = address;
    await this.#usage?.announce(address);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#bringingUp;
    const { mode, end } = await this.#leave();
    const { directory } = this.#cluster;
    const running = mode && findPostmaster(directory);
    if (mode !== undefined && running !== undefined) {
      const how = await stopPostmaster(running.pid, directory, mode);
      if (how !== mode)
        this.#log.warn("PostgreSQL did not stop in time, and was stopped at once: the next start recovers");
    }
    this.#unwatch();
    await end();
    await this.#supervision;
    if (this.#socketLink !== undefined) await rm(this.#socketLink, { recursive: true, force: true });
  }

  /** Stops PostgreSQL at once, and waits for nothing: this process ends. */
  abandon(): void {
    if (this.#watched !== undefined) abandonPostmaster(this.#watched.pid, this.#cluster.directory);
  }

  /** Gives up the use of PostgreSQL, and says how to stop it if nobody else uses it. Nobody begins to before `end`. */
  async #leave(): Promise<{ readonly mode?: "fast" | "immediate"; end(): Promise<void> }> {
    const usage = this.#usage;
    const last = await usage?.giveUp();
    if (usage !== undefined && last !== undefined) return { ...(last && { mode: "fast" }), end: () => usage.end() };
    await usage?.end();
    // It died. It may have recovered by itself meanwhile, and others may use it.
    try {
      const now = await Usage.begin(this.#urlOf("postgres"), "command");
      return { ...((await now.giveUp()) && { mode: "fast" }), end: () => now.end() };
    } catch (error) {
      // Where nobody can connect, nobody uses it.
      return { ...(isGone(error) && { mode: "immediate" }), end: async () => {} };
    }
  }

  #bringUp(): Promise<void> {
    const attempt = this.#bringUpOnce();
    this.#bringingUp = attempt.catch(() => {});
    return attempt;
  }

  /** Starts or finds PostgreSQL and registers with it; begins anew when it goes away meanwhile. */
  async #bringUpOnce(): Promise<void> {
    for (;;) {
      const postmaster = await ensurePostmaster(this.#cluster, {
        onLog: (line) => this.#logLine(line),
        onSpawn: (pid) => this.#watch(pid),
        signal: this.#stopping.signal,
      });
      let usage: Usage | undefined;
      try {
        usage = await Usage.begin(this.#urlOf("postgres"), this.#role);
        await usage.ensureDatabase(DATABASE);
        if (this.#address !== undefined) await usage.announce(this.#address);
        this.#usage = usage;
        this.#postmaster = postmaster;
        // A command that found PostgreSQL running leaves the watch to whoever started it.
        if (this.#role === "server" || postmaster.started) this.#watch(postmaster.pid);
        else this.#unwatch();
        return;
      } catch (error) {
        await usage?.end();
        if (!isGone(error)) throw error;
        await delay(LOOK_AGAIN_MS);
      }
    }
  }

  #watch(pid: number): void {
    if (this.#watched?.pid === pid) return;
    this.#unwatch();
    this.#watched = { pid, watchdog: watchOver(pid, this.#cluster) };
  }

  #unwatch(): void {
    this.#watched?.watchdog.kill("SIGKILL");
    this.#watched = undefined;
  }

  async #supervise(): Promise<void> {
    let failures = 0;
    let upSince = performance.now();
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#usage?.ended;
      if (signal.aborted) return;
      failures = performance.now() - upSince > STABLE_MS ? 0 : failures + 1;
      this.#log.warn("PostgreSQL exited; restarting it");
      const pause = BACKOFF_MS[Math.min(failures - 1, BACKOFF_MS.length - 1)] ?? 0;
      await delay(pause, undefined, { signal }).catch(() => {});
      // What is brought up now would be left behind.
      if (signal.aborted) return;
      try {
        await this.#bringUp();
        this.#log.info({ postgres_pid: this.pid }, "PostgreSQL is back");
      } catch (error) {
        if (signal.aborted) return;
        this.#log.error({ err: error }, "could not restart PostgreSQL");
      }
      // Also of one that did not come up: it has not held out for long.
      upSince = performance.now();
    }
  }

  #logLine(line: string): void {
    // While it recovers, or is being stopped, it says so to every connection.
    const expected = this.#stopping.signal.aborted || /^FATAL: {2}the database system is /.test(line);
    const serious = !expected && /^(FATAL|PANIC|WARNING):/.test(line);
    this.#log[serious ? "warn" : "debug"]({ component: "postgres" }, line);
  }
}

/**
 * Starts the PostgreSQL of a data directory, or joins the one that runs there. Keeps it running: when it dies, it is
 * started again.
 *
 * @throws AlreadyRunning when another server runs on the directory; its message says which
 */
export async function startEmbedded({
  dataDir,
  logger,
  role = "server",
  binaries,
  over,
}: EmbeddedOptions): Promise<Embedded> {
  if (process.platform === "win32")
    throw new SettingError("on Windows there is no embedded PostgreSQL: set DATABASE_URL");
  const cluster = await openCluster(dataDir, binaries, over);
  const postgres = new SupervisedPostgres(cluster, await reachableSocket(cluster), role, logger);
  over?.addEventListener("abort", () => postgres.abandon(), { once: true });
  try {
    await postgres.start();
  } catch (error) {
    await postgres.stop();
    throw error;
  }
  return postgres;
}
