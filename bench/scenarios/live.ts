// P9: many subscribers to one conversation, into which messages are sent at an even pace.
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createCaller } from "../caller.ts";
import { idOf } from "../layout.ts";
import { quantile } from "../measure.ts";
import { endWithThis } from "../process.ts";
import type { Row } from "../report.ts";
import { ROOT, type Stage } from "../stage.ts";
import type { Received, Wanted } from "../subscribers.ts";

const SUBSCRIBERS = Number(process.env.BENCH_SUBSCRIBERS ?? 1_000);
const PER_SECOND = 100;
/** After the last send, until what has not come is missing. */
const PATIENCE_MS = 15_000;
const CONVERSATION = idOf("conversation", 3);
const SERVICE = "/colloquy.v1";

interface Sent {
  readonly message: { readonly seq: string; readonly createTime: string };
}

/** Where and when a message was stored, in milliseconds since 1970, as the server says. */
interface Stored {
  readonly seq: number;
  readonly time: number;
}

export async function p9(stage: Stage): Promise<Row> {
  const server = await stage.colloquy();
  const caller = createCaller(server.port, stage.token(), 16);
  const count = PER_SECOND * (stage.sizes.name === "quick" ? 3 : 6);
  const { conversation } = await caller.json<{ conversation: { lastSeq: string } }>(
    `${SERVICE}.ConversationService/GetConversation`,
    { conversationId: CONVERSATION },
  );
  const run = randomBytes(4).toString("hex");
  const subscribers = fork(join(ROOT, "bench/subscribers.ts"), { serialization: "advanced" });
  const wanted: Wanted = {
    ...{
      port: server.port,
      token: stage.token(),
      conversationId: CONVERSATION,
      afterSeq: String(Number(conversation.lastSeq) - 1),
    },
    ...{ subscribers: SUBSCRIBERS, run, count },
  };
  endWithThis(subscribers);
  subscribers.send(wanted);
  await once(subscribers, "message");
  const result = once(subscribers, "message") as Promise<[Received]>;
  const used = server.cpuMicros();
  const stored = await sendEvenly(caller, run, count);
  const memory = server.memoryMiB();
  const patience = setTimeout(() => subscribers.send("enough"), PATIENCE_MS);
  const [{ times, twice, cpuMicros: theirs }] = await result;
  clearTimeout(patience);
  caller.close();
  const cpuMicros = (server.cpuMicros() - used) / (SUBSCRIBERS * count);
  const delays = [...times].flatMap((time, index) => (time === 0 ? [] : [time - (stored[index % count]?.time ?? 0)]));
  const p99 = quantile(delays, 0.99);
  return {
    goal: "P9",
    work: `${SUBSCRIBERS.toLocaleString("en")} subscribers to one conversation, ${PER_SECOND} sends/s, from the time of the write`,
    measured: [0.5, 0.99, 1].map((part) => ({
      name: part === 1 ? "longest" : `p${part * 100}`,
      amount: { median: quantile(delays, part), least: quantile(delays, part), most: quantile(delays, part) },
      unit: " ms",
    })),
    verdicts: [
      { what: "missing", value: times.length - delays.length, atMost: 0 },
      { what: "twice or out of order", value: twice + disorderOf(times, stored), atMost: 0 },
      { what: "p99", value: p99, atMost: 50, unit: " ms" },
    ],
    notes: [
      `server ${cpuMicros.toFixed(1)} µs a delivery, ${Math.round(memory)} MiB; the subscribers ${(theirs / (SUBSCRIBERS * count)).toFixed(1)} µs`,
    ],
  };
}

/** How often a subscriber got a message before one that stands before it in the log. */
function disorderOf(times: Float64Array, stored: readonly Stored[]): number {
  const inOrder = stored.map((_, number) => number).toSorted((a, b) => (stored[a]?.seq ?? 0) - (stored[b]?.seq ?? 0));
  let disorder = 0;
  for (let first = 0; first < times.length; first += stored.length) {
    let latest = 0;
    for (const number of inOrder) {
      const time = times[first + number] ?? 0;
      if (time === 0) continue;
      if (time < latest) disorder++;
      latest = time;
    }
  }
  return disorder;
}

/** Each at its time, and again if it is refused. */
async function sendEvenly(caller: ReturnType<typeof createCaller>, run: string, count: number): Promise<Stored[]> {
  const begun = performance.now();
  const sent: Promise<Stored>[] = [];
  for (let number = 0; number < count; number++) {
    const due = begun + (number * 1000) / PER_SECOND - performance.now();
    if (due > 0) await sleep(due);
    sent.push(sendOne(caller, run, number));
  }
  return Promise.all(sent);
}

async function sendOne(caller: ReturnType<typeof createCaller>, run: string, number: number): Promise<Stored> {
  const body = JSON.stringify({ conversationId: CONVERSATION, message: { content: `<~${number}@${run}~>` } });
  for (;;) {
    const { status, text } = await caller.send(`${SERVICE}.MessageService/SendMessage`, body);
    if (status === 200) {
      const { seq, createTime } = (JSON.parse(text) as Sent).message;
      return { seq: Number(seq), time: Date.parse(createTime) };
    }
    if (status !== 429) throw new Error(`a send is answered with ${status}: ${text.slice(0, 300)}`);
    await sleep(20);
  }
}
