// ask_agent: a turn of the one engine, followed over MCP.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { MCP_CLIENTS, type McpClient, type Progress, postMcp, toolCall } from "../../support/fronts/mcp.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../../support/services/agents.ts";
import { startCuttingProxy } from "../../support/services/cutting-proxy.ts";

let server: IdentityServer;
let agent: FakeAgent;
let key: Credential;
beforeAll(async () => {
  agent = await startFakeAgent();
  server = await startIdentityServer({
    environment: { COLLOQUY_COMPAT: "mcp", COLLOQUY_AGENT_PRIVATE: "yes", COLLOQUY_HEARTBEAT: "1" },
  });
  const tenant = await server.tenant();
  key = (await tenant.key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  await server.client(AgentService, key).createAgent({ agent: { name: "default", connector } });
});
afterEach(() => {
  agent.answer = async function* () {
    yield { text: "Hello" };
  };
});
afterAll(async () => {
  await server.close();
  await agent.close();
});

describe.each(MCP_CLIENTS)("%s", (_, connect) => {
  let client: McpClient;
  beforeAll(async () => {
    client = await connect(server.url, key);
  });
  afterAll(() => client.close());

  test("gets the reply of the conversation's agent, and its text as it comes", async () => {
    const told = Promise.withResolvers<void>();
    agent.answer = async function* () {
      yield { text: "Good " };
      await told.promise;
      yield { text: "day" };
    };
    const conversationId = await conversation();
    const heard: Progress[] = [];
    const answer = await client.call("ask_agent", { conversationId, text: "Hi" }, (progress) => {
      heard.push(progress);
      if (progress.message === "Good ") told.resolve();
    });
    expect(answer.structuredContent).toEqual({
      reply: {
        id: expect.any(String),
        seq: expect.any(Number),
        role: "assistant",
        sender: expect.stringMatching(/^agent:/),
        text: "Good day",
        createTime: expect.any(String),
      },
      turn: { id: expect.any(String), state: "complete", finishReason: "stop" },
    });
    expect(heard.map(({ message = "" }) => message).join("")).toBe("Good day");
    const numbers = heard.map(({ progress }) => progress);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  test("asks once, however often it repeats", async () => {
    const conversationId = await conversation();
    const calls = agent.calls.length;
    const requestId = randomUUID();
    const ask = () => client.call("ask_agent", { conversationId, text: "Hi", requestId });
    const [first, second] = [await ask(), await ask()];
    expect(second.structuredContent).toEqual(first.structuredContent);
    expect(agent.calls.length).toBe(calls + 1);
    expect(await textsOf(conversationId)).toEqual(["Hi", "Hello"]);
  });

  test("is told why the agent failed, and its message stays", async () => {
    agent.answer = async function* () {
      yield { text: "Well" };
      throw new Error("out of order");
    };
    const conversationId = await conversation();
    const answer = await client.call("ask_agent", { conversationId, text: "Hi" });
    expect(answer.isError).toBe(true);
    expect(answer.content[0]?.text).toMatch(/^AGENT_FAILED: /);
    expect(await textsOf(conversationId)).toEqual(["Hi", "Well"]);
  });

  test("is told of another turn that runs, and nothing is stored", async () => {
    const { conversationId, end, first } = await waiting(client);
    const second = await client.call("ask_agent", { conversationId, text: "me too" });
    expect(second.content[0]?.text).toBe(
      "TURN_IN_PROGRESS: another turn is running in the conversation; retry after 1 s",
    );
    end();
    expect((await first).structuredContent.turn.state).toBe("complete");
    expect(await textsOf(conversationId)).toEqual(["Hi", "Hello"]);
  });

  test("is told what the agent waits for, and gets the reply once others have brought that", async () => {
    const lookup = { name: "lookup", description: "Looks up" };
    const name = `waits-${randomUUID()}`;
    await server.client(AgentService, key).createAgent({
      agent: { name, connector: { case: "connect", value: { baseUrl: agent.url } }, tools: [lookup] },
    });
    agent.answer = async function* ({ messages }) {
      const result = messages.at(-1)?.parts[0]?.content;
      if (result?.case === "toolResult") yield { text: `Found: ${result.value.output.value}` };
      else yield { piece: { case: "toolCall", value: { callId: "c1", name: "lookup", arguments: "{}" } } };
    };
    const conversationId = await conversation(name);
    const requestId = randomUUID();
    const ask = () => client.call("ask_agent", { conversationId, text: "Hi", requestId });
    const { turn } = (await ask()).structuredContent;
    expect(turn).toEqual({
      id: expect.any(String),
      state: "input_required",
      awaited: [{ callId: "c1", tool: "lookup", waitsFor: "result" }],
      waitsUntil: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect((await ask()).structuredContent.turn).toEqual(turn);
    await server.client(TurnService, key).answerTurn({
      turnId: turn.id,
      results: [{ callId: "c1", output: { case: "text", value: "it" } }],
    });
    const { reply, turn: ended } = (await ask()).structuredContent;
    expect([reply.text, ended.state]).toEqual(["Found: it", "complete"]);
  });

  test("F-MCP-WAITS: ends a turn that waits, where it says something else", async () => {
    const name = `waits-${randomUUID()}`;
    await server.client(AgentService, key).createAgent({
      agent: { name, connector: { case: "connect", value: { baseUrl: agent.url } }, tools: [{ name: "lookup" }] },
    });
    agent.answer = async function* ({ messages }) {
      if (messages.at(-1)?.content === "never mind") yield { text: "Well then." };
      else yield { piece: { case: "toolCall", value: { callId: "c1", name: "lookup", arguments: "{}" } } };
    };
    const conversationId = await conversation(name);
    const { turn } = (await client.call("ask_agent", { conversationId, text: "Hi" })).structuredContent;
    expect(turn.state).toBe("input_required");
    const other = await client.call("ask_agent", { conversationId, text: "never mind" });
    expect(other.structuredContent?.reply?.text ?? other.content[0]?.text).toBe("Well then.");
    const first = await server.client(TurnService, key).getTurn({ turnId: turn.id });
    expect(first.turn?.state).toBe(TurnState.CANCELLED);
  });

  test("is told that there is no such agent", async () => {
    const conversationId = await conversation("nobody");
    const answer = await client.call("ask_agent", { conversationId, text: "Hi" });
    expect(answer.content[0]?.text).toBe("UNKNOWN_REFERENCE: agent: names no registered agent");
    expect(await textsOf(conversationId)).toEqual([]);
  });
});

describe.each(MCP_CLIENTS)("%s that is cut off", (_, connect) => {
  test("does not stop the turn, and waits for it again with the same request id", async () => {
    await using stack = new AsyncDisposableStack();
    const proxy = stack.adopt(await startCuttingProxy(() => server.url), (one) => one.close());
    const client = stack.adopt(await connect(proxy.url, key), (one) => one.close());
    const requestId = randomUUID();
    const { conversationId, end } = await waiting(client, requestId);
    const calls = agent.calls.length;
    proxy.cut();
    expect(agent.calls.at(-1)?.signal.aborted).toBe(false);
    const other = stack.adopt(await connect(server.url, key), (one) => one.close());
    const again = other.call("ask_agent", { conversationId, text: "Hi", requestId }, () => end());
    expect((await again).structuredContent.reply.text).toBe("Hello");
    expect(agent.calls.length).toBe(calls);
    expect(await textsOf(conversationId)).toEqual(["Hi", "Hello"]);
  });
});

test("F-MCP-PROGRESS: a silent agent's stream has comments, and progress for those who asked for it", async () => {
  const reading = Promise.withResolvers<void>();
  agent.answer = async function* () {
    await reading.promise;
    yield { text: "Hello" };
  };
  const conversationId = await conversation();
  const body = toolCall("ask_agent", { conversationId, text: "Hi" });
  const response = await fetch(new URL("/mcp", server.url), {
    method: "POST",
    headers: { ...key, "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: JSON.stringify({ ...body, params: { ...body.params, _meta: { progressToken: 0 } } }),
  });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (/^:/m.test(text) && (text.match(/"progressToken":0/g)?.length ?? 0) > 1) reading.resolve();
  }
  expect(text).toContain('"text":"Hello"');
});

test("a client that takes JSON alone gets the answer as JSON", async () => {
  const conversationId = await conversation();
  const { headers, messages } = await postMcp(server.url, toolCall("ask_agent", { conversationId, text: "Hi" }), {
    ...key,
    accept: "application/json",
  });
  expect(headers.get("content-type")).toBe("application/json");
  expect(messages[0].result.structuredContent.reply.text).toBe("Hello");
});

/** A turn whose agent answers when `end` is called; resolves once it is asked. */
async function waiting(client: McpClient, requestId: string = randomUUID()) {
  const [asked, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  agent.answer = async function* () {
    asked.resolve();
    await told.promise;
    yield { text: "Hello" };
  };
  const conversationId = await conversation();
  const first = client.call("ask_agent", { conversationId, text: "Hi", requestId });
  first.catch(() => {});
  await asked.promise;
  return { conversationId, first, end: () => told.resolve() };
}

async function conversation(name = "default"): Promise<string> {
  const answer = await server.client(ConversationService, key).createConversation({ conversation: { agent: name } });
  return answer.conversation?.id ?? "";
}

async function textsOf(conversationId: string): Promise<string[]> {
  const { messages } = await server.client(MessageService, key).listMessages({ conversationId });
  return messages.map(({ content }) => content);
}
