// What webhooks deliver, how late an event arrives, and what endpoints cost those who send.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { spreadOf } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const CONVERSATIONS = 50;
const MESSAGES = 200;
const PACED = 500;
const PACE_MS = 10;
const SENDERS = 8;
const SEND_MS = 4_000;

export async function webhooks(stage: Stage): Promise<Row[]> {
  const served = await stage.colloquy("colloquy with webhooks", { COLLOQUY_WEBHOOK_PRIVATE: "yes" });
  const { port } = served;
  const receiver = await startReceiver();
  const headers = { authorization: `Bearer ${stage.token("admin")}` };
  const transport = createConnectTransport({ baseUrl: `http://127.0.0.1:${port}`, httpVersion: "2" });
  const hooks = createClient(WebhookService, transport);
  const conversations = createClient(ConversationService, transport);
  const messages = createClient(MessageService, transport);
  const made: string[] = [];
  const register = async (batchSize: number, mode: string) => {
    const target = { case: "url", value: `http://127.0.0.1:${receiver.port}/` } as const;
    const endpoint = { target, batchSize, filter: { mode } };
    const { endpoint: registered } = await hooks.createWebhookEndpoint({ endpoint }, { headers });
    made.push(registered?.id ?? "");
    return registered?.id ?? "";
  };
  const conversation = async (mode: string, count = 0) => {
    const initial = Array.from({ length: count }, (_, index) => ({ content: `message ${index}` }));
    const request = { conversation: { mode }, messages: initial };
    return (await conversations.createConversation(request, { headers })).conversation?.id ?? "";
  };

  /** Events a second of a backlog to one fast endpoint. */
  async function drain(batchSize: number): Promise<number> {
    const mode = `drain-${batchSize}-${Date.now()}`;
    const endpointId = await register(batchSize, mode);
    await hooks.pauseWebhookEndpoint({ endpointId }, { headers });
    for (let index = 0; index < CONVERSATIONS; index++) await conversation(mode, MESSAGES);
    receiver.events = 0;
    const begun = performance.now();
    await hooks.resumeWebhookEndpoint({ endpointId }, { headers });
    while (receiver.events < CONVERSATIONS * MESSAGES) await sleep(5);
    const seconds = (performance.now() - begun) / 1_000;
    await hooks.deleteWebhookEndpoint({ endpointId }, { headers });
    return (CONVERSATIONS * MESSAGES) / seconds;
  }

  /** Milliseconds from the answer to a sender until the event is there, at 100 a second. */
  async function delays(): Promise<number[]> {
    const mode = `delay-${Date.now()}`;
    const endpointId = await register(1, mode);
    const ids = await Promise.all(Array.from({ length: 20 }, () => conversation(mode)));
    const sent = new Map<string, number>();
    const late: number[] = [];
    receiver.onEvent = (text, at) => {
      const key = /"content":"(paced-\d+)"/.exec(text)?.[1] ?? "";
      const begun = sent.get(key);
      if (begun !== undefined) late.push(at - begun);
    };
    const sends: Promise<unknown>[] = [];
    const start = performance.now();
    for (let index = 0; index < PACED; index++) {
      await sleep(Math.max(0, start + index * PACE_MS - performance.now()));
      const content = `paced-${index}`;
      sent.set(content, performance.now());
      const conversationId = ids[index % ids.length] as string;
      sends.push(messages.sendMessage({ conversationId, message: { content } }, { headers }));
    }
    await Promise.all(sends);
    while (late.length < PACED) await sleep(5);
    receiver.onEvent = undefined;
    await hooks.deleteWebhookEndpoint({ endpointId }, { headers });
    return late.toSorted((a, b) => a - b);
  }

  /** Messages a second that senders get stored, and the processor time that the server and PostgreSQL use for each. */
  async function sendRate(): Promise<{ rate: number; micros: number }> {
    const ids = await Promise.all(Array.from({ length: SENDERS }, () => conversation("send")));
    let count = 0;
    const cpu = () => served.cpuMicros() + stage.databaseCpuMicros();
    const before = cpu();
    const until = performance.now() + SEND_MS;
    const send = async (conversationId: string) => {
      for (; performance.now() < until; count++) {
        await messages.sendMessage({ conversationId, message: { content: "hello" } }, { headers });
      }
    };
    await Promise.all(ids.map(send));
    return { rate: (count * 1_000) / SEND_MS, micros: (cpu() - before) / count };
  }

  try {
    const single = await drain(1);
    const batched = await drain(100);
    const late = await delays();
    const p99 = late[Math.floor(late.length * 0.99)] ?? Number.NaN;
    await sendRate();
    const ratios: number[] = [];
    const costs: number[] = [];
    for (let round = 0; round < 3; round++) {
      const alone = await sendRate();
      for (let index = 0; index < 10; index++) await register(1, "send");
      const beside = await sendRate();
      while (made.length > 0)
        await hooks.deleteWebhookEndpoint({ endpointId: made.pop() ?? "" }, { headers }).catch(() => {});
      ratios.push(beside.rate / alone.rate);
      costs.push(alone.micros / beside.micros);
    }
    const goal = "webhooks";
    const measured = (name: string, values: readonly number[], unit: string) => ({
      name,
      amount: spreadOf(values),
      unit,
    });
    return [
      {
        goal,
        work: "Events to one fast endpoint, in order",
        measured: [measured("one by one", [single], "/s"), measured("batches of 100", [batched], "/s")],
        verdicts: [
          { what: "one by one", value: single, atLeast: 500, unit: "/s" },
          { what: "batches of 100", value: batched, atLeast: 10_000, unit: "/s" },
        ],
      },
      {
        goal,
        work: "From the call of a sender to the receipt, 100 events a second",
        measured: [measured("delay", late, "ms")],
        verdicts: [{ what: "p99", value: p99, atMost: 100, unit: " ms" }],
      },
      {
        goal,
        work: "Senders with 10 endpoints against none",
        measured: [measured("ratio", ratios, "×"), measured("by processor time", costs, "×")],
        verdicts: [{ what: "/ none", value: spreadOf(ratios).median, atLeast: 0.97, unit: "×" }],
      },
    ];
  } finally {
    for (const endpointId of made) await hooks.deleteWebhookEndpoint({ endpointId }, { headers }).catch(() => {});
    receiver.server.close();
    receiver.server.closeAllConnections();
  }
}

interface Receiver {
  readonly server: Server;
  readonly port: number;
  events: number;
  onEvent: ((text: string, at: number) => void) | undefined;
}

async function startReceiver(): Promise<Receiver> {
  const receiver: Receiver = {
    events: 0,
    onEvent: undefined,
    port: 0,
    server: createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const at = performance.now();
        response.writeHead(204).end();
        const text = Buffer.concat(chunks).toString();
        receiver.events += text.match(/"conversationId":"[^"]*","seq":"\d+","createTime"/g)?.length ?? 0;
        receiver.onEvent?.(text, at);
      });
    }),
  };
  await new Promise<void>((resolve) => receiver.server.listen(0, "127.0.0.1", resolve));
  return Object.assign(receiver, { port: (receiver.server.address() as AddressInfo).port });
}
