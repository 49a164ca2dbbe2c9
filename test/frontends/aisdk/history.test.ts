// Long chats and odd ones: pages of entries, entries that others wrote, and replies that nobody answered in time.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageKind, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import {
  type Any,
  type ChatServer,
  calls,
  chatOf,
  historyOf,
  pauses,
  post,
  says,
  startChats,
  user,
} from "../../support/fronts/ai-sdk.ts";

let server: ChatServer;
beforeAll(async () => {
  server = await startChats([{ name: "locate" }]);
});
afterAll(() => server.close());
afterEach(() => {
  server.script.length = 0;
});

async function conversation() {
  const client = server.server.client(ConversationService, server.credential);
  const made = await client.createConversation({ conversation: { agent: "default" } });
  return { id: made.conversation?.id ?? "", messages: server.server.client(MessageService, server.credential) };
}

test("a chat of more entries than a page has is whole, also a reply that two pages share", async () => {
  const { id, messages } = await conversation();
  const drafts = Array.from({ length: 195 }, (_, index) => ({ content: `message ${index}`, clientId: `m${index}` }));
  await messages.batchSendMessages({ conversationId: id, messages: drafts });
  const results = (callId: string) => ({
    piece: {
      case: "part",
      value: { content: { case: "toolResult", value: { callId, output: { case: "text", value: "x" } } } },
    },
  });
  const ids = Array.from({ length: 10 }, (_, index) => `c${index}`);
  server.script.push(says(...(ids.map((one) => [...calls(one, "search"), results(one)]) as Any), { text: "Done." }));
  await post(server, { id, message: user("Search", "asked") });
  await messages.sendMessage({ conversationId: id, message: { content: "and on" } });
  const history = await historyOf(server, id);
  expect(history.map((one: Any) => one.id)).toEqual([
    ...drafts.map(({ clientId }) => clientId),
    "asked",
    expect.any(String),
    expect.any(String),
  ]);
  expect(history[196].parts.filter(({ state }: Any) => state === "output-available")).toHaveLength(10);
});

test("entries of other APIs that belong to no turn are one message of the assistant", async () => {
  const { id, messages } = await conversation();
  const call = { callId: "c1", name: "look", arguments: '{"at":"cat.png"}' };
  await messages.batchSendMessages({
    conversationId: id,
    messages: [
      { content: "What is it?" },
      {
        kind: MessageKind.TOOL_CALL,
        role: MessageRole.ASSISTANT,
        parts: [{ content: { case: "toolCall", value: call } }],
      },
      {
        kind: MessageKind.TOOL_RESULT,
        role: MessageRole.TOOL,
        parts: [{ content: { case: "toolResult", value: { callId: "c1", output: { case: "text", value: "a cat" } } } }],
      },
      { role: MessageRole.ASSISTANT, content: "A cat." },
      { role: MessageRole.SYSTEM, content: "Be brief." },
    ],
  });
  const history = await historyOf(server, id);
  expect(history.map(({ role }: Any) => role)).toEqual(["user", "assistant", "assistant", "system"]);
  expect(history[1].parts[1]).toMatchObject({
    type: "tool-look",
    state: "output-available",
    input: { at: "cat.png" },
    output: "a cat",
  });
});

test("what others say while a reply is made stands after it, and the reply is one message", async () => {
  const { id, messages } = await conversation();
  const { call, asked, goOn } = pauses(
    [...calls("c1", "search"), { text: "One. " }],
    [...calls("c2", "search"), { text: "Two." }],
  );
  server.script.push(call);
  const running = post(server, { id, message: user("Count", "asked") });
  await asked;
  const stored = () => messages.listMessages({ conversationId: id, kinds: [MessageKind.TOOL_CALL] });
  await expect.poll(async () => (await stored()).messages.length).toBe(1);
  await messages.sendMessage({ conversationId: id, message: { content: "Meanwhile", clientId: "other" } });
  goOn();
  await running;
  const history = await historyOf(server, id);
  expect(history.map((one: Any) => one.id)).toEqual(["asked", expect.any(String), "other"]);
});

test("an answer that comes too late is told that the reply is over, and the page shows what counts", async () => {
  const agent = { name: "hasty", tools: [{ name: "locate" }], inputTimeout: { seconds: 1n } };
  const connector = { case: "connect" as const, value: { baseUrl: server.agent.url } };
  await server.server.client(AgentService, server.admin).createAgent({ agent: { ...agent, connector } });
  server.script.push(says(calls("c1", "locate")));
  const chat = chatOf(server, 7, { id: randomUUID(), query: "&agent=hasty" });
  await chat.sendMessage({ text: "Where?" });
  await expect.poll(async () => (await historyOf(server, chat.id))[1].parts[1].state).toBe("output-error");
  await chat.addToolOutput({ tool: "locate", toolCallId: "c1", output: "here" });
  await chat.sendMessage();
  expect(chat.status).toBe("error");
  expect(chat.lastMessage.parts[1].state).toBe("output-error");
  expect(await historyOf(server, chat.id)).toEqual(chat.messages);
});
