// P11: from the start on a warm data directory to the first answer, and the memory at rest.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createCaller } from "../caller.ts";
import { MEMBER } from "../layout.ts";
import { spreadOf } from "../measure.ts";
import { type Served, startServer } from "../process.ts";
import type { Row } from "../report.ts";
import { PROGRAM, ROOT } from "../stage.ts";

const PORT = 18_190;
const LIST = "/colloquy.v1.ConversationService/ListConversations";
/** After this long without a call the server is at rest. */
const REST_MS = 2_000;
const ROUNDS = 3;

export async function p11(): Promise<Row> {
  const dataDir = join(ROOT, "bench/.data/start");
  const start = () => {
    const words = ["node", PROGRAM, "serve"];
    return startServer("colloquy alone", words, PORT, { PORT: String(PORT), COLLOQUY_DATA_DIR: dataDir });
  };
  await (await start()).stop();
  const words = [PROGRAM, "token", "--tenant", "default", "--sub", MEMBER];
  const env = { ...process.env, COLLOQUY_DATA_DIR: dataDir };
  const token = execFileSync(process.execPath, words, { env, encoding: "utf8" }).trim();
  const seconds: number[] = [];
  const memory: number[] = [];
  for (let time = 0; time < ROUNDS; time++) {
    const begun = performance.now();
    const server = await start();
    await answer(token);
    seconds.push((performance.now() - begun) / 1000);
    if (time === ROUNDS - 1) memory.push(await atRest(server));
    await server.stop();
  }
  const measured = [
    { name: "start to first answer", amount: spreadOf(seconds), unit: " s" },
    { name: "memory at rest", amount: spreadOf(memory), unit: " MiB" },
  ];
  return {
    goal: "P11",
    work: "Start to the first answer, with the embedded PostgreSQL and all dialects; memory of the server at rest",
    measured,
    verdicts: [
      { what: "start", value: measured[0]?.amount.median ?? Number.NaN, atMost: 1, unit: " s" },
      { what: "memory", value: measured[1]?.amount.median ?? Number.NaN, atMost: 120, unit: " MiB" },
    ],
  };
}

/** A call with a credential, by way of the database. */
async function answer(token: string): Promise<void> {
  const caller = createCaller(PORT, token);
  while ((await caller.send(LIST, "{}")).status !== 200) await sleep(1);
  caller.close();
}

async function atRest(server: Served): Promise<number> {
  await sleep(REST_MS);
  return server.memoryMiB();
}
