// A Citus cluster with the same tenants in several databases: one on the coordinator alone, and others that are spread over
// more and more data nodes.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { type CitusNode, installedCitus, setUpDatabase, startCitus } from "../scripts/citus/nodes.ts";
import { LocalIssuer } from "../src/access/tokens/local-issuer.ts";
import { operatorKeys } from "../src/domain/secrets/operator-keys.ts";
import { createKeyRing } from "../src/store/keys/server-keys.ts";
import { migrate } from "../src/store/migrate.ts";
import { openDatabase } from "../src/store/open-database.ts";
import { FEWEST_TENANTS, idOf, MEMBER } from "./layout.ts";
import { cpuMicrosWithChildren, LOAD_CORES, pin } from "./process.ts";
import { SPREAD_CONVERSATIONS, seedTenants } from "./seed.ts";

/** Data nodes of the databases; 0: one PostgreSQL. */
const DATA_NODES = [0, 1, 2, 3] as const;
const PORTS = [18_090, 18_091, 18_092, 18_093] as const;
/**
 * As many shards for each number of nodes, and few, for each table has so many. A flush of the disk costs time, and hardly
 * any of a processor: on a shared disk four nodes would wait for it instead of working.
 */
const SETTINGS = { fsync: "off", max_connections: "500", max_prepared_transactions: "500", "citus.shard_count": "6" };

export interface SpreadDatabase {
  readonly dataNodes: number;
  readonly url: string;
  /** Of the member in each tenant. */
  readonly tokens: readonly string[];
}

/** Processor time in microseconds. */
export interface NodesCpu {
  readonly coordinator: number;
  /** All together. */
  readonly dataNodes: number;
}

export interface CitusStage {
  readonly databases: readonly SpreadDatabase[];
  /** Of conversations, in each tenant. */
  readonly numbers: readonly [first: number, last: number];
  cpuMicros(): NodesCpu;
  close(): Promise<void>;
}

/** Made anew each time, which takes some 30 s. Undefined: Citus is not installed. */
export async function startCitusStage(): Promise<CitusStage | undefined> {
  const binaries = installedCitus();
  if (binaries === undefined) return undefined;
  // Not among the data of other runs, which PostgreSQL's own account may not be able to reach.
  const directory = await mkdtemp(join(tmpdir(), "colloquy-citus-"));
  const cluster = await startCitus(directory, binaries, PORTS, SETTINGS);
  const { coordinator, workers } = cluster;
  const pids = [coordinator, ...workers].map(({ pid = 0 }: CitusNode) => pid);
  for (const pid of pids) pin(pid, LOAD_CORES);
  const close = async () => {
    await cluster.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const databases: SpreadDatabase[] = [];
    for (const dataNodes of DATA_NODES) {
      const name = `spread_${dataNodes}`;
      if (dataNodes === 0) await create(coordinator, name);
      else await setUpDatabase({ coordinator, workers: workers.slice(0, dataNodes) }, name);
      const url = coordinator.url(name);
      databases.push({ dataNodes, url, tokens: await fill(url) });
    }
    return {
      databases,
      numbers: [1, SPREAD_CONVERSATIONS],
      cpuMicros() {
        const [ofCoordinator = 0, ...ofDataNodes] = pids.map(cpuMicrosWithChildren);
        return { coordinator: ofCoordinator, dataNodes: ofDataNodes.reduce((sum, micros) => sum + micros, 0) };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function create(node: CitusNode, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: node.url("postgres") });
  await client.connect();
  await client.query(`create database ${database}`);
  await client.end();
}

/** @returns the tokens of its tenants */
async function fill(url: string): Promise<string[]> {
  const database = await openDatabase({ url });
  try {
    await migrate(database);
    await seedTenants(url);
    const issuer = new LocalIssuer(createKeyRing(database, "signing", operatorKeys({ key: undefined })));
    await issuer.keys.rotateWhenOld();
    const tenants = Array.from({ length: FEWEST_TENANTS }, (_, n) => idOf("tenant", n + 1));
    return await Promise.all(
      tenants.map((tenantId) => issuer.issue({ tenantId, sub: MEMBER, role: undefined, ttl: 86_400 })),
    );
  } finally {
    await database.close();
  }
}
