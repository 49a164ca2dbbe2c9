// How many messages a second an import takes in, as newline-delimited JSON over REST.
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { IMPORT_TENANT } from "../layout.ts";
import { spreadOf } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const MESSAGES_EACH = 100;
/** After the first one, which warms up with a part of them. */
const ROUNDS = 3;

export async function importing(stage: Stage): Promise<Row> {
  const server = await stage.colloquy();
  const count = stage.sizes.name === "quick" ? 30_000 : 50_000;
  const rates: number[] = [];
  const cpu: number[] = [];
  const databaseCpu: number[] = [];
  const loadCpu: number[] = [];
  for (let time = 0; time <= ROUNDS; time++) {
    const lines = time === 0 ? count / 5 : count;
    const body = linesOf(lines, `${Date.now()}-${time}`);
    const used = server.cpuMicros();
    const usedByDatabase = stage.databaseCpuMicros();
    const begun = performance.now();
    const own = process.cpuUsage();
    const { status, text } = await post(server.port, stage.token("import"), body);
    const { user, system } = process.cpuUsage(own);
    const seconds = (performance.now() - begun) / 1000;
    const { messageCount } = JSON.parse(text) as { messageCount?: string };
    if (Number(messageCount) !== lines) throw new Error(`an import is answered with ${status}: ${text}`);
    if (time === 0) continue;
    rates.push(count / seconds);
    cpu.push((server.cpuMicros() - used) / count);
    loadCpu.push((user + system) / count);
    databaseCpu.push((stage.databaseCpuMicros() - usedByDatabase) / count);
  }
  await empty(stage.url);
  const rate = spreadOf(rates);
  return {
    goal: "–",
    work: `Import ${count.toLocaleString("en")} messages in conversations of ${MESSAGES_EACH}, NDJSON over REST`,
    measured: [{ name: "messages", amount: rate, unit: "/s", cpuMicros: spreadOf(cpu) }],
    notes: [
      `PostgreSQL ${spreadOf(databaseCpu).median.toFixed(1)} µs a message, the load ${spreadOf(loadCpu).median.toFixed(1)} µs`,
    ],
    verdicts: [{ what: "messages", value: rate.median, atLeast: 20_000, unit: "/s" }],
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function post(port: number, token: string, body: Buffer): Promise<Answer> {
  for (;;) {
    const answer = await postOnce(port, token, body);
    // The machine is so busy that the server sheds single calls.
    if (answer.status !== 429) return answer;
    await sleep(1_000);
  }
}

/** The plainest way to send: whoever sends shares PostgreSQL's core. */
function postOnce(port: number, token: string, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sending = request({
      ...{ host: "127.0.0.1", port, path: "/v1/conversations:import", method: "POST" },
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/x-ndjson",
        "content-length": body.length,
      },
    });
    sending.on("error", reject);
    sending.on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
      response.on("error", reject);
    });
    sending.end(body);
  });
}

/** Each run has conversations of its own: what is there already would be left out. */
function linesOf(count: number, run: string): Buffer {
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
    const message = { conversationId, id: `${run}-${number}`, sender: { id: "ada" }, content, createTime };
    lines.push(JSON.stringify({ message: { message } }));
  }
  return Buffer.from(`${lines.join("\n")}\n`);
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
