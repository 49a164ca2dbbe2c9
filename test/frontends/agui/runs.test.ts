// Runs over AG-UI, by its own client: what is streamed, stored, and read again.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import {
  aguiClient,
  ask,
  bodies,
  calls,
  eventsIn,
  gives,
  input,
  postAgui,
  replies,
  runAgui,
  thinks,
  told,
} from "../../support/fronts/agui.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../../support/services/agents.ts";

let server: IdentityServer;
let agent: FakeAgent;
let key: Credential;
beforeAll(async () => {
  agent = await startFakeAgent();
  server = await startIdentityServer({
    environment: { COLLOQUY_COMPAT: "agui", COLLOQUY_AGENT_PRIVATE: "yes", COLLOQUY_HEARTBEAT: "1" },
  });
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  const agents = server.client(AgentService, key);
  await agents.createAgent({ agent: { name: "default", connector } });
  await agents.createAgent({ agent: { name: "other", connector } });
});
beforeEach(() => {
  agent.answer = async function* () {
    yield { text: "Good " };
    yield { text: "day" };
  };
});
afterAll(async () => {
  await server.close();
  await agent.close();
});

const open = (threadId: string = randomUUID(), more = {}) => aguiClient(server.url, key, { threadId, ...more });

/** What a client that knows nothing is sent of a thread. */
async function reload(threadId: string) {
  const client = open(threadId);
  const { error } = await runAgui(client);
  expect(error).toBeUndefined();
  return bodies(client.messages);
}

async function stored(threadId: string): Promise<string[]> {
  const { conversations } = await server.client(ConversationService, key).listConversations({ clientId: threadId });
  const conversationId = conversations[0]?.id ?? "";
  if (conversationId === "") return [];
  const { messages } = await server.client(MessageService, key).listMessages({ conversationId });
  return messages.map(({ content }) => content);
}

