// F-BACKLOG: streams that nobody reads hold little of what is still to be read, and lose none of it.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { usedMemory } from "../support/measure/memory.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../support/services/agents.ts";

const ENTRIES = 16;
const LENGTH = 250_000;
const STREAMS = 4;
/** A stream holds the entry that waits, as text and as bytes, and its part of the pages that all share. */
const MAX_BYTES = STREAMS * (2 << 20);

let agent: FakeAgent;
let server: IdentityServer;
let authorization: string;
let conversationId: string;
let turnId: string;
const sockets: Socket[] = [];
beforeAll(async () => {
  agent = await startFakeAgent();
  server = await startIdentityServer({ environment: { COLLOQUY_AGENT_PRIVATE: "yes" } });
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write", "admin");
  authorization = credential.authorization ?? "";
  const conversations = server.client(ConversationService, credential);
  const made = await conversations.createConversation({ conversation: { agent: "teller" } });
  conversationId = made.conversation?.id ?? "";
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  await server.client(AgentService, credential).createAgent({ agent: { name: "teller", connector } });
  agent.answer = async function* () {
    for (let i = 0; i < ENTRIES; i++) {
      const text = nameAndMore(i);
      yield i % 2 === 0 ? { piece: { case: "reasoning", value: text } } : { text };
    }
  };
  // A tenant's feed begins with its first reader.
  await openUnread("/v1/conversations:subscribe");
  close();
  const messages = server.client(MessageService, credential);
  for (let i = 0; i < ENTRIES; i++)
    await messages.sendMessage({ conversationId, message: { content: nameAndMore(i) } });
  const asked = { messages: [{ content: "Tell me" }], agent: "teller" };
  const turns = server.client(TurnService, credential);
  turnId = (await turns.createTurn(asked)).turn?.id ?? "";
  for await (const _ of turns.resumeTurn({ turnId })) {
    // To its end.
  }
});
afterEach(close);
afterAll(async () => {
  await server.close();
  await agent.close();
});

function nameAndMore(i: number): string {
  return `part-${i} ${"x".repeat(LENGTH)}`;
}

function close(): void {
  for (const socket of sockets.splice(0)) socket.destroy();
}

/** A stream whose first bytes are there, and are not read. */
async function openUnread(path: string): Promise<void> {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n`);
  socket.write(`authorization: ${authorization}\r\n\r\n`);
  await once(socket, "readable");
}

/** Reads until all entries have come. */
async function namesFrom(socket: Socket): Promise<string[]> {
  let text = "";
  const names = new Set<string>();
  for await (const piece of socket) {
    // Texts of one character each add nothing, and a chunk of HTTP may begin in the middle of a name only behind them.
    text += String(piece).replaceAll(/x{2,}/g, "");
    for (const [, name] of text.matchAll(/"(part-\d+) /g)) names.add(name ?? "");
    if (names.size >= ENTRIES) break;
  }
  return [...names];
}

test.each([
  ["one conversation", () => `/v1/conversations/${conversationId}:subscribe?afterSeq=0`],
  ["all conversations", () => "/v1/conversations:subscribe?cursor=0"],
  ["a turn's entries", () => `/v1/turns/${turnId}:resume?streamEntries=true`],
])("F-BACKLOG: streams of %s hold little, and who reads late gets everything in order", async (_, path) => {
  const used = async () => {
    const { heapUsed, arrayBuffers } = await usedMemory();
    return heapUsed + arrayBuffers;
  };
  const before = await used();
  await Promise.all(Array.from({ length: STREAMS }, () => openUnread(path())));
  // What the client itself takes, unread: the first entries are on their way.
  await expect.poll(() => sockets.every(({ readableLength }) => readableLength > 32_000)).toBe(true);
  await expect.poll(async () => (await used()) - before).toBeLessThan(MAX_BYTES);
  const all = Array.from({ length: ENTRIES }, (_, i) => `part-${i}`);
  // The first of them waited for the longest time.
  for (const socket of [sockets[0], sockets.at(-1)]) expect(await namesFrom(socket as Socket)).toEqual(all);
});
