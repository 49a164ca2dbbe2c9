// What a stream of AI SDK's chats costs beside that of Chat with its entries, and how much later its first words
// arrive.
import { randomUUID } from "node:crypto";
import { fromJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AgentService, CreateAgentRequestSchema } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Measured, spreadOf } from "../measure.ts";
import type { Served } from "../process.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { type Model, startModel } from "./model.ts";

const DELTAS = 2_000;
const ROUNDS = 5;
const SHORT_TURNS = 30;

interface Wire {
  readonly name: string;
  readonly path: (conversationId: string) => string;
  readonly body: (conversationId: string) => object;
  /** What stands in the event of a piece of text, and in none before. */
  readonly mark: string;
}

const WIRES: readonly Wire[] = [
  {
    name: "Chat, entries as server-sent events",
    path: (id) => `/v1/conversations/${id}:chat`,
    body: () => ({ message: { content: "go on" }, streamEntries: true }),
    mark: "event: entry_delta",
  },
  {
    name: "AI SDK",
    path: () => "/api/chat",
    body: (id) => ({
      id,
      messages: [{ id: randomUUID(), role: "user", parts: [{ type: "text", text: "go on" }] }],
      trigger: "submit-message",
    }),
    mark: '"type":"text-delta"',
  },
];

export async function chats(stage: Stage): Promise<Row> {
  const server = await stage.colloquy("colloquy with chats", {
    COLLOQUY_COMPAT: "aisdk",
    COLLOQUY_AGENT_PRIVATE: "yes",
    COLLOQUY_HINTS: "local",
  });
  const model = await startModel();
  try {
    const say = await speaker(stage, server, model);
    const cpu = WIRES.map((): number[] => []);
    // The first round is the warm-up.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [index, wire] of WIRES.entries()) {
        const before = server.cpuMicros();
        await say(wire, DELTAS);
        if (round > 0) cpu[index]?.push((server.cpuMicros() - before) / 1_000);
      }
    }
    const delays = WIRES.map((): number[] => []);
    for (let turn = 0; turn < SHORT_TURNS; turn++) {
      for (const [index, wire] of WIRES.entries()) delays[index]?.push(await say(wire, 1));
    }
    const measured = WIRES.flatMap(({ name }, index): Measured[] => [
      { name: `${name}: processor time of a turn`, amount: spreadOf(cpu[index] ?? []), unit: " ms" },
      {
        name: `${name}: from the agent's first words to the caller's`,
        amount: spreadOf(delays[index] ?? []),
        unit: " ms",
      },
    ]);
    const [own, aisdk] = cpu.map((one) => spreadOf(one).least);
    return {
      goal: "–",
      work: `A turn of ${DELTAS.toLocaleString("en")} deltas, ${ROUNDS} times; the first words of ${SHORT_TURNS} turns`,
      measured,
      verdicts: [
        { what: "processor time", value: (aisdk ?? Number.NaN) / (own ?? Number.NaN), atMost: 1.1, unit: " ×" },
        { what: "first words", value: spreadOf(delays[1] ?? []).median, atMost: 5, unit: " ms" },
      ],
    };
  } finally {
    model.close();
  }
}

/** Takes a turn, and gives the milliseconds from the agent's first words to the caller's. */
async function speaker(stage: Stage, { port }: Served, model: Model) {
  const headers = { authorization: `Bearer ${stage.token("admin")}` };
  const url = `http://127.0.0.1:${port}`;
  const transport = createConnectTransport({ baseUrl: url, httpVersion: "1.1" });
  const name = `chats-${Date.now()}`;
  const openai = { baseUrl: `http://127.0.0.1:${model.port}/v1`, model: "bench" };
  const agent = fromJson(CreateAgentRequestSchema, { agent: { name, openai } });
  await createClient(AgentService, transport).createAgent(agent, { headers });
  const { conversation } = await createClient(ConversationService, transport).createConversation(
    { conversation: { agent: name, maxContextLength: 1 } },
    { headers },
  );
  const id = conversation?.id ?? "";
  return async ({ name: wire, path, body, mark }: Wire, deltas: number): Promise<number> => {
    model.deltas = deltas;
    const response = await fetch(url + path(id), {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify(body(id)),
    });
    let first: number | undefined;
    let heard = 0;
    for await (const chunk of response.body ?? []) {
      const text = Buffer.from(chunk).toString();
      if (first === undefined && text.includes(mark)) first = performance.now();
      heard += text.split(model.word).length - 1;
    }
    // The entry that is stored has the words once more in one of the two.
    if (first === undefined || heard < deltas) throw new Error(`${wire}: a turn said ${heard} words`);
    return first - model.spokeAt;
  };
}