describe("a run", () => {
  test("streams the reply in the order that the client enforces, and is history afterwards", async () => {
    const client = open();
    const { events, error } = await ask(client, "Hi", "u1", { runId: "r1" });
    expect(error).toBeUndefined();
    expect(told(events)).toEqual([
      "RUN_STARTED",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT Good day",
      "TEXT_MESSAGE_END",
      'RUN_FINISHED "success"',
    ]);
    expect(events[0]).toMatchObject({ threadId: client.threadId, runId: "r1", protocolVersion: "1.0" });
    expect(bodies(client.messages)).toEqual([
      { id: "u1", role: "user", content: "Hi" },
      { id: expect.any(String), role: "assistant", content: "Good day" },
    ]);
    expect(await reload(client.threadId)).toEqual(bodies(client.messages));
  });

  test("tells what an agent refuses in its words, and a reload tells the same", async () => {
    for (const before of [[], [{ text: "Sorry." }]]) {
      const refusal = { case: "refusal", value: { text: "I may not do that." } } as const;
      agent.answer = replies(...before, { piece: { case: "part", value: { content: refusal } } });
      const client = open();
      const { error } = await ask(client, "Do it", "u1");
      expect(error).toBeUndefined();
      const content = [...before.map(({ text }) => text), "I may not do that."].join("\n");
      expect(bodies(client.messages).at(-1)).toMatchObject({ role: "assistant", content });
      expect(await reload(client.threadId)).toEqual(bodies(client.messages));
    }
  });

  test("that is posted several times at once is one turn, told to each of them", async () => {
    for (let round = 0; round < 8; round++) {
      const threadId = randomUUID();
      await ask(open(threadId), "Hi", "u1");
      const messages = [{ id: "u2", role: "user" as const, content: "Again" }];
      const posts = Array.from({ length: 6 }, () => runAgui(open(threadId, { messages: structuredClone(messages) })));
      for (const { error } of await Promise.all(posts)) expect(error).toBeUndefined();
      expect(await stored(threadId)).toEqual(["Hi", "Good day", "Again", "Good day"]);
    }
  });

  test("goes on in a thread with what is new, whatever else it posts", async () => {
    const client = open();
    await ask(client, "Hi", "u1");
    const forged = client.messages.map((message) => ({ ...message, content: "forged" }));
    client.setMessages([{ id: "s", role: "assistant", content: "never said" }, ...forged] as never);
    agent.answer = async function* ({ messages }) {
      yield { text: messages.map(({ content }) => content).join("|") };
    };
    await ask(client, "And now?", "u2");
    expect(client.messages.at(-1)).toMatchObject({ content: "Hi|Good day|And now?" });
    expect(await stored(client.threadId)).toEqual(["Hi", "Good day", "And now?", "Hi|Good day|And now?"]);
  });

  test("streams thoughts, calls and results of the agent, and a reload is the same to the letter", async () => {
    agent.answer = replies(
      thinks("Let me "),
      thinks("see\n\nAnd hear"),
      { piece: { case: "reasoningEnd", value: { summary: ["Let me see", "And hear"] } } },
      { text: "I look." },
      calls("call_c1_0123456789abc", "look", '{"at"'),
      { piece: { case: "arguments", value: { callId: "call_c1_0123456789abc", text: ':"sky"}' } } },
      calls("call_c2_0123456789abc", "hear"),
      gives("call_c1_0123456789abc", "blue"),
      gives("call_c2_0123456789abc", "birds"),
      { piece: { case: "step", value: {} } },
      { piece: { case: "usage", value: { inputTokens: 7n, outputTokens: 3n, model: "m1" } } },
      { text: "Blue." },
    );
    const client = open();
    const { events, error } = await ask(client, "Look", "u1");
    expect(error).toBeUndefined();
    expect(told(events)).toEqual([
      "RUN_STARTED",
      "REASONING_START",
      "REASONING_MESSAGE_START",
      "REASONING_MESSAGE_CONTENT Let me see\n\nAnd hear",
      "REASONING_MESSAGE_END",
      "REASONING_END",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT I look.",
      "TEXT_MESSAGE_END",
      "TOOL_CALL_START call_c1_0123456789abc look",
      'TOOL_CALL_ARGS {"at":"sky"}',
      "TOOL_CALL_END",
      "TOOL_CALL_START call_c2_0123456789abc hear",
      "TOOL_CALL_END",
      "TOOL_CALL_RESULT call_c1_0123456789abc blue",
      "TOOL_CALL_RESULT call_c2_0123456789abc birds",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT Blue.",
      "TEXT_MESSAGE_END",
      'RUN_FINISHED "success"',
    ]);
    expect(events.at(-1)).toMatchObject({
      usage: [{ model: "m1", inputTokens: 7, outputTokens: 3, totalTokens: 10 }],
    });
    const [, thoughts, spoken, blue, birds, end] = client.messages;
    expect(bodies([thoughts, spoken, blue, birds, end] as never)).toEqual([
      { id: expect.any(String), role: "reasoning", content: "Let me see\n\nAnd hear" },
      {
        id: expect.any(String),
        role: "assistant",
        content: "I look.",
        toolCalls: [
          { id: "call_c1_0123456789abc", type: "function", function: { name: "look", arguments: '{"at":"sky"}' } },
          { id: "call_c2_0123456789abc", type: "function", function: { name: "hear", arguments: "" } },
        ],
      },
      { id: expect.any(String), role: "tool", toolCallId: "call_c1_0123456789abc", content: "blue" },
      { id: expect.any(String), role: "tool", toolCallId: "call_c2_0123456789abc", content: "birds" },
      { id: expect.any(String), role: "assistant", content: "Blue." },
    ]);
    expect(await reload(client.threadId)).toEqual(bodies(client.messages));
  });

  test("gives back images and files as they were sent", async () => {
    const client = open();
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image", source: { type: "data", value: Buffer.from("png").toString("base64"), mimeType: "image/png" } },
      { type: "image", source: { type: "url", value: "https://example.com/a" } },
      { type: "document", source: { type: "file", value: "file-1", provider: "openai" }, metadata: { page: 3 } },
    ];
    client.addMessage({ id: "u1", role: "user", content, metadata: { from: "phone" } } as never);
    expect((await runAgui(client)).error).toBeUndefined();
    expect((await reload(client.threadId))[0]).toEqual({
      id: "u1",
      role: "user",
      content,
      metadata: { from: "phone" },
    });
  });

  test("with nothing new sends the thread and asks no agent", async () => {
    const client = open();
    await ask(client, "Hi", "u1");
    const asked = agent.calls.length;
    const { events, error } = await runAgui(open(client.threadId));
    expect(error).toBeUndefined();
    expect(told(events)).toEqual(["RUN_STARTED", "MESSAGES_SNAPSHOT", 'RUN_FINISHED "success"']);
    expect(told((await runAgui(client)).events)).toEqual([
      "RUN_STARTED",
      "MESSAGES_SNAPSHOT",
      'RUN_FINISHED "success"',
    ]);
    expect(agent.calls.length).toBe(asked);
  });

  test("of a thread that nobody has begun is empty, and begins none", async () => {
    const client = open();
    client.setMessages([{ id: "g", role: "assistant", content: "How can I help?" }]);
    const { events } = await runAgui(client);
    expect(told(events)).toEqual(["RUN_STARTED", 'RUN_FINISHED "success"']);
    expect(bodies(client.messages)).toHaveLength(1);
    expect(await stored(client.threadId)).toEqual([]);
  });

  test("takes a conversation by its UUID too, with messages of others in it", async () => {
    const { conversation } = await server
      .client(ConversationService, key)
      .createConversation({ conversation: { agent: "default" }, messages: [{ content: "From elsewhere" }] });
    const client = open(conversation?.id ?? "");
    await runAgui(client);
    expect(bodies(client.messages)).toEqual([{ id: expect.any(String), role: "user", content: "From elsewhere" }]);
    await ask(client, "Hi", "u1");
    expect(await reload(client.threadId)).toEqual(bodies(client.messages));
    expect(bodies(client.messages).length).toBe(3);
  });

  test("gives the agent that it names to a conversation that has none", async () => {
    const { conversation } = await server.client(ConversationService, key).createConversation({});
    const client = open(conversation?.id ?? "", { agent: "other" });
    await ask(client, "Hi", "u1");
    expect(agent.calls.at(-1)?.request.agentName).toBe("other");
    const nobody = open((await server.client(ConversationService, key).createConversation({})).conversation?.id ?? "", {
      agent: "nobody",
    });
    expect((await ask(nobody, "Hi", "u1")).error).toMatchObject({ status: 404 });
  });

  test("is done by the agent of the thread, once it has one", async () => {
    const threadId = randomUUID();
    await ask(open(threadId, { agent: "other" }), "Hi", "u1");
    const client = open(threadId);
    await runAgui(client);
    await ask(client, "Hi", "u2");
    expect(agent.calls.slice(-2).map(({ request }) => request.agentName)).toEqual(["other", "other"]);
  });

  test("that fails says why, keeps the text, and says so again to who asks again", async () => {
    agent.answer = async function* () {
      yield { text: "Well" };
      throw new Error("out of order");
    };
    const client = open();
    const { events } = await ask(client, "Hi", "u1");
    const failed = "RUN_ERROR AGENT_FAILED: ";
    expect(told(events).slice(0, -1)).toEqual([
      "RUN_STARTED",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT Well",
      "TEXT_MESSAGE_END",
    ]);
    expect(told(events).at(-1)).toContain(failed);
    expect(bodies(client.messages).at(-1)).toMatchObject({ role: "assistant", content: "Well" });
    expect(told((await runAgui(client)).events).at(-1)).toContain(failed);
    // Whoever opens the thread does not want to know.
    expect(told((await runAgui(open(client.threadId))).events).at(-1)).toBe('RUN_FINISHED "success"');
  });

  test("that was cancelled says so", async () => {
    const begun = Promise.withResolvers<void>();
    agent.answer = async function* (_, signal) {
      yield { text: "Well" };
      begun.resolve();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("cancelled"))));
    };
    const client = open();
    const running = ask(client, "Hi", "u1");
    await begun.promise;
    const turns = server.client(TurnService, key);
    const { conversations } = await server
      .client(ConversationService, key)
      .listConversations({ clientId: client.threadId });
    const [turn] = (await turns.listTurns({ conversationId: conversations[0]?.id ?? "" })).turns;
    await turns.cancelTurn({ turnId: turn?.id ?? "" });
    expect(told((await running).events).at(-1)).toBe('RUN_FINISHED "cancelled"');
    expect(told((await runAgui(client)).events).at(-1)).toBe('RUN_FINISHED "cancelled"');
  });

  test("is kept alive by comments while the agent is silent", async () => {
    const silent = Promise.withResolvers<void>();
    agent.answer = async function* () {
      await silent.promise;
      yield { text: "Now" };
    };
    const message = { id: "u1", role: "user" as const, content: "Hi" };
    const response = await fetch(`${server.url}/agui/default`, {
      method: "POST",
      headers: { ...key, "content-type": "application/json" },
      body: JSON.stringify(input({ threadId: randomUUID(), messages: [message] })),
    });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    });
    let text = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      if (/^:\n\n/m.test(text)) silent.resolve();
    }
    expect(eventsIn(text).map(({ type }) => type)).toEqual([
      "RUN_STARTED",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT",
      "TEXT_MESSAGE_END",
      "RUN_FINISHED",
    ]);
  });
});

