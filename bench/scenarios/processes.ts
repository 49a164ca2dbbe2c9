// One, two and four processes on one database: the processor time of a call on each part. Rates say nothing here, where
// the processes share the cores of one machine.
import { MESSAGES_EACH } from "../layout.ts";
import { type Http1Load, http1 } from "../load.ts";
import { brief, type Contestant, compare, spreadOf } from "../measure.ts";
import { cpuMicrosWithChildren, type Served } from "../process.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const PROCESSES = [1, 2, 4];
export const CONNECTIONS = 32;
const MESSAGES = "/colloquy.v1.MessageService";
/** The path and the body of each. */
export const CALLS: Readonly<Record<string, readonly [path: string, body: string]>> = {
  "Send to different conversations": [
    `${MESSAGES}/SendMessage`,
    '{"conversationId":"{id}","message":{"content":"hello from the benchmark"}}',
  ],
  [`List ${MESSAGES_EACH} messages`]: [
    `${MESSAGES}/ListMessages`,
    `{"conversationId":"{id}","pageSize":${MESSAGES_EACH}}`,
  ],
  "Get one conversation": ["/colloquy.v1.ConversationService/GetConversation", '{"conversationId":"{id}"}'],
};

export async function processes(stage: Stage): Promise<Row[]> {
  const servers: Served[] = [];
  for (const count of PROCESSES) {
    const name = `${count} ${count === 1 ? "process" : "processes"}`;
    const server = await stage.colloquy(name, { COLLOQUY_WORKERS: String(count) });
    servers.push({ ...server, cpuMicros: () => cpuMicrosWithChildren(server.pid) });
  }
  const rows: Row[] = [];
  for (const [work, [path, body]] of Object.entries(CALLS))
    rows.push(await compareThem(stage, servers, work, path, body));
  return rows;
}

async function compareThem(
  stage: Stage,
  servers: readonly Served[],
  work: string,
  path: string,
  body: string,
): Promise<Row> {
  const database = new Map<string, number[]>();
  const contestants = servers.map((server): Contestant => {
    const load: Http1Load = {
      port: server.port,
      method: "POST",
      path,
      headers: { "content-type": "application/json", authorization: `Bearer ${stage.token()}` },
      body,
      numbers: [2, stage.sizes.conversations],
      connections: CONNECTIONS,
    };
    return {
      name: server.name,
      server,
      async run(seconds) {
        const before = stage.databaseCpuMicros();
        const rate = await http1(load, seconds, stage.directory);
        const used = (stage.databaseCpuMicros() - before) / Math.max(1, rate.requests);
        database.set(server.name, [...(database.get(server.name) ?? []), used]);
        return rate;
      },
    };
  });
  const measured = await compare(contestants, brief(stage.effort));
  const ofDatabase = servers.map(({ name }) => ({
    name: `PostgreSQL for ${name}`,
    amount: spreadOf(database.get(name) ?? []),
    unit: " µs",
  }));
  return {
    goal: "–",
    work: `${work}, by processes on the same cores`,
    measured: [...measured, ...ofDatabase],
    verdicts: [],
  };
}
