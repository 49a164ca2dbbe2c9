// Starts the one PostgreSQL of a test run and prepares the database that every test copies.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import type { Binaries } from "../../../src/embedded-postgres/binaries.ts";
import { SUPERUSER } from "../../../src/embedded-postgres/cluster.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import {
  administer,
  makeCluster,
  removeLeftClusters,
  startTestCluster,
  type TestCluster,
} from "../postgres/postgres.ts";
import { endLeftovers, markRun, watchRun } from "./leftovers.ts";
import { loggedStatements, unboundStatements } from "./statement-log.ts";
import { keepFilesInMemory } from "./temporary.ts";

export default function setup(project: TestProject): Promise<() => Promise<void>> {
  return setUp(project);
}

export async function setUp(project: TestProject, binaries?: Binaries): Promise<() => Promise<void>> {
  markRun();
  const watch = watchRun();
  const forget = keepFilesInMemory();
  await removeLeftClusters();
  const made = binaries === undefined ? await makeCluster() : undefined;
  const cluster = await startTestCluster(binaries);
  try {
    const database = await openDatabase({ url: cluster.url });
    await migrate(database);
    // A database with a connection cannot be copied.
    await database.close();
    await spareDisk(cluster.url);
    await trustOwner(cluster);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  const statementLog = join(cluster.dataDir, "statements");
  await mkdir(statementLog);
  project.provide("statementLog", statementLog);
  project.provide("postgresUrl", cluster.url);
  project.provide("postgresMajor", binaries?.major ?? 18);
  return async () => {
    const statements = loggedStatements(statementLog);
    const unbound = await unboundStatements(statements);
    await cluster.stop();
    await made?.[Symbol.asyncDispose]();
    const left = await endLeftovers();
    watch.kill();
    forget();
    if (left.length > 0) throw new Error(`tests left these processes running:\n${left.join("\n")}`);
    process.stderr.write(`${statements.length} statements parsed, ${unbound.length} of them not held to one tenant\n`);
    if (unbound.length > 0) throw new Error(`not held to one tenant:\n${unbound.join("\n")}`);
  };
}

/**
 * Whoever reaches the socket need not prove the password: that takes half of the processor time of a connection, and a
 * run makes thousands. Other roles prove theirs, and so does this one in clusters that a test starts for itself.
 */
async function trustOwner({ url, dataDir }: TestCluster): Promise<void> {
  const file = join(dataDir, "postgres/pg_hba.conf");
  await writeFile(file, `local all ${SUPERUSER} trust\n${await readFile(file, "utf8")}`);
  await administer(url, "select pg_reload_conf()");
}

/** What is in this cluster need not survive the machine: PostgreSQL does not wait for the disk. */
async function spareDisk(url: string): Promise<void> {
  const settings = { fsync: "off", full_page_writes: "off" };
  for (const [name, value] of Object.entries(settings)) await administer(url, `alter system set ${name} = '${value}'`);
  await administer(url, "select pg_reload_conf()");
}
