// What a page of messages of ten parts costs beside a page of plain messages of as many bytes, in JSON and in Protobuf.
import { MESSAGES_EACH } from "../layout.ts";
import { http1 } from "../load.ts";
import { brief, type Contestant, compare, type Measured } from "../measure.ts";
import type { Served } from "../process.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const CONNECTIONS = 32;
const LIST = "/colloquy.v1.MessageService/ListMessages";
/** What ten parts hold beside their names, which plain text has as text. */
const PLAIN_CHARACTERS = 1_690;

/** A turn of an agent: thoughts, calls of tools and their results, files, an answer with its sources. */
const PARTS = [
  { text: { text: "Here is what I found about the order, line by line:\n1. paid\n2. sent" } },
  {
    reasoning: {
      summary: ["The customer asks where the order is, so look it up first."],
      encrypted: "gAAAAABo".repeat(16),
    },
  },
  ...["call_1", "call_2"].flatMap((callId) => [
    {
      toolCall: {
        callId,
        name: "find_order",
        arguments: '{"order":"A-1815","lines":true}',
        type: "TOOL_TYPE_FUNCTION",
      },
    },
    { toolResult: { callId, json: '{"state":"sent","lines":[{"sku":"B-7","count":2},{"sku":"C-9","count":1}]}' } },
  ]),
  { file: { url: "https://files.example/invoices/A-1815.pdf", mediaType: "application/pdf", name: "A-1815.pdf" } },
  { source: { sourceId: "s1", url: "https://shop.example/orders/A-1815", title: "Order A-1815" } },
  { data: { name: "progress", dataId: "d1", json: '{"done":3,"of":3}' } },
  {
    text: {
      text: "It arrives on Friday.",
      annotations: [{ start: 0, end: 10, url: { url: "https://post.example/1815" } }],
    },
  },
];

interface Page {
  readonly name: string;
  readonly message: object;
}

const PAGES: readonly Page[] = [
  { name: "plain", message: { content: "lorem ipsum dolor sit amet ".repeat(70).slice(0, PLAIN_CHARACTERS) } },
  { name: "of 10 parts", message: { parts: PARTS } },
];

export async function parts(stage: Stage): Promise<Row> {
  const server = await stage.colloquy();
  const contestants: Contestant[] = [];
  for (const page of PAGES) {
    const id = await fill(stage, server, page);
    contestants.push(contestant(stage, server, `${page.name}, JSON`, "json", JSON.stringify({ conversationId: id })));
    // Field 1, a text of 36 bytes.
    contestants.push(contestant(stage, server, `${page.name}, Protobuf`, "proto", `\n$${id}`));
  }
  const measured = await compare(contestants, brief(stage.effort));
  return {
    goal: "–",
    work: `List ${MESSAGES_EACH} messages of 10 parts, beside plain ones of as many bytes`,
    measured,
    verdicts: ["JSON", "Protobuf"].map((form) => ({
      what: `time a call, ${form}`,
      value: micros(measured, `of 10 parts, ${form}`) / micros(measured, `plain, ${form}`),
      atMost: 1.3,
      unit: " ×",
    })),
  };
}

export function micros(measured: readonly Measured[], name: string): number {
  return measured.find((one) => one.name === name)?.cpuMicros?.median ?? Number.NaN;
}

/** A conversation of these messages. */
async function fill(stage: Stage, server: Served, { message }: Page): Promise<string> {
  const { conversation } = await call<{ conversation: { id: string } }>(
    stage,
    server,
    "ConversationService/CreateConversation",
    {
      conversation: { title: "parts" },
    },
  );
  await call(stage, server, "MessageService/BatchSendMessages", {
    conversationId: conversation.id,
    messages: Array.from({ length: MESSAGES_EACH }, () => message),
  });
  return conversation.id;
}

async function call<Answer>(stage: Stage, { port }: Served, method: string, body: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${stage.token()}`, "content-type": "application/json" };
  const url = `http://127.0.0.1:${port}/colloquy.v1.${method}`;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} is answered with ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

export function contestant(
  stage: Stage,
  server: Served,
  name: string,
  form: "json" | "proto",
  body: string,
): Contestant {
  const headers = { authorization: `Bearer ${stage.token()}`, "content-type": `application/${form}` };
  const load = {
    port: server.port,
    method: "POST",
    path: LIST,
    headers,
    body,
    numbers: [2, 2],
    connections: CONNECTIONS,
  } as const;
  return { name, server, run: (seconds) => http1(load, seconds, stage.directory) };
}
