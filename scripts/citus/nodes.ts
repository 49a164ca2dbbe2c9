// A Citus cluster on loopback from installed programs: a coordinator and its workers, each a PostgreSQL of its own.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { chmod, chown, mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import type { Binaries } from "../../src/embedded-postgres/binaries.ts";
import { type Cluster, openCluster, runOn, SUPERUSER } from "../../src/embedded-postgres/cluster.ts";

const HOST = "127.0.0.1";
const DEBIAN = "/usr/lib/postgresql";
const COORDINATOR = "coordinator";

/** Settings of every node. Moving a shard copies it by logical replication. */
const SETTINGS: Readonly<Record<string, string>> = {
  shared_preload_libraries: "citus",
  listen_addresses: HOST,
  wal_level: "logical",
  max_connections: "200",
  max_worker_processes: "64",
  max_prepared_transactions: "200",
  // The nodes are one machine: nothing of what they send each other leaves it.
  "citus.node_conninfo": "sslmode=disable",
  // By which a node connects to itself.
  "citus.local_hostname": HOST,
};

export interface CitusNode {
  readonly name: string;
  readonly port: number;
  /** Of the postmaster; undefined: it has not been started. */
  readonly pid: number | undefined;
  /** The superuser's URL of a database on this node. */
  url(database: string): string;
  /** Kills it as a crash would: nothing is flushed. */
  kill(): Promise<void>;
  /** Starts it again after a kill. */
  start(): Promise<void>;
}

export interface CitusCluster {
  readonly coordinator: CitusNode;
  readonly workers: readonly CitusNode[];
  stop(): Promise<void>;
}

/** The newest installed PostgreSQL that has Citus; undefined: there is none. */
export function installedCitus(): Binaries | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const [major] = readdirSync(DEBIAN)
    .map(Number)
    .filter((version) => existsSync(join(DEBIAN, String(version), "lib", "citus.so")))
    .sort((a, b) => b - a);
  return major === undefined ? undefined : { directory: join(DEBIAN, String(major), "bin"), major };
}

/**
 * Starts the nodes in a directory, making them at first use. Each listens at one of `ports`, the coordinator at the first.
 * Their databases are not set up, see `setUpDatabase`.
 */
export async function startCitus(
  directory: string,
  binaries: Binaries,
  ports: readonly [coordinator: number, ...workers: number[]],
  settings: Readonly<Record<string, string>> = {},
): Promise<CitusCluster> {
  const names = ports.map((_, index) => (index === 0 ? COORDINATOR : `worker-${index}`));
  const made = await openNodes(directory, binaries, names);
  const all = { ...SETTINGS, ...(await pluginSettings(binaries)), ...settings };
  const nodes = names.map((name, index) => nodeOf(name, made[index] as Cluster, ports[index] as number, all));
  await Promise.all(nodes.map((node) => node.start()));
  const [coordinator, ...workers] = nodes as [Node, ...Node[]];
  return {
    coordinator,
    workers,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/** By which Citus copies a part of a shard. Newer minor releases of PostgreSQL name the
 * libraries that may do so, older ones do not know the setting. */
async function pluginSettings({ directory }: Binaries): Promise<Record<string, string>> {
  const { stdout } = await promisify(execFile)(join(directory, "postgres"), ["--describe-config"]);
  return stdout.includes("output_plugin_libraries")
    ? { output_plugin_libraries: "pgoutput, test_decoding, citus" }
    : {};
}

interface Node extends CitusNode {
  stop(): Promise<void>;
}

const PASSWORDS = "nodes.pgpass";

/**
 * The files of the nodes. The workers' are copies of the coordinator's as it was made, for all have one password: to add a
 * node gives it the coordinator's.
 */
async function openNodes(directory: string, binaries: Binaries, names: readonly string[]): Promise<Cluster[]> {
  const isNew = !existsSync(join(directory, COORDINATOR));
  for (const name of names) await mkdir(join(directory, name), { recursive: true });
  for (const name of ["", ...names]) await chmod(join(directory, name), 0o711);
  const first = await openCluster(join(directory, COORDINATOR), binaries);
  const made = [first];
  for (const name of names.slice(1)) {
    const path = join(directory, name);
    if (isNew) await promisify(execFile)("cp", ["-a", first.directory, path]);
    made.push(await openCluster(path, binaries));
  }
  // By which the nodes log in to each other.
  for (const { directory: path, account, password } of made) {
    const file = join(path, PASSWORDS);
    await writeFile(file, `${HOST}:*:*:${SUPERUSER}:${password}\n`, { mode: 0o600 });
    if (account !== undefined) await chown(file, account.uid, account.gid);
  }
  return made;
}

function nodeOf(name: string, cluster: Cluster, port: number, settings: Readonly<Record<string, string>>): Node {
  const { directory, account, binaries, password } = cluster;
  const { pgdata, options } = runOn(directory, account, binaries);
  const words = Object.entries({ ...settings, port: String(port), unix_socket_directories: directory });
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    // With what it has forked, which would keep its memory: a group of its own.
    if (signal === "SIGKILL") process.kill(-(child.pid as number), signal);
    else child.kill(signal);
    await ended;
  };
  return {
    name,
    port,
    get pid() {
      return child?.pid;
    },
    url: (database) => `postgresql://${SUPERUSER}:${password}@${HOST}:${port}/${database}`,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGINT"),
    async start() {
      const log = await open(join(directory, "..", "log"), "a");
      child = spawn(
        join(binaries.directory, "postgres"),
        [`-D${pgdata}`, ...words.flatMap(([key, value]) => ["-c", `${key}=${value}`])],
        {
          ...options,
          env: { ...options.env, PGPASSFILE: join(directory, PASSWORDS) },
          stdio: ["ignore", "ignore", log.fd],
        },
      );
      await log.close();
      await untilReady(this.url("postgres"), child);
    },
  };
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    try {
      await run(url, []);
      return;
    } catch {
      await setTimeout(50);
    }
  }
  throw new Error(`${child.spawnargs.join(" ")} ended: see the file log beside its directory`);
}

/** Makes a database on every node, with the extension, and makes the workers known to the coordinator. */
export async function setUpDatabase(
  { coordinator, workers }: Pick<CitusCluster, "coordinator" | "workers">,
  database: string,
): Promise<void> {
  for (const node of [coordinator, ...workers]) {
    if (database !== "postgres") await run(node.url("postgres"), [`create database "${database}"`]);
    await run(node.url(database), ["create extension if not exists citus"]);
  }
  await run(coordinator.url(database), [
    `select citus_set_coordinator_host('${HOST}', ${coordinator.port})`,
    ...workers.map(({ port }) => `select citus_add_node('${HOST}', ${port})`),
  ]);
}

async function run(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
