// F-SUMMARY: what others report of histories that summaries shorten, tried on what an agent gets.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { MessageKind, MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { hear } from "../support/fronts/chat.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { calls, given, says, scriptedAgent, text } from "../support/services/scripted-agent.ts";

const agent = scriptedAgent();
let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({ agent: agent.connector });
});
afterAll(() => server.close());
afterEach(() => {
  agent.script.length = 0;
  agent.requests.length = 0;
});

const { USER, ASSISTANT, SYSTEM, DEVELOPER, TOOL } = MessageRole;
const said = (content: string, role: MessageRole = USER) => ({ content, role });
const CALL = {
  kind: MessageKind.TOOL_CALL,
  role: ASSISTANT,
  parts: [{ content: { case: "toolCall", value: { callId: "c1", name: "look", arguments: "{}" } } }],
};
const RESULT = {
  kind: MessageKind.TOOL_RESULT,
  role: TOOL,
  parts: [{ content: { case: "toolResult", value: { callId: "c1", output: { case: "text", value: "a cat" } } } }],
};

/** A conversation of messages, from seq 2 on. */
async function scene(...messages: object[]) {
  const tenant = await server.tenant("ann");
  await tenant.key().agents.createAgent({ agent: { name: "a", connector: { case: "echo", value: {} } } });
  const ann = tenant.member("ann");
  const key = tenant.key();
  const { conversation } = await ann.conversations.createConversation({ conversation: { agent: "a" } });
  const conversationId = conversation?.id ?? "";
  await key.messages.batchSendMessages({ conversationId, messages });
  const sum = async (words: string, through: number) => {
    const json = JSON.stringify({ throughSeq: through });
    const parts = [
      { content: { case: "text", value: { text: words } } },
      { content: { case: "data", value: { name: "summary", json } } },
    ];
    const message: object = { kind: MessageKind.SUMMARY, role: SYSTEM, parts };
    return (await key.messages.sendMessage({ conversationId, message })).message?.id ?? "";
  };
  const next = async (content = "next") => {
    agent.script.push(says(text("ok")));
    const { error } = await hear(ann.turns.chat({ conversationId, message: { content } }));
    expect(error).toBeUndefined();
    return given(agent.requests.at(-1) as never).map((line) => (line === "text" || line === "data" ? "summary" : line));
  };
  const log = async () => (await ann.messages.listMessages({ conversationId, kinds: [1, 3, 4, 8] })).messages;
  return { key, conversationId, sum, next, log };
}

test("F-SUMMARY: instructions stay before a summary that was written after them", async () => {
  const { sum, next } = await scene(
    said("Be kind.", SYSTEM),
    said("Be brief.", DEVELOPER),
    said("a"),
    said("b", ASSISTANT),
  );
  await sum("they said a and b", 5);
  expect((await next()).filter((line) => line !== "summary")).toEqual(["Be kind.", "Be brief.", "next"]);
  const roles = agent.requests[0]?.messages.map(({ kind, role }) => kind ?? role);
  expect(roles).toEqual([SYSTEM, DEVELOPER, MessageKind.SUMMARY, USER]);
});

test("F-SUMMARY: the words that are replied to are never what a summary stands for", async () => {
  const { key, sum, next, log } = await scene(said("a"));
  await sum("a", 2);
  await next("what I want");
  const entries = await log();
  const last = entries.find(({ content }) => content === "what I want");
  await sum("all of it", Number(entries.at(-1)?.seq));
  agent.script.push(says(text("again")));
  await hear(key.turns.regenerate({ conversationId: last?.conversationId ?? "", messageId: last?.id ?? "" }));
  expect(given(agent.requests.at(-1) as never).at(-1)).toBe("what I want");
});

test("F-SUMMARY: of two summaries the last counts alone; once it is deleted, nothing is lost", async () => {
  const { key, sum, next } = await scene(said("a"), said("b"), said("c"));
  await sum("a", 2);
  const second = await sum("a and b", 3);
  expect((await next()).filter((line) => line !== "summary")).toEqual(["c", "next"]);
  expect(agent.requests[0]?.messages.filter(({ kind }) => kind === MessageKind.SUMMARY)).toHaveLength(1);
  await key.messages.deleteMessage({ messageId: second });
  expect((await next()).filter((line) => line !== "summary")).toEqual(["b", "c", "next", "ok", "next"]);
});

test("F-SUMMARY: one that ends between a call and its result leaves the log as it is", async () => {
  const { sum, next, log } = await scene(said("look"), CALL, RESULT, said("A cat.", ASSISTANT));
  const before = await log();
  await sum("they looked", 3);
  await next();
  expect((await log()).slice(0, before.length)).toEqual(before);
});

test("F-SUMMARY: one that is written while a turn waits takes nothing of that turn, nor of its tools", async () => {
  // 7df-lab/devo#186, bastani-inc/atomic#1300, tontinton/maki#641, agentscope-ai/QwenPaw#5856, openai/codex#34719
  const { key, conversationId, sum } = await scene(said("a"), said("b", ASSISTANT));
  agent.script.push(says(calls("c1", "look")), says(text("A cat.")));
  const tools: object[] = [{ name: "look", runs: { case: "client", value: {} } }];
  for await (const { event } of key.turns.chat({ conversationId, message: said("What is it?"), tools })) {
    if (event.case !== "inputRequired") continue;
    const { turn } = event.value;
    await sum("all so far, the call too", 5);
    await key.turns.answerTurn({
      turnId: turn?.id ?? "",
      results: [{ callId: "c1", output: { case: "text", value: "a cat" } }],
    });
  }
  const [before, after] = agent.requests;
  expect(after?.messages.map(({ kind, content }) => content || kind)).toEqual([
    "all so far, the call too",
    "What is it?",
    MessageKind.TOOL_CALL,
    MessageKind.TOOL_RESULT,
  ]);
  expect(after?.tools).toEqual(before?.tools);
});

test("F-SUMMARY: one without words takes nothing away", async () => {
  // org2AI/ORG2#341, code-yeongyu/senpi#1067
  const { key, conversationId, next } = await scene(said("a"), said("b", ASSISTANT));
  const part = { content: { case: "data", value: { name: "summary", json: '{"throughSeq":3}' } } };
  const message: object = { kind: MessageKind.SUMMARY, role: SYSTEM, parts: [part] };
  await key.messages.sendMessage({ conversationId, message });
  expect((await next()).filter((line) => line !== "summary")).toEqual(["a", "b", "next"]);
});

test("F-SUMMARY: people read on what they said, and no summary among it", async () => {
  // dyad-sh/dyad#2515, NousResearch/hermes-agent#86234, earendil-works/pi#2608
  const { key, conversationId, sum } = await scene(said("a"), said("b"), said("c"));
  await sum("a", 2);
  await sum("a and b", 3);
  const { messages } = await key.messages.listMessages({ conversationId });
  expect(messages.map(({ content }) => content)).toEqual(["a", "b", "c"]);
});
