// How many messages a second an import takes in, as newline-delimited JSON over REST.
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { IMPORT_TENANT } from "../layout.ts";
import { spreadOf } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const MESSAGES_EACH = 100;

export async function importing(stage: Stage): Promise<Row> {
  const server = await stage.colloquy();
  const count = stage.sizes.name === "quick" ? 30_000 : 100_000;
  const rates: number[] = [];
  const cpu: number[] = [];
  const databaseCpu: number[] = [];
  // The first one warms up.
  for (let time = 0; time <= Math.min(3, stage.effort.repeats); time++) {
    const body = linesOf(count, `${Date.now()}-${time}`);
    const used = server.cpuMicros();
    const usedByDatabase = stage.databaseCpuMicros();
    const begun = performance.now();
    const response = await post(server.port, stage.token("import"), body);
    const text = await response.text();
    const seconds = (performance.now() - begun) / 1000;
    const { messageCount } = JSON.parse(text) as { messageCount?: string };
    if (Number(messageCount) !== count) throw new Error(`an import is answered with ${response.status}: ${text}`);
    if (time === 0) continue;
    rates.push(count / seconds);
    cpu.push((server.cpuMicros() - used) / count);
    databaseCpu.push((stage.databaseCpuMicros() - usedByDatabase) / count);
  }
  await empty(stage.url);
  const rate = spreadOf(rates);
  return {
    goal: "–",
    work: `Import ${count.toLocaleString("en")} messages in conversations of ${MESSAGES_EACH}, NDJSON over REST`,
    measured: [{ name: "messages", amount: rate, unit: "/s", cpuMicros: spreadOf(cpu) }],
    notes: [`PostgreSQL ${spreadOf(databaseCpu).median.toFixed(1)} µs a message`],
    verdicts: [{ what: "messages", value: rate.median, atLeast: 20_000, unit: "/s" }],
  };
}

async function post(port: number, token: string, body: string): Promise<Response> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/v1/conversations:import`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/x-ndjson" },
      body,
    });
    // The machine is so busy that the server sheds single calls.
    if (response.status !== 429) return response;
    await sleep(1_000);
  }
}

/** Each run has conversations of its own: what is there already would be left out. */
function linesOf(count: number, run: string): string {
  const createTime = "2026-01-01T00:00:00Z";
  const lines: string[] = [];
  for (let number = 0; number < count; number++) {
    const conversationId = `bench-${run}-${Math.floor(number / MESSAGES_EACH)}`;
    if (number % MESSAGES_EACH === 0) {
      lines.push(
        JSON.stringify({ conversation: { conversation: { id: conversationId, title: "Imported", createTime } } }),
      );
    }
    const content = `message ${number} of an import, as long as messages tend to be in such conversations`;
    const message = { conversationId, id: `${run}-${number}`, sender: "ada", content, createTime };
    lines.push(JSON.stringify({ message: { message } }));
  }
  return `${lines.join("\n")}\n`;
}

/** So that the data does not grow from run to run. */
async function empty(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const table of ["message", "participant", "conversation"]) {
      await client.query(`delete from ${table} where tenant_id = $1`, [IMPORT_TENANT]);
    }
  } finally {
    await client.end();
  }
}
