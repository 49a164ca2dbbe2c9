// Pages of conversations that were read a moment ago, beside a server that reads the rows; and of others, which are not
// kept.
import { MESSAGES_EACH } from "../layout.ts";
import { http1 } from "../load.ts";
import { brief, type Contestant, compare, ratio, type Spread, spreadOf } from "../measure.ts";
import type { Served } from "../process.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const CONNECTIONS = 32;
/** Conversations that are read again and again. */
const HOT = 100;
const PATH = "/colloquy.v1.MessageService/ListMessages";
const BODY = `{"conversationId":"{id}","pageSize":${MESSAGES_EACH}}`;

export async function hot(stage: Stage): Promise<Row[]> {
  const colloquy = await stage.colloquy();
  const without = await stage.colloquy("without a cache", { COLLOQUY_CACHE_SIZE: "0" });
  // One page in memory at a time: each is looked for, noted and not kept.
  const cold = await stage.colloquy("a cache that keeps nothing", { COLLOQUY_CACHE_SIZE: "1KiB" });
  const bare = await stage.peer("bare");
  const headers = { "content-type": "application/json", authorization: `Bearer ${stage.token()}` };
  const database = new Map<string, number[]>();
  const of = (server: Served, last: number, own = true): Contestant => ({
    name: server.name,
    server,
    async run(seconds) {
      const load = {
        port: server.port,
        method: "POST",
        path: own ? PATH : "/list",
        headers: own ? headers : { "content-type": "application/json" },
        body: BODY,
        numbers: [2, last],
        connections: CONNECTIONS,
      } as const;
      const before = stage.databaseCpuMicros();
      const rate = await http1(load, seconds, stage.directory);
      const used = (stage.databaseCpuMicros() - before) / Math.max(1, rate.requests);
      database.set(server.name, [...(database.get(server.name) ?? []), used]);
      return rate;
    },
  });
  const spent = (name: string): Spread => spreadOf(database.get(name) ?? []);
  const hotOnes = await compare([of(colloquy, 1 + HOT), of(bare, 1 + HOT, false)], stage.effort);
  const microseconds = [colloquy, bare].map(({ name }) => ({
    name: `PostgreSQL for ${name}`,
    amount: spent(name),
    unit: " µs",
  }));
  const coldOnes = await compare(
    [of(without, stage.sizes.conversations), of(cold, stage.sizes.conversations)],
    brief(stage.effort),
  );
  return [
    {
      goal: "–",
      work: `List ${MESSAGES_EACH} messages of ${HOT} conversations that are read again and again`,
      measured: [...hotOnes, ...microseconds],
      verdicts: [
        { what: "/ bare", value: ratio(hotOnes, colloquy.name, bare.name), atLeast: 1.8 },
        { what: "PostgreSQL / bare's", value: spent(colloquy.name).median / spent(bare.name).median, atMost: 0.4 },
      ],
    },
    {
      goal: "–",
      work: `List ${MESSAGES_EACH} messages that are not kept, with and without a cache`,
      measured: coldOnes,
      verdicts: [{ what: "with / without", value: ratio(coldOnes, cold.name, without.name), atLeast: 0.95 }],
    },
  ];
}
