// Like `global-setup.ts`, with a Citus cluster of a coordinator and two workers, for `npm run test:citus`.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { installedCitus, setUpDatabase, startCitus } from "../../../scripts/citus/nodes.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import { administer, newDirectory, removeLeftClusters, TEMPLATE } from "../postgres/postgres.ts";
import { freePort } from "../services/free-port.ts";
import { endLeftovers, markRun, watchRun } from "./leftovers.ts";
import { keepFilesInMemory } from "./temporary.ts";

/** What is in this cluster need not survive the machine. Few shards, so that a database is made in a moment. */
const SETTINGS = { fsync: "off", full_page_writes: "off", "citus.shard_count": "4" };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const binaries = installedCitus();
  if (binaries === undefined) throw new Error("Citus is not installed");
  markRun();
  const watch = watchRun();
  const forget = keepFilesInMemory();
  await removeLeftClusters();
  const directory = await newDirectory();
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const cluster = await startCitus(directory, binaries, ports, SETTINGS);
  const stop = async () => {
    await cluster.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await setUpDatabase(cluster, TEMPLATE);
    const database = await openDatabase({ url: cluster.coordinator.url(TEMPLATE) });
    await migrate(database);
    await database.close();
    for (const node of [cluster.coordinator, ...cluster.workers]) {
      // Also Citus's own process leaves it, for a database with a connection cannot be copied.
      await administer(node.url("postgres"), `alter database ${TEMPLATE} allow_connections false`);
      await administer(
        node.url("postgres"),
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1",
        [TEMPLATE],
      );
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const statementLog = join(directory, "statements");
  await mkdir(statementLog);
  project.provide("statementLog", statementLog);
  project.provide("postgresUrl", cluster.coordinator.url("postgres"));
  project.provide(
    "postgresWorkers",
    cluster.workers.map((node) => node.url("postgres")),
  );
  project.provide("postgresMajor", binaries.major);
  return async () => {
    await stop();
    const left = await endLeftovers();
    watch.kill();
    forget();
    if (left.length > 0) throw new Error(`tests left these processes running:\n${left.join("\n")}`);
  };
}
