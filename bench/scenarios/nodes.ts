// One, two and three data nodes of a Citus cluster beside one PostgreSQL, and more processes on the largest: the processor time
// of a call on each part. Rates say nothing here, where all share the cores of one machine.
import { setTimeout as sleep } from "node:timers/promises";
import { type CitusStage, type NodesCpu, type SpreadDatabase, startCitusStage } from "../citus.ts";
import { type Http1Load, http1 } from "../load.ts";
import { type Contestant, compare, type Measured, spreadOf } from "../measure.ts";
import { cpuMicrosWithChildren, type Served } from "../process.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { CALLS, CONNECTIONS } from "./processes.ts";

const MORE_PROCESSES = [2, 4];
/** For which nobody calls: what the parts do by themselves, of which a second is taken off each second of calls. */
const IDLE_SECONDS = 5;

interface Deployment {
  readonly server: Served;
  readonly database: SpreadDatabase;
}

export async function nodes(stage: Stage): Promise<Row | Row[]> {
  const citus = await startCitusStage();
  if (citus === undefined) {
    const notes = ["not measured: Citus is not installed for PostgreSQL"];
    return { goal: "–", work: "Data nodes of a Citus cluster", measured: [], verdicts: [], notes };
  }
  const deployments: Deployment[] = [];
  try {
    const largest = citus.databases.at(-1) as SpreadDatabase;
    for (const database of citus.databases) deployments.push(await deploy(stage, database, 1));
    for (const count of MORE_PROCESSES) deployments.push(await deploy(stage, largest, count));
    const idle = await idleOf(citus);
    const rows: Row[] = [];
    for (const [work, [path, body]] of Object.entries(CALLS))
      rows.push(await compareThem(stage, { citus, deployments, idle, work, path, body }));
    return rows;
  } finally {
    await Promise.all(deployments.map(({ server }) => server.stop()));
    await citus.close();
  }
}

async function deploy(stage: Stage, database: SpreadDatabase, count: number): Promise<Deployment> {
  const { dataNodes, url } = database;
  const where = dataNodes === 0 ? "one PostgreSQL" : `${dataNodes} data ${dataNodes === 1 ? "node" : "nodes"}`;
  const name = `${where}, ${count} ${count === 1 ? "process" : "processes"}`;
  const environment = { DATABASE_URL: url, COLLOQUY_WORKERS: String(count), COLLOQUY_POOL_SIZE: "10" };
  const server = await stage.colloquy(name, environment);
  return { server: { ...server, cpuMicros: () => cpuMicrosWithChildren(server.pid) }, database };
}

/** Microseconds a second. */
async function idleOf(citus: CitusStage): Promise<NodesCpu> {
  const before = citus.cpuMicros();
  await sleep(IDLE_SECONDS * 1000);
  const after = citus.cpuMicros();
  return {
    coordinator: (after.coordinator - before.coordinator) / IDLE_SECONDS,
    dataNodes: (after.dataNodes - before.dataNodes) / IDLE_SECONDS,
  };
}

interface Comparison {
  readonly citus: CitusStage;
  readonly deployments: readonly Deployment[];
  readonly idle: NodesCpu;
  readonly work: string;
  readonly path: string;
  readonly body: string;
}

async function compareThem(stage: Stage, comparison: Comparison): Promise<Row> {
  const { citus, deployments, idle, work, path, body } = comparison;
  const used = new Map<string, NodesCpu[]>();
  const contestants = deployments.map(({ server, database: { tokens } }): Contestant => {
    const headers = { "content-type": "application/json" };
    const { numbers } = citus;
    const load: Http1Load = {
      port: server.port,
      method: "POST",
      path,
      headers,
      body,
      numbers,
      tokens,
      connections: CONNECTIONS,
    };
    return {
      name: server.name,
      server,
      async run(seconds) {
        const before = citus.cpuMicros();
        const rate = await http1(load, seconds, stage.directory);
        const after = citus.cpuMicros();
        const of = (part: keyof NodesCpu) =>
          (after[part] - before[part] - idle[part] * seconds) / Math.max(1, rate.requests);
        const one = { coordinator: of("coordinator"), dataNodes: of("dataNodes") };
        used.set(server.name, [...(used.get(server.name) ?? []), one]);
        return rate;
      },
    };
  });
  const measured = await compare(contestants, stage.effort);
  return {
    goal: "–",
    work: `${work}, by data nodes and processes on the same cores`,
    measured: [...measured, ...deployments.flatMap((deployment) => partsOf(deployment, used))],
    verdicts: [],
  };
}

function partsOf(
  { server: { name }, database }: Deployment,
  used: ReadonlyMap<string, readonly NodesCpu[]>,
): Measured[] {
  const one = (part: keyof NodesCpu, said: string): Measured => ({
    name: `${said} of ${name}`,
    amount: spreadOf((used.get(name) ?? []).map((cpu) => cpu[part])),
    unit: " µs",
  });
  if (database.dataNodes === 0) return [one("coordinator", "PostgreSQL")];
  return [one("coordinator", "coordinator"), one("dataNodes", "data nodes")];
}
