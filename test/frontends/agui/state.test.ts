// The state that a front end and its agent share over AG-UI, and what the front end's application knows.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import {
  aguiClient,
  ask,
  calls,
  eventsIn,
  input,
  postAgui,
  type Reply,
  replies,
  runAgui,
} from "../../support/fronts/agui.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../../support/services/agents.ts";

let server: IdentityServer;
let agent: FakeAgent;
let key: Credential;
beforeAll(async () => {
  agent = await startFakeAgent();
  server = await startIdentityServer({
    environment: { COLLOQUY_COMPAT: "agui,aisdk", COLLOQUY_AGENT_PRIVATE: "yes", COLLOQUY_HEARTBEAT: "1" },
  });
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  await server.client(AgentService, key).createAgent({ agent: { name: "default", connector } });
});
afterAll(async () => {
  await server.close();
  await agent.close();
});

const open = (threadId: string) => aguiClient(server.url, key, { threadId });

async function conversationOf(threadId: string) {
  const conversations = server.client(ConversationService, key);
  const { conversations: found } = await conversations.listConversations({ clientId: threadId });
  expect(found[0]?.stateJson ?? "", "lists leave it out").toBe("");
  const { conversation } = await conversations.getConversation({ conversationId: found[0]?.id ?? "" });
  return conversation;
}

const stored = async (threadId: string) => (await conversationOf(threadId))?.stateJson;

function data(name: string, value: unknown): Reply {
  return {
    piece: { case: "part", value: { content: { case: "data", value: { name, json: JSON.stringify(value) } } } },
  };
}

/** The events that tell of the state. */
function told(events: readonly { type: string }[]): unknown[] {
  return (events as { type: string; snapshot?: unknown; delta?: unknown }[])
    .filter(({ type }) => type.startsWith("STATE_"))
    .map(({ type, snapshot, delta }) => (type === "STATE_SNAPSHOT" ? { snapshot } : { delta }));
}

describe("the state of a thread", () => {
  test("is stored with a run, given to the agent, and there for whoever opens the thread", async () => {
    agent.answer = replies({ text: "Noted" });
    const threadId = randomUUID();
    const client = open(threadId);
    client.setState({ todo: ["water"], n: 12345678901234567000 });
    const { error, events } = await ask(client, "Hi", "u1");
    expect(error).toBeUndefined();
    expect(told(events)).toEqual([]);
    expect(await stored(threadId)).toBe('{"todo":["water"],"n":12345678901234567000}');
    expect(agent.calls.at(-1)?.request.stateJson).toBe('{"todo":["water"],"n":12345678901234567000}');

    const other = open(threadId);
    const opened = await runAgui(other);
    expect(opened.events.map(({ type }) => type)).toEqual([
      "RUN_STARTED",
      "STATE_SNAPSHOT",
      "MESSAGES_SNAPSHOT",
      "RUN_FINISHED",
    ]);
    expect(other.state).toEqual({ todo: ["water"], n: 12345678901234567000 });
  });

  test("is no change to the conversation that others would run into", async () => {
    agent.answer = replies({ text: "Noted" });
    const threadId = randomUUID();
    const client = open(threadId);
    await ask(client, "Hi", "u1");
    const before = await conversationOf(threadId);
    client.setState({ a: 1 });
    await ask(client, "More", "u2");
    const { conversation } = await server.client(ConversationService, key).updateConversation({
      conversationId: before?.id ?? "",
      conversation: { title: "Named", etag: before?.etag ?? "" },
      updateMask: { paths: ["title"] },
    });
    expect(conversation?.title).toBe("Named");
    expect(conversation?.stateJson).toBe('{"a":1}');
  });

  test("stays where a client that has none goes on, and that client is told of it", async () => {
    agent.answer = replies({ text: "Noted" });
    const threadId = randomUUID();
    const first = open(threadId);
    first.setState({ a: 1 });
    await ask(first, "Hi", "u1");
    const second = open(threadId);
    const { events } = await ask(second, "More", "u2");
    expect(told(events)).toEqual([{ snapshot: { a: 1 } }]);
    expect(second.state).toEqual({ a: 1 });
    expect(await stored(threadId)).toBe('{"a":1}');
  });

  test("is not stored where the run is refused", async () => {
    const going = Promise.withResolvers<void>();
    agent.answer = async function* () {
      yield { text: "Wait" };
      await going.promise;
    };
    const threadId = randomUUID();
    const client = open(threadId);
    const running = ask(client, "Hi", "u1");
    await expect.poll(async () => (await conversationOf(threadId))?.id).toBeTruthy();
    await expect.poll(() => agent.calls.at(-1)?.request.messages.at(-1)?.content).toBe("Hi");
    const posted = input({
      threadId,
      runId: "r2",
      messages: [{ id: "u2", role: "user", content: "Now" }],
      state: { a: 2 },
    });
    expect((await postAgui(server.url, posted, { ...key })).status).toBe(409);
    going.resolve();
    await running;
    expect(await stored(threadId)).toBe("");
  });

  test("is refused by name where it is larger than it may be", async () => {
    const messages = [{ id: "u1", role: "user" as const, content: "Hi" }];
    const posted = input({ threadId: randomUUID(), messages, state: { a: "x".repeat(256 * 1024) } });
    const { status, text } = await postAgui(server.url, posted, { ...key });
    expect([status, JSON.parse(text)]).toEqual([
      400,
      { code: "INVALID_FIELD", message: "state: must be at most 262144 bytes" },
    ]);
  });

  test("comes with the answers of a client's tool", async () => {
    agent.answer = async function* ({ messages }) {
      if (messages.at(-1)?.content === "Hi") yield calls("call-of-the-tool-0001", "look", "{}");
      else yield { text: "Seen" };
    };
    const threadId = randomUUID();
    const client = open(threadId);
    const tools = [{ name: "look", description: "", parameters: { type: "object" } }];
    await ask(client, "Hi", "u1", { tools });
    client.addMessage({ id: "t1", role: "tool", toolCallId: "call-of-the-tool-0001", content: "it blooms" });
    client.setState({ seen: true });
    const { error } = await runAgui(client, { tools });
    expect(error).toBeUndefined();
    expect(await stored(threadId)).toBe('{"seen":true}');
    expect(agent.calls.at(-1)?.request.stateJson).toBe('{"seen":true}');
    const other = open(threadId);
    await runAgui(other);
    expect(other.messages.find(({ role }) => role === "tool")?.id).toBe("call-of-the-tool-0001:result");
  });
});

