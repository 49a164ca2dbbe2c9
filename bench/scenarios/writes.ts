// P3 and P4: sends to many conversations, and to one, beside pgbench with the same statement.
import { idOf } from "../layout.ts";
import { type Http1Load, http1 } from "../load.ts";
import { type Contestant, compare, ratio } from "../measure.ts";
import { findPgbench, pgbench } from "../pgbench.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const PATH = "/colloquy.v1.MessageService/SendMessage";
const HOT_NUMBER = 1;

/** A row for what was compared to pgbench. */
async function row(stage: Stage, goal: string, work: string, contestants: Contestant[], atLeast: number): Promise<Row> {
  const measured = await compare(contestants, stage.effort);
  const verdicts = [{ what: "/ pgbench", value: ratio(measured, "colloquy", "pgbench"), atLeast }];
  const missing = contestants.every(({ name }) => name !== "pgbench");
  return { goal, work, measured, verdicts, ...(missing && { notes: ["not measured: pgbench is missing"] }) };
}

async function contestants(stage: Stage, clients: number, conversations: number | undefined): Promise<Contestant[]> {
  const colloquy = await stage.colloquy();
  const headers = { "content-type": "application/json", authorization: `Bearer ${stage.token()}` };
  const load: Http1Load = {
    port: colloquy.port,
    method: "POST",
    path: PATH,
    headers,
    body: '{"conversationId":"{id}","message":{"content":"hello from the benchmark"}}',
    numbers: conversations === undefined ? [HOT_NUMBER, HOT_NUMBER] : [2, conversations],
    connections: clients,
  };
  await check(load);
  const own: Contestant = {
    name: "colloquy",
    server: colloquy,
    run: (seconds) => http1(load, seconds, stage.directory),
  };
  const program = findPgbench();
  if (program === undefined) {
    stage.say("pgbench is missing (Debian: apt-get install postgresql-15)");
    return [own];
  }
  await stage.stopPeers();
  const options = { program, url: stage.url, directory: stage.directory, clients, conversations };
  return [own, { name: "pgbench", run: (seconds) => pgbench(options, seconds) }];
}

/** A load of refusals would be fast. */
async function check({ port, headers, body }: Http1Load): Promise<void> {
  const filled = body?.replace("{id}", idOf("conversation", HOT_NUMBER)) ?? "";
  const response = await fetch(`http://127.0.0.1:${port}${PATH}`, { method: "POST", headers, body: filled });
  const answer = (await response.json()) as { message?: { seq?: string } };
  if (answer.message?.seq === undefined) throw new Error(`a send is answered with ${response.status}`);
}

export async function p3(stage: Stage): Promise<Row> {
  const work = "Send to different conversations, 32 writers, fsync on";
  return row(stage, "P3", work, await contestants(stage, 32, stage.sizes.conversations), 0.9);
}

export async function p4(stage: Stage): Promise<Row> {
  const work = "Send to one conversation, 64 writers, against one transaction for each message";
  return row(stage, "P4", work, await contestants(stage, 64, undefined), 5);
}
