// PostgreSQL for tests: a separate database in the run's cluster, or a separate cluster to break.
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { type Logger, pino } from "pino";
import { inject } from "vitest";
import type { Binaries } from "../../../src/embedded-postgres/binaries.ts";
import { type Embedded, startEmbedded } from "../../../src/embedded-postgres/embedded.ts";
import type { Database } from "../../../src/store/database.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { type DatabaseOptions, openDatabase } from "../../../src/store/open-database.ts";
import { endWithTest } from "../run/child.ts";
import { logStatement } from "../run/statement-log.ts";

export const silent: Logger = pino({ level: "silent" });

/** Debian's PostgreSQL 15, the oldest that is supported. Undefined where it is not installed. */
export const POSTGRES_15: Binaries | undefined = existsSync("/usr/lib/postgresql/15/bin/postgres")
  ? { directory: "/usr/lib/postgresql/15/bin", major: 15 }
  : undefined;

/** Migrated once for the whole run; every test database is a copy of it. */
export const TEMPLATE = "colloquy";

/** Of what a run leaves behind when it is killed, followed by its process id. */
export const LEFT_PREFIX = "colloquy-test-";

/** A cluster of one's own, which a test may kill. `stop` removes it altogether. */
export interface TestCluster extends Embedded {
  readonly dataDir: string;
}

/** The variable that says where the run keeps a stopped cluster with every table, see {@link copyCluster}. */
const MADE = "TEST_CLUSTER";

/** A data directory with a cluster that has every table and is not running. What is already there is left alone. */
export async function copyCluster(dataDir: string): Promise<void> {
  const made = process.env[MADE];
  // Outside a run, as of the torture, it is made by whoever starts it.
  if (made === undefined || existsSync(join(dataDir, "postgres"))) return;
  // With its owner, which PostgreSQL insists on.
  await promisify(execFile)("cp", ["-a", join(made, "postgres"), dataDir]);
}

/** Makes what {@link copyCluster} copies. Takes seconds, which each test with a cluster of its own saves. */
export async function makeCluster(): Promise<AsyncDisposable> {
  const dataDir = await newDirectory();
  const embedded = await startEmbedded({ dataDir, logger: silent });
  try {
    const database = await openDatabase({ url: embedded.url });
    await migrate(database);
    await database.close();
  } finally {
    await embedded.stop();
  }
  process.env[MADE] = dataDir;
  return {
    async [Symbol.asyncDispose]() {
      delete process.env[MADE];
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export async function newDirectory(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), `${LEFT_PREFIX}${process.pid}-`));
  // As root, PostgreSQL 15 runs as another account that comes here by the path.
  await chmod(dataDir, 0o711);
  return dataDir;
}

export async function startTestCluster(binaries?: Binaries, logger = silent): Promise<TestCluster> {
  const dataDir = await newDirectory();
  if (binaries === undefined) await copyCluster(dataDir);
  const starting = startEmbedded({ dataDir, logger, ...(binaries && { binaries }) });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      await (await starting.catch(() => undefined))?.stop();
      await rm(dataDir, { recursive: true, force: true });
    })();
    return stopping;
  };
  // Also of a test that runs out of time while it starts.
  endWithTest(stop);
  const embedded = await starting;
  return {
    dataDir,
    url: embedded.url,
    server: () => embedded.server(),
    get pid() {
      return embedded.pid;
    },
    announce: (address) => embedded.announce(address),
    stop,
  };
}

/** The PostgreSQL of a run that was killed has stopped with it; this removes what it left on disk. */
export async function removeLeftClusters(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${LEFT_PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (pid > 0 && !existsSync(`/proc/${pid}`)) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** The same cluster, another of its databases. */
export function urlOf(url: string, database: string): string {
  return url.replace(/@([^/]*)\/[^?]*/, `@$1/${database}`);
}

/** Runs SQL on a connection of its own, as an administrator would. */
export async function administer(url: string, sql: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, application_name: "administer" });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}

/** By cluster: a connection costs more than to drop a database, and a worker makes hundreds. It ends with the worker. */
const makers = new Map<string, pg.Client>();

/** Makes or drops a database, one after the other. */
async function changeDatabases(cluster: string, sql: string): Promise<void> {
  let maker = makers.get(cluster);
  if (maker === undefined) {
    maker = new pg.Client({ connectionString: urlOf(cluster, "postgres"), application_name: "administer" });
    makers.set(cluster, maker);
    const forget = () => makers.delete(cluster);
    maker.on("error", forget).on("end", forget);
    maker.connect().catch(forget);
  }
  await maker.query(sql);
}

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** What it is called in its cluster, to copy it as a template. */
  readonly name: string;
  /** Opens it, at its own URL unless another is given; closed with the test database. */
  open(options?: Partial<DatabaseOptions>): Promise<Database>;
  /** Closes what was opened and drops the database. */
  drop(): Promise<void>;
}

/**
 * The name of a statement of a test. Connections keep what was prepared under a name, so no two texts may share one.
 */
export function statementName(text: string): string {
  return `test_${createHash("md5").update(text).digest("hex")}`;
}

/** PostgreSQL waits 5 s for those that it ends: a process of Citus that has just been started takes longer. */
async function dropOn(cluster: string, name: string): Promise<void> {
  try {
    await changeDatabases(cluster, `drop database if exists ${name} with (force)`);
  } catch (error) {
    if ((error as { code?: string }).code !== "55006" || !onCitus()) throw error;
    await dropOn(cluster, name);
  }
}

/** Whether the run's database is a Citus cluster, whose coordinator does not see what waits for what on its nodes. */
export const onCitus = () => inject("postgresWorkers") !== undefined;

/** A new database with every table and no row, in the run's cluster. Takes some 50 ms. */
export async function createTestDatabase(template = TEMPLATE): Promise<TestDatabase> {
  const cluster = inject("postgresUrl");
  const nodes = [cluster, ...(inject("postgresWorkers") ?? [])];
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  const create = `create database ${name} template ${template} strategy file_copy`;
  await Promise.all(nodes.map((node) => changeDatabases(node, create)));
  const url = urlOf(cluster, name);
  const opened: Database[] = [];
  const drop = async () => {
    await Promise.all(opened.map((database) => database.close()));
    // Of the coordinator first, which otherwise connects to the nodes meanwhile.
    for (const node of nodes) await dropOn(node, name);
  };
  return {
    url,
    name,
    async open(options = {}) {
      const onStatement = (text: string) => {
        logStatement(inject("statementLog"), text);
        options.observer?.onStatement?.(text);
      };
      const observer = { ...options.observer, onStatement };
      const database = await openDatabase({ url, ...options, observer });
      opened.push(database);
      return database;
    },
    drop,
    [Symbol.asyncDispose]: drop,
  };
}

declare module "vitest" {
  interface ProvidedContext {
    /** The run's cluster. */
    postgresUrl: string;
    /** The workers of the run's Citus cluster. Undefined: it is one PostgreSQL. */
    postgresWorkers?: string[];
    /** Where the run's statements are written down, for the check at its end. */
    statementLog: string;
    /** Its major version. */
    postgresMajor: number;
  }
}