describe("an agent that changes the state", () => {
  test("is followed by the client as it does, and by whoever comes later", async () => {
    agent.answer = replies(
      data("state", { list: ["a"] }),
      { text: "Working. " },
      data("state-delta", [{ op: "add", path: "/list/-", value: "b" }]),
      { text: "Done" },
    );
    const threadId = randomUUID();
    const client = open(threadId);
    const { events, error } = await ask(client, "Go", "u1");
    expect(error).toBeUndefined();
    expect(told(events)).toEqual([
      { snapshot: { list: ["a"] } },
      { delta: [{ op: "add", path: "/list/-", value: "b" }] },
    ]);
    expect(events.filter(({ type }) => type === "CUSTOM")).toEqual([]);
    expect(client.state).toEqual({ list: ["a", "b"] });
    expect(await stored(threadId)).toBe('{"list":["a","b"]}');
  });

  test.each([
    ["that does not fit", [{ op: "replace", path: "/none/x", value: 1 }]],
    ["that is none", { op: "add" }],
    ["that adds beyond a list's end", [{ op: "add", path: "/a/7", value: 1 }]],
    ["that makes it larger than it may be", [{ op: "add", path: "/b", value: "x".repeat(262_144) }]],
    [
      "that fails half way",
      [
        { op: "add", path: "/b", value: 1 },
        { op: "test", path: "/b", value: 2 },
      ],
    ],
    ["that would change what all objects share", [{ op: "add", path: "/__proto__/polluted", value: 1 }]],
    [
      "whose copies double",
      [
        { op: "add", path: "/a", value: ["x".repeat(1000)] },
        ...Array.from({ length: 60 }, () => ({ op: "copy", from: "/a", path: "/a/-" })),
      ],
    ],
  ])("keeps the state beside a patch %s", async (_, patch) => {
    agent.answer = replies({ text: "Hm. " }, data("state", { a: [] }), data("state-delta", patch), { text: "Done" });
    const threadId = randomUUID();
    const client = open(threadId);
    await ask(client, "Go", "u1");
    expect(await stored(threadId)).toBe('{"a":[]}');
    expect(client.state, "what the client was told of and the store did not take").toEqual({ a: [] });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("replaces the whole by a patch, also with something else than an object", async () => {
    agent.answer = replies({ text: "Hm" }, data("state-delta", [{ op: "replace", path: "", value: [1] }]));
    const threadId = randomUUID();
    await ask(open(threadId), "Go", "u1");
    expect(await stored(threadId)).toBe("[1]");
  });

  test("is told of by the state as it is stored to a client that takes up the run", async () => {
    const said = Promise.withResolvers<void>();
    const going = Promise.withResolvers<void>();
    agent.answer = async function* () {
      yield { text: "One" };
      yield data("state", { step: 1 });
      yield calls("call-of-the-agent-001", "own", "{}");
      said.resolve();
      await going.promise;
      yield { text: "Two" };
      yield data("state-delta", [{ op: "replace", path: "/step", value: 2 }]);
    };
    const threadId = randomUUID();
    const first = ask(open(threadId), "Go", "u1", { runId: "r1" });
    await said.promise;
    await expect.poll(async () => stored(threadId)).toBe('{"step":1}');
    const late = open(threadId);
    late.addMessage({ id: "u1", role: "user", content: "Go" });
    const second = runAgui(late, { runId: "r1" }, { onStateSnapshotEvent: () => going.resolve() });
    expect(told((await second).events)).toEqual([{ snapshot: { step: 1 } }, { snapshot: { step: 2 } }]);
    await first;
    expect(late.state).toEqual({ step: 2 });
  });
});

describe("the context of a run", () => {
  test("is given to the agent, with each call of the turn", async () => {
    agent.answer = replies({ text: "Good day" });
    const context = [{ description: "What the user sees", value: '{"page":"roses"}' }];
    await ask(open(randomUUID()), "Hi", "u1", { context });
    const { request } = agent.calls.at(-1) ?? {};
    expect(request?.context.map(({ description, value }) => ({ description, value }))).toEqual(context);
  });

  test("is refused by name where it is more than there may be", async () => {
    const messages = [{ id: "u1", role: "user" as const, content: "Hi" }];
    const context = [0, 1].map((n) => ({ description: `c${n}`, value: "x".repeat(200_000) }));
    const posted = input({ threadId: randomUUID(), messages, context });
    const { status, text } = await postAgui(server.url, posted, { ...key });
    expect([status, JSON.parse(text)]).toEqual([
      400,
      { code: "INVALID_FIELD", message: "context: must be at most 262144 bytes in all" },
    ]);
    expect(eventsIn(text)).toEqual([]);
  });
});
