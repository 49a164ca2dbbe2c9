// A PostgreSQL of one's own to break, with Colloquy's tables in it, and tenants that may call.
import { randomBytes } from "node:crypto";
import { existsSync, statfsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { makeApiKey } from "../../../src/access/keys/api-key.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { type Cluster, openCluster, SUPERUSER } from "../../../src/embedded-postgres/cluster.ts";
import {
  ensurePostmaster,
  isAlive,
  PORT,
  stopPostmaster,
  watchOver,
} from "../../../src/embedded-postgres/postmaster.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import { administer, copyCluster, urlOf } from "../../support/postgres/postgres.ts";
import { type Crash, crashPostgres } from "../faults/processes.ts";
import { type OwnServer, startOwnServer } from "./server.ts";

export interface Tenant {
  readonly id: string;
  /** Says who calls: an API key with every scope. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A migrated database, whoever runs it. */
export interface Tables {
  /** By a Unix socket. */
  readonly url: string;
  /** Runs SQL on a connection of its own, as soon as PostgreSQL takes connections. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  tenant(): Promise<Tenant>;
  /** Makes a key for a tenant that is there. */
  keyOf(tenantId: string): Promise<Tenant>;
}

export interface Store extends Tables {
  /** The postmaster that runs now. */
  pid(): Promise<number>;
  /** Kills PostgreSQL, or a part of it, as kill -9 does. */
  crash(how: Crash): Promise<void>;
  /** Resolves when PostgreSQL takes connections again. */
  recover(): Promise<void>;
}

/** A PostgreSQL that stays dead until it is told to recover. */
export interface OwnDatabase extends Store, AsyncDisposable {}

export interface OwnDatabaseOptions {
  /** Where its files lie: `memory` if the machine has room for it, `disk`, or a directory. Default: `disk`. */
  readonly on?: "memory" | "disk" | (string & {});
}

/** Takes some 2 s. In memory it recovers faster; what a killed process had written is kept all the same. */
export async function startOwnDatabase({ on = "disk" }: OwnDatabaseOptions = {}): Promise<OwnDatabase> {
  const given = on !== "memory" && on !== "disk";
  const dataDir = given ? on : await newDirectory(on === "memory" && hasRoom() ? MEMORY : tmpdir());
  await copyCluster(dataDir);
  const cluster = await openCluster(dataDir, undefined);
  const url = await urlOfCluster(dataDir);
  let watchdog: ReturnType<typeof watchOver> | undefined;
  const start = async () => {
    const { pid, started } = await ensurePostmaster(cluster);
    if (!started) return;
    watchdog?.kill("SIGKILL");
    // Should this process die, PostgreSQL stops too.
    watchdog = watchOver(pid, cluster);
  };
  await start();
  if ((await administer(urlOf(url, "postgres"), "select from pg_database where datname = 'colloquy'")).length === 0)
    await administer(urlOf(url, "postgres"), "create database colloquy");
  const database = await openDatabase({ url });
  await migrate(database);
  await database.close();
  const store = storeOf(url, cluster, start);
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await start();
      watchdog?.kill("SIGKILL");
      await stopPostmaster(await store.pid(), cluster.directory, "fast");
      if (!given) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A server that keeps its own PostgreSQL, as `npm start` does, and starts it again when it dies. */
export interface WholeServer extends AsyncDisposable {
  readonly server: OwnServer;
  readonly store: Store;
}

/** Takes some 4 s. */
export async function startWholeServer(settings: Readonly<Record<string, string>> = {}): Promise<WholeServer> {
  const dataDir = await newDirectory();
  await copyCluster(dataDir);
  const server = await startOwnServer({ COLLOQUY_DATA_DIR: dataDir, ...settings });
  return {
    server,
    store: storeOf(await urlOfCluster(dataDir), { directory: join(dataDir, "postgres") }, async () => {}),
    async [Symbol.asyncDispose]() {
      server.signal("SIGTERM");
      await server.ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const MEMORY = "/dev/shm";
const ROOM_BYTES = 2 ** 30;

function hasRoom(): boolean {
  if (!existsSync(MEMORY)) return false;
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize > ROOM_BYTES;
}

/** Named after this process, so that a later run removes what a killed one left. */
async function newDirectory(parent = tmpdir()): Promise<string> {
  for (const name of await readdir(parent)) {
    const pid = Number(/^colloquy-test-(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) await rm(join(parent, name), { recursive: true, force: true });
  }
  const directory = await mkdtemp(join(parent, `colloquy-test-${process.pid}-`));
  await chmod(directory, 0o711);
  return directory;
}

async function urlOfCluster(dataDir: string): Promise<string> {
  const directory = join(dataDir, "postgres");
  const password = (await readFile(join(directory, "colloquy.password"), "utf8")).trim();
  return `postgresql://${SUPERUSER}:${password}@/colloquy?host=${encodeURIComponent(directory)}&port=${PORT}&sslmode=disable`;
}

function storeOf(url: string, { directory }: Pick<Cluster, "directory">, start: () => Promise<void>): Store {
  const pid = async () => Number.parseInt(await readFile(join(directory, "postmaster.pid"), "utf8"), 10);
  return {
    ...tablesAt(url),
    pid,
    crash: async (how) => crashPostgres(await pid(), how),
    async recover() {
      // Just killed, it may still look as if it ran.
      do await start();
      while (!(await isUp(url)));
    },
  };
}

export function tablesAt(url: string): Tables {
  return {
    url,
    async sql(text, values) {
      while (!(await isUp(url))) await delay(10);
      return administer(url, text, values);
    },
    tenant: () => addTenant(url),
    keyOf: (tenantId) => addKey(url, tenantId),
  };
}

/** Makes a tenant with a key. */
async function addTenant(url: string): Promise<Tenant> {
  const id = newId();
  await administer(url, "insert into tenant (id, slug, secret) values ($1, $2, $3)", [id, `t-${id}`, randomBytes(32)]);
  return await addKey(url, id);
}

async function addKey(url: string, id: string): Promise<Tenant> {
  const keyId = newId();
  const { text, secretHash } = makeApiKey(id, keyId);
  await administer(
    url,
    "insert into api_key (tenant_id, id, scopes, secret_hash, creator) values ($1, $2, $3, $4, 'test')",
    [id, keyId, ["read", "write", "admin"], Buffer.from(secretHash)],
  );
  return { id, headers: { authorization: `Bearer ${text}` } };
}

async function isUp(url: string): Promise<boolean> {
  try {
    await administer(url, "select 1");
    return true;
  } catch {
    return false;
  }
}
