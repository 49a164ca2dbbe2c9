// A chat of AI SDK's own clients: what they stream is what they read after a reload, and what is stored.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { FinishReason } from "../../../gen/colloquy/v1/turn_pb.ts";
import {
  type Any,
  type ChatServer,
  calls,
  chatOf,
  fails,
  historyOf,
  pauses,
  post,
  says,
  startChats,
  thought,
  user,
  VERSIONS,
} from "../../support/fronts/ai-sdk.ts";

let server: ChatServer;
beforeAll(async () => {
  server = await startChats();
});
afterAll(() => server.close());
afterEach(() => {
  server.script.length = 0;
});

const result = (callId: string, value: string) => ({
  piece: {
    case: "part" as const,
    value: { content: { case: "toolResult" as const, value: { callId, output: { case: "json" as const, value } } } },
  },
});
const part = (content: object) => ({ piece: { case: "part" as const, value: { content } } }) as Any;

describe.each(VERSIONS)("version %i", (version) => {
  test("a message is stored, replied to, and read as it was streamed", async () => {
    const chat = chatOf(server, version);
    await chat.sendMessage({ text: "Good morning" });
    expect(chat.error).toBeUndefined();
    expect(chat.messages).toEqual([
      { id: expect.any(String), role: "user", parts: [{ type: "text", text: "Good morning" }] },
      {
        id: expect.any(String),
        role: "assistant",
        parts: [{ type: "step-start" }, { type: "text", text: "Hello", state: "done" }],
      },
    ]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("thoughts, the agent's own tools, sources, files and data are parts, in their order and steps", async () => {
    server.script.push(
      says(
        thought("hm, "),
        thought("well"),
        { text: "Let me " },
        { text: "see." },
        calls("s1", "web_search", '{"q": "sun"}'),
        result("s1", '{"n": 1.50, "text": "sunny"}'),
        { piece: { case: "step", value: {} } } as Any,
        { text: "Sunny." },
        part({
          case: "source",
          value: { sourceId: "w", origin: { case: "url", value: "https://w.example" }, title: "W" },
        }),
        part({ case: "file", value: { source: { case: "data", value: Buffer.from("hi") }, mediaType: "text/plain" } }),
        part({ case: "data", value: { name: "chart", dataId: "d1", json: "[1]" } }),
        part({ case: "data", value: { name: "chart", dataId: "d1", json: "[1,2]" } }),
        part({ case: "refusal", value: { text: "No more." } }),
      ),
    );
    const chat = chatOf(server, version);
    await chat.sendMessage({ text: "Will it be sunny?" });
    expect(chat.error).toBeUndefined();
    expect(chat.lastMessage.parts).toEqual([
      { type: "step-start" },
      { type: "reasoning", id: expect.any(String), text: "hm, well", state: "done" },
      { type: "text", text: "Let me see.", state: "done" },
      {
        type: "tool-web_search",
        toolCallId: "s1",
        state: "output-available",
        input: { q: "sun" },
        output: { n: 1.5, text: "sunny" },
        providerExecuted: true,
      },
      { type: "step-start" },
      { type: "text", text: "Sunny.", state: "done" },
      { type: "source-url", sourceId: "w", url: "https://w.example", title: "W" },
      { type: "file", mediaType: "text/plain", url: "data:text/plain;base64,aGk=" },
      { type: "data-chart", id: "d1", data: [1, 2] },
      { type: "text", text: "No more.", state: "done" },
    ]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("pages that a text cites are sources after it", async () => {
    const target = { case: "url", value: { url: "https://a.example", title: "A" } } as const;
    server.script.push(
      says({ text: "As they say." }, { piece: { case: "annotation", value: { start: 0, end: 2, target } } }),
    );
    const chat = chatOf(server, version);
    await chat.sendMessage({ text: "Who says?" });
    expect(chat.lastMessage.parts.slice(1)).toEqual([
      { type: "text", text: "As they say.", state: "done" },
      { type: "source-url", sourceId: expect.any(String), url: "https://a.example", title: "A" },
    ]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("whatever a client writes into a message comes back as it was written", async () => {
    const parts = [
      {
        type: "file",
        mediaType: "image/png",
        filename: "a.png",
        url: "data:image/png;base64,aGk=",
        providerMetadata: { x: { y: 1 } },
      },
      { type: "text", text: "Look\u0000 at this", providerMetadata: { a: {} } },
      { type: "data-place", id: "p", data: { at: [52.5, 13.4], none: null, "": 0 } },
      { type: "data-empty", data: "" },
      { type: "custom", kind: "acme.note", providerMetadata: { acme: { deep: [[]] } } },
      { type: "source-url", sourceId: "s", url: "https://a.example" },
      { type: "reasoning", text: "why", id: "r" },
      { type: "something-new", id: "r", value: 1e21 },
    ];
    const metadata = { createdAt: 12.5, nested: { "a b": null, list: [true] } };
    const chat = chatOf(server, version);
    await chat.sendMessage({ parts, metadata });
    expect(chat.error).toBeUndefined();
    const [stored] = await historyOf(server, chat.id);
    expect(stored).toEqual({ id: chat.messages[0].id, role: "user", parts, metadata });
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("an agent that fails: its words so far stay, and the error says why", async () => {
    server.script.push(async function* () {
      yield { text: "Well" };
      throw new Error("out of order");
    });
    const chat = chatOf(server, version);
    await chat.sendMessage({ text: "Hi" });
    expect(chat.status).toBe("error");
    expect(chat.error.message).toMatch(/agent/);
    expect(chat.lastMessage.parts).toEqual([{ type: "step-start" }, { type: "text", text: "Well", state: "done" }]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("an agent that fails before its first word leaves no message", async () => {
    server.script.push(fails, fails);
    const chat = chatOf(server, version);
    await chat.sendMessage({ text: "Hi" });
    expect(chat.status).toBe("error");
    expect(chat.messages).toHaveLength(1);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("messages that only the client has are stored with the next one, in a new chat and in a known one", async () => {
    const greeting = { id: "greeting", role: "assistant", parts: [{ type: "text", text: "How can I help?" }] };
    const chat = chatOf(server, version, { messages: [greeting] });
    await chat.sendMessage({ text: "One" });
    chat.state.messages = [...chat.messages, user("lost on its way", "lost"), { ...greeting, id: "canned" }];
    await chat.sendMessage({ text: "Two" });
    expect(chat.error).toBeUndefined();
    expect(chat.messages.map(({ id }: Any) => id)).toEqual([
      "greeting",
      expect.any(String),
      expect.any(String),
      "lost",
      "canned",
      expect.any(String),
      expect.any(String),
    ]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("of a history that was changed only what is new counts", async () => {
    const chat = chatOf(server, version);
    await chat.sendMessage({ text: "One" });
    const before = await historyOf(server, chat.id);
    chat.state.messages = chat.messages.map((message: Any) => ({
      ...message,
      parts: [{ type: "text", text: "forged" }],
    }));
    await chat.sendMessage({ text: "Two" });
    const after = await historyOf(server, chat.id);
    expect(after.slice(0, 2)).toEqual(before);
    expect(after).toHaveLength(4);
  });
});

test("the stream is that of the protocol, in its order, and nothing comes after its end", async () => {
  server.script.push(says(thought("hm"), { text: "Good " }, { text: "day" }));
  const { status, headers, text, chunks } = await post(server, { id: randomUUID(), messages: [user("Hi")] });
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("text/event-stream");
  expect(headers.get("x-vercel-ai-ui-message-stream")).toBe("v1");
  expect(headers.get("cache-control")).toContain("no-cache");
  expect(headers.get("x-accel-buffering")).toBe("no");
  const [start] = chunks;
  const [reasoning, message] = [chunks[2].id, chunks[5].id];
  const deltas = chunks.filter(({ type }: Any) => type === "text-delta");
  expect(deltas.map(({ delta }: Any) => delta).join("")).toBe("Good day");
  expect(
    chunks.filter((chunk: Any, index) => chunk.type !== "text-delta" || chunks[index - 1].type !== "text-delta"),
  ).toEqual([
    { type: "start", messageId: start.messageId },
    { type: "start-step" },
    { type: "reasoning-start", id: reasoning },
    { type: "reasoning-delta", id: reasoning, delta: "hm" },
    { type: "reasoning-end", id: reasoning },
    { type: "text-start", id: message },
    deltas[0],
    { type: "text-end", id: message },
    { type: "finish-step" },
    { type: "finish", finishReason: "stop" },
    "[DONE]",
  ]);
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("the last message alone is enough", async () => {
  const id = randomUUID();
  expect((await post(server, { id, message: user("One", "m1") })).status).toBe(200);
  expect((await post(server, { id, message: user("Two", "m2"), trigger: "submit-message" })).status).toBe(200);
  expect((await historyOf(server, id)).map((one: Any) => one.role)).toEqual(["user", "assistant", "user", "assistant"]);
});

test("a reply that was cut says so", async () => {
  server.script.push(says({ text: "Well", finishReason: FinishReason.LENGTH }));
  const { chunks } = await post(server, { id: randomUUID(), messages: [user("Hi")] });
  expect(chunks.slice(-2)).toEqual([{ type: "finish", finishReason: "length" }, "[DONE]"]);
});

test("while the agent is silent the stream is open, and has comments", async () => {
  const { call, asked, goOn } = pauses([], [{ text: "Hello" }]);
  server.script.push(call);
  const response = await fetch(`${server.server.url}/api/chat`, {
    method: "POST",
    headers: { ...server.credential, "content-type": "application/json" },
    body: JSON.stringify({ id: randomUUID(), messages: [user("Hi")] }),
  });
  expect(response.status).toBe(200);
  await asked;
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if ((text.match(/^:$/gm)?.length ?? 0) > 1) goOn();
  }
  expect(text).toContain('"delta":"Hello"');
});

test("a plain message is stored as one, and one of another API is shown as one", async () => {
  const id = randomUUID();
  await post(server, { id, messages: [user("Hi", "m1")] });
  const { conversations } = await server.server
    .client(ConversationService, server.credential)
    .listConversations({ clientId: id });
  const conversationId = conversations[0]?.id ?? "";
  expect(conversations[0]).toMatchObject({ ownerId: "alice", agent: "default" });
  const messages = server.server.client(MessageService, server.credential);
  const stored = (await messages.listMessages({ conversationId })).messages;
  expect(stored.map(({ content, parts, clientId }) => ({ content, parts, clientId }))).toEqual([
    { content: "Hi", parts: [], clientId: "m1" },
    { content: "Hello", parts: [], clientId: "" },
  ]);
  const { message } = await messages.sendMessage({ conversationId, message: { content: "From elsewhere" } });
  expect((await historyOf(server, id)).at(-1)).toEqual({
    id: message?.id,
    role: "user",
    parts: [{ type: "text", text: "From elsewhere" }],
  });
  expect(await historyOf(server, conversationId)).toEqual(await historyOf(server, id));
});
