// A primary with every table and its standby, by streaming replication: each can be killed, and the standby promoted.
import { once } from "node:events";
import { appendFile, chmod, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCluster, runOn, SUPERUSER } from "../../../src/embedded-postgres/cluster.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import { startChild } from "../run/child.ts";
import { freePort } from "../services/free-port.ts";
import { administer, copyCluster } from "./postgres.ts";

export interface ReplicaServer {
  /** A URL of this server alone, by TCP. */
  readonly url: string;
  /** Ends it at once, as a machine that loses its power. */
  kill(): Promise<void>;
}

export interface Replicated extends AsyncDisposable {
  readonly primary: ReplicaServer;
  readonly standby: ReplicaServer;
  /** A URL with both, the standby last, and these parameters. */
  url(parameters?: string): string;
  /** Makes the standby the primary, and resolves when it takes changes. */
  promote(): Promise<void>;
}

export interface ReplicatedOptions {
  /** Whether commits wait for the standby, so that none is lost with the primary. Default: true. */
  readonly synchronous?: boolean;
  /** Of the standby. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Takes some 2 s. */
export async function startReplicated({
  synchronous = true,
  settings: ofStandby = {},
}: ReplicatedOptions = {}): Promise<Replicated> {
  const folder = await mkdtemp(join(tmpdir(), `colloquy-test-${process.pid}-`));
  await chmod(folder, 0o711);
  await using begun = new AsyncDisposableStack();
  begun.defer(() => rm(folder, { recursive: true, force: true }));
  const [first, second] = [join(folder, "one"), join(folder, "two")];
  await copyCluster(first);
  const made = await openCluster(first, undefined);
  // While it is stopped a copy of its files is as good as a base backup.
  await cp(first, second, { recursive: true, preserveTimestamps: true, mode: 0 });
  const [port, otherPort] = [await freePort(), await freePort()];
  const credential = `${SUPERUSER}:${made.password}`;
  const urlOf = (at: string, parameters: string) =>
    `postgresql://${credential}@${at}/colloquy?sslmode=disable${parameters}`;

  async function start(
    dataDir: string,
    own: number,
    settings: Readonly<Record<string, string>>,
  ): Promise<ReplicaServer> {
    const { directory, account, binaries } = await openCluster(dataDir, undefined);
    const { pgdata, options } = runOn(directory, account, binaries);
    const all = { listen_addresses: "127.0.0.1", port: String(own), unix_socket_directories: "", ...settings };
    const words = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = startChild(join(binaries.directory, "postgres"), [`-D${pgdata}`, ...words], {
      ...options,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on("data", (chunk: Buffer) => {
        log += chunk.toString();
        if (/ready to accept (?:read-only )?connections/.test(log)) resolve();
      });
      child.once("close", () => reject(new Error(`PostgreSQL ended: ${log}`)));
    });
    const kill = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "close");
      // SIGQUIT: at once, with all its processes, and without a checkpoint.
      child.kill("SIGQUIT");
      await ended;
    };
    begun.defer(kill);
    return { url: urlOf(`127.0.0.1:${own}`, ""), kill };
  }

  await writeFile(join(second, "postgres", "standby.signal"), "");
  const source = `host=127.0.0.1 port=${port} user=${SUPERUSER} password=${made.password} application_name=standby`;
  await appendFile(join(second, "postgres", "postgresql.auto.conf"), `primary_conninfo = '${source}'\n`);
  const primary = await start(first, port, { synchronous_standby_names: synchronous ? "standby" : "" });
  const standby = await start(second, otherPort, { wal_retrieve_retry_interval: "100ms", ...ofStandby });
  const beside = primary.url.replace("/colloquy?", "/postgres?");
  if ((await administer(beside, "select from pg_database where datname = 'colloquy'")).length === 0)
    await administer(beside, "create database colloquy");
  const database = await openDatabase({ url: primary.url });
  await migrate(database);
  await database.close();
  const ended = begun.move();
  return {
    primary,
    standby,
    url: (parameters = "") => urlOf(`127.0.0.1:${port},127.0.0.1:${otherPort}`, parameters),
    promote: async () => void (await administer(standby.url, "select pg_promote()")),
    [Symbol.asyncDispose]: () => ended.disposeAsync(),
  };
}