describe("what a run refuses is JSON with the reason and the rule", () => {
  const refusals: [string, unknown, number, object][] = [
    ["no JSON", "{", 400, { code: "MALFORMED_BODY", message: expect.stringContaining("must be JSON") }],
    ["no thread", { runId: "r" }, 400, { code: "INVALID_FIELD", message: "threadId: is missing" }],
    ["a list", [], 400, { code: "INVALID_FIELD", message: "body: must be an object" }],
    [
      "a thread's id without end",
      input({ threadId: "x".repeat(129) }),
      400,
      { code: "INVALID_FIELD", message: "threadId: must have 1 to 128 characters" },
    ],
    [
      "a message without an id",
      input({ threadId: "new", messages: [{ role: "user", content: "Hi" } as never] }),
      400,
      { code: "INVALID_FIELD", message: "messages[0].id: is missing" },
    ],
    [
      "a message of a role that is none",
      input({ threadId: "new", messages: [{ id: "u", role: "king", content: "Hi" } as never] }),
      400,
      {
        code: "INVALID_FIELD",
        message: "messages[0].role: must be one of user, system, developer, assistant, tool, reasoning, activity",
      },
    ],
    [
      "content that is none",
      input({ threadId: "new", messages: [{ id: "u", role: "user", content: 7 } as never] }),
      400,
      { code: "INVALID_FIELD", message: "messages[0].content: must be a string or an array of parts" },
    ],
    [
      "a part of no kind",
      input({ threadId: "new", messages: [{ id: "u", role: "user", content: [{ type: "smell" }] } as never] }),
      400,
      { code: "INVALID_FIELD", message: "messages[0].content[0].type: must be text, image, audio, video, document" },
    ],
    [
      "a tool whose name no model takes",
      input({
        threadId: "tool",
        messages: [{ id: "u", role: "user", content: "x" }],
        tools: [{ name: "a b", description: "" }],
      }),
      400,
      { code: "INVALID_FIELD", message: expect.stringMatching(/^tools\[0\]\.name: /) },
    ],
    [
      "text that is too long",
      input({ threadId: "long", messages: [{ id: "u", role: "user", content: "x".repeat(262_145) }] }),
      400,
      { code: "INVALID_FIELD", message: expect.stringMatching(/^messages\[0\]\.content: /) },
    ],
  ];
  test.each(refusals)("%s", async (_, body, status, error) => {
    const answer = await postAgui(server.url, body, key);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, error]);
  });

  test("an agent that is not there, for a new thread", async () => {
    const answer = await postAgui(server.url, input({ threadId: "never" }), key, "/agui/nobody");
    expect([answer.status, JSON.parse(answer.text)]).toEqual([404, { code: "NOT_FOUND", message: "agent not found" }]);
    expect(await stored("never")).toEqual([]);
  });

  test("no credential", async () => {
    const answer = await postAgui(server.url, input());
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([401, "CREDENTIAL_MISSING"]);
  });

  test("a choice that there is not", async () => {
    const answer = await postAgui(server.url, input(), key, "/agui/default?ifRunning=wait");
    expect([answer.status, JSON.parse(answer.text).message]).toEqual([
      400,
      "ifRunning: must be reject, queue or interrupt",
    ]);
  });
});

test("entries of other kinds do not stand in the way", async () => {
  const client = open();
  await ask(client, "Hi", "u1");
  const { conversations } = await server
    .client(ConversationService, key)
    .listConversations({ clientId: client.threadId });
  const conversationId = conversations[0]?.id ?? "";
  await server.client(MessageService, key).sendMessage({
    conversationId,
    message: {
      kind: MessageKind.ITEM,
      parts: [{ content: { case: "opaque", value: { format: "x", json: "{}" } } }],
    },
  });
  expect(await reload(client.threadId)).toEqual(bodies(client.messages));
});
