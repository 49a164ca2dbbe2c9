// Who uses an embedded PostgreSQL: a connection with locks that end with the process that holds them, however it ends.
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { sessionSetup, setUpSession } from "../store/driver/session.ts";
import { isAlive } from "./postmaster.ts";

/** Advisory locks (in the database `postgres`): shared by everyone who uses the cluster, and held by its one server. */
const USERS = [0x636c71, 1];
const SERVER = [0x636c71, 2];

const CONNECT_MS = 10_000;
/** This session waits for locks, and is idle, for as long as the server lives. */
const SETUP = sessionSetup({ timeouts: { statement: 0, lock: 0, idleInTransaction: 0 } });

const SERVER_NAME = "Colloquy";
const LOOK_AGAIN_MS = 20;
/** How long the lock of a dead process may outlive it. */
const RELEASE_MS = 5_000;

export type Role = "server" | "command";

/** Another server already runs on the same data directory; `server` says which: its pid and address. */
export class AlreadyRunning extends Error {
  override readonly name = "AlreadyRunning";
  readonly server: string;

  constructor(server: string) {
    super(`another server already runs on this data directory: ${server}`);
    this.server = server;
  }
}

export class Usage {
  readonly #client: pg.Client;
  readonly #isServer: boolean;
  /** Fulfilled when the connection has ended, whoever ended it. */
  readonly ended: Promise<void>;

  private constructor(client: pg.Client, role: Role) {
    this.#client = client;
    this.#isServer = role === "server";
    this.ended = new Promise((resolve) => client.once("end", resolve));
    // An end is told by `ended`; without a listener the error would end the process.
    client.on("error", () => {});
  }

  /**
   * Connects and registers as a user of the cluster.
   *
   * @param url of the cluster's database `postgres`
   * @throws AlreadyRunning when `role` is server and another server is registered
   */
  static async begin(url: string, role: Role): Promise<Usage> {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_MS,
      application_name:
        role === "server" ? `${SERVER_NAME} (pid ${process.pid})` : `Colloquy command (pid ${process.pid})`,
    });
    const usage = new Usage(client, role);
    await client.connect();
    try {
      await setUpSession(client, SETUP, CONNECT_MS);
      await client.query("select pg_advisory_lock_shared($1, $2)", USERS);
      if (usage.#isServer) await usage.#becomeServer();
      return usage;
    } catch (error) {
      await usage.end();
      throw error;
    }
  }

  async #becomeServer(): Promise<void> {
    const giveUpAt = performance.now() + RELEASE_MS;
    for (;;) {
      const { rows } = await this.#client.query("select pg_try_advisory_lock($1, $2) as first", SERVER);
      if (rows[0].first) return;
      const name = (await this.server()) ?? "";
      // PostgreSQL needs a moment to notice that a process was killed, and to let go of its locks.
      const pid = Number(/pid (\d+)/.exec(name)?.[1]);
      if (pid > 0 && (isAlive(pid) || performance.now() > giveUpAt)) throw new AlreadyRunning(name);
      await delay(LOOK_AGAIN_MS);
    }
  }

  /** The server of the cluster: its pid and, once it has one, its address. Undefined: none runs. */
  async server(): Promise<string | undefined> {
    const { rows } = await this.#client.query(
      `select application_name as name from pg_locks join pg_stat_activity using (pid)
       where locktype = 'advisory' and classid = $1 and objid = $2 and granted`,
      SERVER,
    );
    return rows[0]?.name;
  }

  /** Shown to whoever tries to start a second server. PostgreSQL cuts it at 63 bytes. */
  async announce(address: string): Promise<void> {
    await this.#client.query("select set_config('application_name', $1, false)", [
      `${SERVER_NAME} (pid ${process.pid}, ${address})`,
    ]);
  }

  async ensureDatabase(name: string): Promise<void> {
    const { rowCount } = await this.#client.query("select from pg_database where datname = $1", [name]);
    if (rowCount !== 0) return;
    try {
      await this.#client.query(`create database ${this.#client.escapeIdentifier(name)}`);
    } catch (error) {
      // Somebody else made it meanwhile: PostgreSQL notices that early or late.
      if (!["42P04", "23505"].includes((error as { code?: string }).code ?? "")) throw error;
    }
  }

  /**
   * Gives up the use of the cluster; true when nobody else uses it, and nobody can begin to while this is connected.
   * Undefined: the connection is lost.
   */
  async giveUp(): Promise<boolean | undefined> {
    try {
      if (this.#isServer) await this.#client.query("select pg_advisory_unlock($1, $2)", SERVER);
      await this.#client.query("select pg_advisory_unlock_shared($1, $2)", USERS);
      const { rows } = await this.#client.query("select pg_try_advisory_lock($1, $2) as last", USERS);
      return rows[0].last;
    } catch {
      return undefined;
    }
  }

  async end(): Promise<void> {
    await this.#client.end().catch(() => {});
  }
}

/** PostgreSQL was running a moment ago: it is stopping, or it just died. */
export function isGone(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? "";
  return (
    /^(ENOENT|ECONNREFUSED|ECONNRESET|EPIPE|57P0[123])$/.test(code) ||
    /^Connection terminated/.test(String((error as Error).message))
  );
}
