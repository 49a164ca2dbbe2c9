// How fast files go up and down beside bare Node, what slow ones hold, and what a message costs that names one.
import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Measured, quantile, spreadOf } from "../measure.ts";
import type { Served } from "../process.ts";
import type { Row, Verdict } from "../report.ts";
import { ROOT, type Stage } from "../stage.ts";
import { slowFiles } from "./slow-files.ts";

const MIB = 2 ** 20;
const SIZES = [
  { name: "1 MiB", bytes: MIB, times: 25 },
  { name: "100 MiB", bytes: 100 * MIB, times: 1 },
];
const SENDS = 100;

export async function files(stage: Stage): Promise<Row[]> {
  const folder = join(ROOT, "bench/.data", stage.sizes.name, "bench-files");
  const server = await stage.colloquy("colloquy with files", {
    COLLOQUY_FILES: `disk:${folder}`,
    COLLOQUY_FILE_QUOTA: "unlimited",
  });
  const peer = await stage.peer("files");
  try {
    const rows: Row[] = [];
    for (const size of SIZES) rows.push(await speed(stage, server, peer, size));
    rows.push(await naming(stage, server));
    rows.push(await slowFiles(stage, server));
    return rows;
  } finally {
    for (const name of await readdir(folder).catch(() => [])) await rm(join(folder, name), { recursive: true });
  }
}

interface Size {
  readonly name: string;
  readonly bytes: number;
  /** How many go one after the other, each time. */
  readonly times: number;
}

async function speed(stage: Stage, server: Served, peer: Served, { name, bytes, times }: Size): Promise<Row> {
  const body = randomBytes(bytes);
  const agents = new Map([server, peer].map((one) => [one, new Agent({ keepAlive: true, maxSockets: 1 })]));
  const headers = { authorization: `Bearer ${stage.token()}`, "content-type": "application/octet-stream" };
  const ids = new Map<Served, string>();
  const up = async (to: Served) => {
    const path = to === server ? "/v1/files" : "/";
    const answer = await exchange(to.port, agents.get(to), { method: "POST", path, headers }, body);
    ids.set(to, (JSON.parse(answer.text) as { id: string }).id);
  };
  const down = async (from: Served) => {
    const id = ids.get(from);
    const path = from === server ? `/v1/files/${id}/content` : `/${id}`;
    const { received } = await exchange(from.port, agents.get(from), { method: "GET", path, headers });
    if (received !== bytes) throw new Error(`${received} bytes came of ${bytes}`);
  };
  const measured: Measured[] = [];
  const verdicts: Verdict[] = [];
  for (const [way, act] of Object.entries({ up, down })) {
    const rates = new Map<Served, number[]>([
      [server, []],
      [peer, []],
    ]);
    const cpu = new Map<Served, number[]>([
      [server, []],
      [peer, []],
    ]);
    // In pairs, and the first one warms up.
    for (let round = 0; round <= stage.effort.repeats; round++) {
      for (const one of round % 2 === 0 ? [server, peer] : [peer, server]) {
        const [used, begun] = [one.cpuMicros(), performance.now()];
        for (let time = 0; time < times; time++) await act(one);
        if (round === 0) continue;
        rates.get(one)?.push((bytes * times) / 1e6 / ((performance.now() - begun) / 1000));
        cpu.get(one)?.push((one.cpuMicros() - used) / ((bytes * times) / MIB));
      }
    }
    for (const [one, values] of rates) {
      const cpuMicros = spreadOf(cpu.get(one) ?? []);
      measured.push({ name: `${one.name}, ${way}`, amount: spreadOf(values), unit: " MB/s", cpuMicros });
    }
    const pairs = (rates.get(server) ?? []).map((rate, index) => rate / (rates.get(peer)?.[index] ?? Number.NaN));
    verdicts.push({ what: `${way} / bare`, value: quantile(pairs, 0.5), atLeast: 0.8 });
  }
  return {
    goal: "–",
    work: `A file of ${name} over REST, beside bare Node; the processor time is that of 1 MiB`,
    measured,
    verdicts,
    notes: [
      "bare Node hashes, flushes and renames too; it has no credentials, no types, no quota, no rows, no permissions and no log",
    ],
  };
}

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
}

function exchange(port: number, agent: Agent | undefined, { method, path, headers }: Exchange, body?: Buffer) {
  return new Promise<{ received: number; text: string }>((resolve, reject) => {
    const length = body && { "content-length": String(body.byteLength) };
    const options = {
      host: "127.0.0.1",
      port,
      method,
      path,
      headers: { ...headers, ...length },
      ...(agent && { agent }),
    };
    const sent = request(options, (response) => {
      let received = 0;
      let text = "";
      response.on("data", (chunk: Buffer) => {
        received += chunk.byteLength;
        if (method === "POST") text += chunk;
      });
      response.on("end", () => {
        if ((response.statusCode ?? 500) < 300) resolve({ received, text });
        else reject(new Error(`${method} ${path} is answered with ${response.statusCode}: ${text}`));
      });
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Sends of a message that names a file, and of one that has a URL in its place, in pairs. */
async function naming(stage: Stage, server: Served): Promise<Row> {
  const headers = { authorization: `Bearer ${stage.token()}`, "content-type": "application/json" };
  const post = async (path: string, body: object | string) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return JSON.parse(
      (await exchange(server.port, undefined, { method: "POST", path, headers }, Buffer.from(text))).text,
    ) as { id: string };
  };
  const { id } = await post("/v1/conversations", { conversation: { title: "files" } });
  const file = await post("/v1/files?name=note.json", "{}");
  const path = `/v1/conversations/${id}/messages`;
  const messages = {
    "with a file": { parts: [{ text: { text: "See" } }, { file: { fileId: file.id } }] },
    "with a URL": { parts: [{ text: { text: "See" } }, { file: { url: "https://files.example/note.json" } }] },
  };
  const times: Record<string, number[]> = { "with a file": [], "with a URL": [] };
  const cpu: Record<string, number[]> = { "with a file": [], "with a URL": [] };
  for (let round = 0; round <= stage.effort.repeats; round++) {
    for (const [name, message] of Object.entries(messages)) {
      const [used, begun] = [server.cpuMicros(), performance.now()];
      for (let send = 0; send < SENDS; send++) await post(path, message);
      if (round === 0) continue;
      times[name]?.push((performance.now() - begun) / SENDS);
      cpu[name]?.push((server.cpuMicros() - used) / SENDS);
    }
    await sleep(1);
  }
  const ratio = (of: Record<string, number[]>) =>
    quantile(
      (of["with a file"] ?? []).map((value, index) => value / (of["with a URL"]?.[index] ?? Number.NaN)),
      0.5,
    );
  return {
    goal: "–",
    work: "Send a message that names a file, one after the other",
    measured: Object.keys(messages).map((name) => ({
      name,
      amount: spreadOf(times[name] ?? []),
      unit: " ms",
      cpuMicros: spreadOf(cpu[name] ?? []),
    })),
    verdicts: [
      { what: "time", value: ratio(times), atMost: 1.15, unit: " ×" },
      { what: "processor time", value: ratio(cpu), atMost: 1.15, unit: " ×" },
    ],
  };
}
