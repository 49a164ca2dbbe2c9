// Fills a store for the console's pictures: conversations of a parcel service, two agents, members, a webhook and a
// policy.
import { Readable } from "node:stream";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { MemberRole } from "../../gen/colloquy/v1/member_pb.ts";
import { MessageKind, MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import type { Served } from "./server.ts";

const MEMBERS = [
  ["lena", "Lena Hoffmann", MemberRole.MANAGER, ""],
  ["omar", "Omar Haddad", MemberRole.MEMBER, "lena"],
  ["mei", "Mei Tanaka", MemberRole.MEMBER, "lena"],
  ["ines", "Inês Duarte", MemberRole.MANAGER, ""],
  ["paul", "Paul Okafor", MemberRole.MEMBER, "ines"],
] as const;
const TITLES = [
  "Parcel has not arrived",
  "Wrong address on the label",
  "Refund for a broken vase",
  "Pick-up on Saturday",
  "Invoice of March",
  "Customs asks for a receipt",
  "Change of the delivery day",
  "Locker does not open",
];
const TEXTS = ["When will it come?", "It is on the van now.", "Thank you, that helps.", "Could you send it again?"];
const DAY = 86_400_000;

export interface Filled {
  readonly conversationId: string;
  readonly agentId: string;
  readonly turnId: string;
  readonly endpointId: string;
}

/** @param receiver where the webhook's events go */
export async function fill(served: Served, receiver: string): Promise<Filled> {
  const transport = transportTo(served);
  const directory = createClient(DirectoryService, transport);
  for (const [memberId, displayName, role, managerId] of MEMBERS) {
    await directory.upsertMember({ memberId, member: { displayName, role, managerId } });
  }
  await importLines(served, conversationLines(300));
  const agents = createClient(AgentService, transport);
  const { agent } = await agents.createAgent({
    agent: { name: "parcel-helper", description: "Repeats what it is told", connector: { case: "echo", value: {} } },
  });
  const connector = { case: "openai", value: { baseUrl: receiver, model: "large-1" } } as const;
  await agents.createAgent({
    agent: { name: "translator", description: "Answers in the reader's language", connector },
  });
  const endpoints = createClient(WebhookService, transport);
  const { endpoint } = await endpoints.createWebhookEndpoint({
    endpoint: { target: { case: "url", value: receiver }, description: "The warehouse" },
  });
  const conversations = createClient(ConversationService, transport);
  const { conversation } = await conversations.createConversation({
    conversation: { title: "Where is parcel A-1042?", agent: "parcel-helper", labels: { team: "support" } },
  });
  const conversationId = conversation?.id ?? "";
  await say(createClient(MessageService, transport), conversationId);
  const turns = createClient(TurnService, transport);
  let turnId = "";
  for (const content of ["Please tell the driver to ring twice.", "And leave it with the neighbour if I am out."]) {
    for await (const { event } of turns.chat({ conversationId, message: { content } })) {
      if (event.case === "started") turnId = event.value.turn?.id ?? turnId;
    }
  }
  return { conversationId, agentId: agent?.id ?? "", turnId, endpointId: endpoint?.id ?? "" };
}

/** Calls as the developer. */
export function transportTo({ url, token }: Served): Transport {
  return createConnectTransport({
    baseUrl: url,
    httpVersion: "2",
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ],
  });
}

