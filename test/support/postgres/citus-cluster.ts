// A Citus cluster of a test's own, to break: unlike the run's, it keeps what is committed when a node is killed.
import { rm } from "node:fs/promises";
import { type CitusCluster, installedCitus, setUpDatabase, startCitus } from "../../../scripts/citus/nodes.ts";
import type { Binaries } from "../../../src/embedded-postgres/binaries.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import { type Tables, tablesAt } from "../../fault/stage/database.ts";
import { freePort } from "../services/free-port.ts";
import { newDirectory } from "./postgres.ts";

export interface OwnCitus extends AsyncDisposable {
  readonly nodes: CitusCluster;
  /** Of its migrated database, at the coordinator. */
  readonly tables: Tables;
}

/** Three nodes, with few shards, so that the tables are made in a moment. */
export async function startOwnCitus(): Promise<OwnCitus> {
  await using begun = new AsyncDisposableStack();
  const directory = await newDirectory();
  begun.defer(() => rm(directory, { recursive: true, force: true }));
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const nodes = await startCitus(directory, installedCitus() as Binaries, ports, { "citus.shard_count": "4" });
  begun.defer(() => nodes.stop());
  await setUpDatabase(nodes, "colloquy");
  const url = nodes.coordinator.url("colloquy");
  const database = await openDatabase({ url });
  await migrate(database);
  await database.close();
  const kept = begun.move();
  return { nodes, tables: tablesAt(url), [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
