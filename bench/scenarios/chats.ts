// What a streamed turn costs over each API beside Chat with its entries, how much later its first words arrive, and how
// long the whole takes beside the model asked directly.
import { randomUUID } from "node:crypto";
import { fromJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AgentService, CreateAgentRequestSchema } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Measured, spreadOf } from "../measure.ts";
import type { Served } from "../process.ts";
import type { Row, Verdict } from "../report.ts";
import type { Stage } from "../stage.ts";
import { type Model, startModel } from "./model.ts";

const DELTAS = 2_000;
/** A turn takes two seconds. */
const PACE_MS = 1;
const ROUNDS = 2;
/** Deltas of a turn for what V8 compiles. */
const WARM_UP = 300;
const SHORT_TURNS = 20;

interface Place {
  readonly conversationId: string;
  readonly agent: string;
}

interface Wire {
  readonly name: string;
  readonly path: (place: Place) => string;
  readonly body: (place: Place) => object;
  readonly headers?: Readonly<Record<string, string>>;
  /** What stands in the event of a piece of text, and in none before. */
  readonly mark: string;
}

const CHAT: Wire = {
  name: "Chat, entries as server-sent events",
  path: ({ conversationId }) => `/v1/conversations/${conversationId}:chat`,
  body: () => ({ message: { content: "go on" }, streamEntries: true }),
  mark: "event: entry_delta",
};

const OPENAI: Wire = {
  name: "OpenAI's responses",
  path: () => "/openai/v1/responses",
  body: ({ conversationId, agent }) => ({
    model: agent,
    conversation: `conv_${conversationId.replaceAll("-", "")}`,
    input: "go on",
    stream: true,
  }),
  mark: "response.output_text.delta",
};

const WIRES: readonly Wire[] = [
  CHAT,
  {
    name: "AI SDK",
    path: () => "/api/chat",
    body: ({ conversationId }) => ({
      id: conversationId,
      messages: [{ id: randomUUID(), role: "user", parts: [{ type: "text", text: "go on" }] }],
      trigger: "submit-message",
    }),
    mark: '"type":"text-delta"',
  },
  {
    name: "AG-UI",
    path: ({ agent }) => `/agui/${agent}`,
    body: ({ conversationId }) => ({
      threadId: conversationId,
      runId: randomUUID(),
      messages: [{ id: randomUUID(), role: "user", content: "go on" }],
      tools: [],
      context: [],
    }),
    mark: "TEXT_MESSAGE_CONTENT",
  },
  {
    name: "A2A",
    path: ({ agent }) => `/a2a/${agent}/message:stream`,
    body: ({ conversationId }) => ({
      message: {
        messageId: randomUUID(),
        contextId: conversationId,
        role: "ROLE_USER",
        parts: [{ text: "go on" }],
      },
    }),
    headers: { "content-type": "application/a2a+json", "a2a-version": "1.0" },
    mark: "artifactUpdate",
  },
  OPENAI,
];

export async function chats(stage: Stage): Promise<Row> {
  const server = await stage.colloquy("colloquy with chats", {
    COLLOQUY_COMPAT: "aisdk,agui,a2a,openai",
    COLLOQUY_AGENT_PRIVATE: "yes",
    COLLOQUY_HINTS: "local",
  });
  const model = await startModel();
  model.paceMs = PACE_MS;
  try {
    const { say, ask } = await speaker(stage, server, model);
    const cpu = WIRES.map((): number[] => []);
    const wall = WIRES.map((): number[] => []);
    const direct: number[] = [];
    for (const wire of WIRES) await say(wire, WARM_UP);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, wire] of WIRES.entries()) {
        const before = server.cpuMicros();
        const { wholeMs } = await say(wire, DELTAS);
        cpu[index]?.push((server.cpuMicros() - before) / 1_000);
        wall[index]?.push(wholeMs);
      }
      direct.push((await ask(DELTAS)).wholeMs);
    }
    const delays = WIRES.map((): number[] => []);
    for (let turn = 0; turn < SHORT_TURNS; turn++) {
      for (const [index, wire] of WIRES.entries()) delays[index]?.push((await say(wire, 1)).firstMs);
    }
    const least = (amounts: number[] | undefined) => spreadOf(amounts ?? []).least;
    const measured = WIRES.flatMap(({ name }, index): Measured[] => [
      { name: `${name}: processor time of a turn`, amount: spreadOf(cpu[index] ?? []), unit: " ms" },
      {
        name: `${name}: from the agent's first words to the caller's`,
        amount: spreadOf(delays[index] ?? []),
        unit: " ms",
      },
    ]);
    const verdicts = WIRES.flatMap((wire, index): Verdict[] => {
      const { name } = wire;
      const first = {
        what: `${name}: first words`,
        value: spreadOf(delays[index] ?? []).median,
        atMost: 5,
        unit: " ms",
      };
      if (wire === CHAT) return [first];
      return [
        { what: `${name} / Chat, processor time`, value: least(cpu[index]) / least(cpu[0]), atMost: 1.1, unit: " ×" },
        first,
      ];
    });
    const whole = least(wall[WIRES.indexOf(OPENAI)]) / least(direct);
    return {
      goal: "–",
      work: `A turn of ${DELTAS.toLocaleString("en")} deltas, ${ROUNDS} times; the first words of ${SHORT_TURNS} turns`,
      measured,
      verdicts: [
        ...verdicts,
        { what: `${OPENAI.name} / the model itself, the whole`, value: whole, atMost: 1.1, unit: " ×" },
      ],
    };
  } finally {
    model.close();
  }
}

interface Heard {
  /** From the agent's first words to the caller's. */
  readonly firstMs: number;
  /** From the request to the end. */
  readonly wholeMs: number;
}

/** Takes a turn, or asks the model itself. */
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
  const place: Place = { conversationId: conversation?.id ?? "", agent: name };

  const hear = async (target: string, deltas: number, wire: Omit<Wire, "path">): Promise<Heard> => {
    model.deltas = deltas;
    const begun = performance.now();
    const response = await fetch(target, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", accept: "text/event-stream", ...wire.headers },
      body: JSON.stringify(wire.body(place)),
    });
    let first: number | undefined;
    let heard = 0;
    let said = "";
    for await (const chunk of response.body ?? []) {
      said = Buffer.from(chunk).toString();
      if (first === undefined && said.includes(wire.mark)) first = performance.now();
      heard += said.split(model.word).length - 1;
    }
    // The entry that is stored has the words once more in some of them.
    if (first === undefined || heard < deltas) {
      throw new Error(`${wire.name}: a turn said ${heard} words, and at last ${said.slice(-500)}`);
    }
    return { firstMs: first - model.spokeAt, wholeMs: performance.now() - begun };
  };
  const itself = { name: "the model", body: () => ({ stream: true }), mark: model.word };
  return {
    say: (wire: Wire, deltas: number) => hear(url + wire.path(place), deltas, wire),
    ask: (deltas: number) => hear(`http://127.0.0.1:${model.port}/v1/chat/completions`, deltas, itself),
  };
}
