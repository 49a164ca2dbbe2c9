// F-BACKLOG: streams and lists of the front ends hold little for readers that read nothing, or that have read all and
// wait for more.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { usedMemory } from "../support/measure/memory.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../support/services/agents.ts";

const ENTRIES = 28;
const LENGTH = 250_000;
const STREAMS = 4;
const MIB = 1 << 20;

let agent: FakeAgent;
let server: IdentityServer;
let authorization: string;
const sockets: Socket[] = [];
beforeAll(async () => {
  agent = await startFakeAgent();
  server = await startIdentityServer({
    // Without the cache of pages, which takes a page as its own if that was asked for twice.
    environment: {
      ...{ COLLOQUY_COMPAT: "aisdk,agui", COLLOQUY_AGENT_PRIVATE: "yes", COLLOQUY_HEARTBEAT: "300" },
      COLLOQUY_CACHE_SIZE: "0",
    },
  });
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write", "admin");
  authorization = credential.authorization ?? "";
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  await server.client(AgentService, credential).createAgent({
    // While it is silent the turn goes on.
    agent: { name: "teller", connector, idleTimeout: durationFromMs(300_000) },
  });
  const made = await server.client(ConversationService, credential).createConversation({
    conversation: { clientId: "thread", agent: "teller" },
  });
  const conversationId = made.conversation?.id ?? "";
  const messages = server.client(MessageService, credential);
  for (let i = 0; i < ENTRIES; i++) {
    const content = `part-${i} ${"x".repeat(LENGTH)}`;
    await messages.sendMessage({ conversationId, message: { content, role: MessageRole.USER } });
  }
  agent.answer = async function* (_, signal) {
    for (let i = 0; i < 8; i++) yield { text: `reply-${i} ${"y".repeat(20_000)}` };
    await once(signal, "abort");
  };
  const turns = server.client(TurnService, credential);
  const asked = { conversationId, messages: [{ content: "Tell me" }], agent: "teller" };
  await turns.createTurn(asked);
});
afterEach(close);
afterAll(async () => {
  await server.close();
  await agent.close();
});

function close(): void {
  for (const socket of sockets.splice(0)) socket.destroy();
}

/** The list of a chat's messages, and a thread with a turn that goes on. */
const LIST = ["GET /api/chat/thread/messages", undefined] as const;
const RUN = { threadId: "thread", runId: "r", messages: [], tools: [], context: [], state: null, forwardedProps: {} };
const THREAD = ["POST /agui/teller", RUN] as const;

async function open(head: string, body: object | undefined): Promise<Socket> {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => {});
  const text = body === undefined ? "" : JSON.stringify(body);
  const type = body === undefined ? "" : `content-type: application/json\r\ncontent-length: ${text.length}\r\n`;
  socket.write(`${head} HTTP/1.1\r\nhost: localhost\r\n${type}authorization: ${authorization}\r\n\r\n${text}`);
  await once(socket, "readable");
  return socket;
}

async function used(): Promise<number> {
  const { heapUsed, arrayBuffers } = await usedMemory();
  return heapUsed + arrayBuffers;
}

/** Reads until a name has come. Gives all names. */
async function namesFrom(socket: Socket, last: string): Promise<string[]> {
  let text = "";
  const names: string[] = [];
  for await (const piece of socket) {
    // Texts of one character each add nothing, and a chunk of HTTP may begin in the middle of a name only behind them.
    text += String(piece).replaceAll(/([xy])\1+/g, "");
    const found = [...text.matchAll(/((?:part|reply)-\d+) /g)].map(([, name]) => name ?? "");
    names.splice(0, names.length, ...found);
    if (names.includes(last)) break;
  }
  return names;
}

// A page in JSON, and as the socket has it; of a thread, which is one event, also its texts.
test.each([
  ["the list of a chat's messages", LIST, 8 * MIB],
  ["a thread", THREAD, 24 * MIB],
])("F-BACKLOG: readers that read nothing of %s hold what waits for them, and lose none of it", async (_, ask, most) => {
  const before = await used();
  await Promise.all(Array.from({ length: STREAMS }, () => open(ask[0], ask[1])));
  await expect.poll(() => sockets.every(({ readableLength }) => readableLength > 32_000)).toBe(true);
  await expect.poll(async () => (await used()) - before).toBeLessThan(STREAMS * most);
  const all = Array.from({ length: ENTRIES }, (_, i) => `part-${i}`);
  expect((await namesFrom(sockets[0] as Socket, `part-${ENTRIES - 1}`)).slice(0, ENTRIES)).toEqual(all);
});

test("F-BACKLOG: readers that have read a thread, and wait for more of its turn, hold nothing of it", async () => {
  const before = await used();
  await Promise.all(
    Array.from({ length: STREAMS }, async () => {
      const socket = await open(THREAD[0], THREAD[1]);
      await new Promise<void>((resolve) => {
        let text = "";
        socket.on("data", (piece) => {
          text += String(piece).replaceAll(/([xy])\1+/g, "");
          if (text.includes("reply-7")) resolve();
        });
      });
    }),
  );
  await expect.poll(async () => (await used()) - before).toBeLessThan(STREAMS * 2 * MIB);
});