/** A conversation that has one of most kinds of parts. */
async function say(messages: Client<typeof MessageService>, conversationId: string): Promise<void> {
  const toolCall = { callId: "c1", name: "track_parcel", arguments: '{"parcel":"A-1042"}' };
  const output = { case: "text", value: '{"status":"in transit","place":"Bonn","due":"Thursday"}' } as const;
  const sender = { displayName: "parcel-helper" };
  const answer = [
    "It left **Bonn** this morning, and is due on **Thursday** between 9 and 12:",
    "| Day | Place |\n|---|---|\n| Monday | Lisbon |\n| Wednesday | Bonn |",
    "You can follow it yourself:",
    '```sh\ncurl "https://parcels.example/v1/track/A-1042"\n```',
  ];
  for (const message of [
    { content: "Hello, my parcel A-1042 should have been here on Tuesday. Where is it?" },
    {
      role: MessageRole.ASSISTANT,
      sender,
      kind: MessageKind.TOOL_CALL,
      parts: [{ content: { case: "toolCall", value: toolCall } as const }],
    },
    {
      role: MessageRole.TOOL,
      sender: { displayName: "parcel-tracker" },
      kind: MessageKind.TOOL_RESULT,
      parts: [{ content: { case: "toolResult", value: { callId: "c1", output } } as const }],
    },
    {
      role: MessageRole.ASSISTANT,
      sender,
      parts: [
        { content: { case: "reasoning", value: { text: "The tracker says Bonn, so Thursday is certain." } } as const },
        { content: { case: "text", value: { text: answer.join("\n\n") } } as const },
      ],
    },
    { content: "Thank you! Thursday is fine." },
  ]) {
    await messages.sendMessage({ conversationId, message });
  }
}

/** Conversations of the last two weeks, as an import reads them. */
function* conversationLines(count: number): Generator<object> {
  for (let number = 1; number <= count; number++) {
    const begun = Date.now() - ((count - number) * 14 * DAY) / count - DAY / 24;
    const [memberId] = MEMBERS[number % MEMBERS.length] ?? MEMBERS[0];
    const title = `${TITLES[number % TITLES.length]} (${1000 + number})`;
    const labels = { team: number % 3 === 0 ? "returns" : "support" };
    yield conversationLine(`case-${number}`, begun, { title, labels }, ["developer", memberId]);
    for (let index = 0; index < 2 + (number % 4); index++) {
      const content = TEXTS[(number + index) % TEXTS.length] ?? "";
      yield messageLine(`case-${number}`, index, begun + index * 60_000, content, index % 2 ? "developer" : memberId);
    }
  }
}

/** Many conversations without messages, and one with as many messages, which is the latest. */
export async function fillLarge(served: Served, count: number): Promise<void> {
  function* conversations() {
    for (let number = 1; number <= count; number++) {
      yield conversationLine(
        `large-${number}`,
        Date.now() - 30 * DAY - number * 1_000,
        { title: `Case ${number}` },
        [],
      );
    }
  }
  function* messages() {
    const begun = Date.now() - count - 1_000;
    yield conversationLine("large", begun, { title: "A long conversation" }, ["developer"]);
    for (let index = 1; index <= count; index++) {
      yield messageLine("large", index, begun + index, `Message ${index} of a long conversation`, "developer");
    }
  }
  await importLines(served, conversations());
  await importLines(served, messages());
}

function conversationLine(id: string, time: number, conversation: object, members: readonly string[]): object {
  const createTime = new Date(time).toISOString();
  const participants = members.map((memberId) => ({ memberId }));
  return { conversation: { conversation: { id, createTime, ...conversation }, participants } };
}

function messageLine(conversationId: string, index: number, time: number, content: string, sender: string): object {
  const createTime = new Date(time).toISOString();
  return {
    message: {
      message: { conversationId, id: `${conversationId}-${index}`, sender: { id: sender }, content, createTime },
    },
  };
}

/** In one request, which is as long as it takes: messages must follow their conversation. */
async function importLines({ url, token }: Served, lines: Iterable<object>): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/x-ndjson" };
  const body = Readable.toWeb(Readable.from(chunks(lines)));
  const request = { method: "POST", headers, body, duplex: "half" } as RequestInit;
  const response = await fetch(`${url}/v1/conversations:import`, request);
  const text = await response.text();
  if (!text.includes('"errorCount":"0"')) throw new Error(`the import failed: ${text.slice(0, 400)}`);
}

/** Lines of JSON, some 64 KB at a time. */
function* chunks(lines: Iterable<object>): Generator<Uint8Array> {
  let text = "";
  for (const line of lines) {
    text += `${JSON.stringify(line)}\n`;
    if (text.length < 65_536) continue;
    yield Buffer.from(text);
    text = "";
  }
  yield Buffer.from(text);
}
