// P9: many subscribers to one conversation, into which messages are sent at an even pace.
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createCaller } from "../caller.ts";
import { idOf } from "../layout.ts";
import { quantile } from "../measure.ts";
import type { Row } from "../report.ts";
import { ROOT, type Stage } from "../stage.ts";
import type { Received, Wanted } from "../subscribers.ts";

const SUBSCRIBERS = 1_000;
const PER_SECOND = 100;
/** After the last send, until what has not come is missing. */
const PATIENCE_MS = 15_000;
const CONVERSATION = idOf("conversation", 3);
const SERVICE = "/colloquy.v1";

interface Sent {
  readonly message: { readonly createTime: string };
}

export async function p9(stage: Stage): Promise<Row> {
  const server = await stage.colloquy();
  const caller = createCaller(server.port, stage.token());
  const count = PER_SECOND * (stage.sizes.name === "quick" ? 5 : 15);
  const { conversation } = await caller.json<{ conversation: { lastSeq: string } }>(
    `${SERVICE}.ConversationService/GetConversation`,
    { conversationId: CONVERSATION },
  );
  const subscribers = fork(join(ROOT, "bench/subscribers.ts"), { serialization: "advanced" });
  const wanted: Wanted = {
    ...{ port: server.port, token: stage.token(), conversationId: CONVERSATION, afterSeq: conversation.lastSeq },
    ...{ subscribers: SUBSCRIBERS, count },
  };
  subscribers.send(wanted);
  await once(subscribers, "message");
  const result = once(subscribers, "message") as Promise<[Received]>;
  const used = server.cpuMicros();
  const stored = await sendEvenly(caller, count);
  const memory = server.memoryMiB();
  const patience = setTimeout(() => subscribers.send("enough"), PATIENCE_MS);
  const [{ times, disorder, missing }] = await result;
  clearTimeout(patience);
  caller.close();
  const cpuMicros = (server.cpuMicros() - used) / (SUBSCRIBERS * count);
  const delays = [...times].flatMap((time, index) => (time === 0 ? [] : [time - (stored[index % count] ?? 0)]));
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
      { what: "missing", value: missing, atMost: 0 },
      { what: "out of order", value: disorder, atMost: 0 },
      { what: "p99", value: p99, atMost: 50, unit: " ms" },
    ],
    notes: [`server ${cpuMicros.toFixed(1)} µs a delivery, ${Math.round(memory)} MiB`],
  };
}

/** One after the other at their time. When each was stored, in milliseconds since 1970, as the server says. */
async function sendEvenly(caller: ReturnType<typeof createCaller>, count: number): Promise<number[]> {
  const begun = performance.now();
  const sent: Promise<Sent>[] = [];
  for (let number = 0; number < count; number++) {
    const due = begun + (number * 1000) / PER_SECOND - performance.now();
    if (due > 0) await sleep(due);
    const body = { conversationId: CONVERSATION, message: { content: `#${number}#` } };
    sent.push(caller.json<Sent>(`${SERVICE}.MessageService/SendMessage`, body));
  }
  return (await Promise.all(sent)).map(({ message }) => Date.parse(message.createTime));
}
