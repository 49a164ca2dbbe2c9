// F-AGUI: what public reports say of back ends over AG-UI, each tried on ours.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageKind } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
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
} from "../support/fronts/agui.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../support/services/agents.ts";

const TOOL = { name: "locate", description: "Where the user is", parameters: { type: "object" } };

let server: IdentityServer;
let agent: FakeAgent;
let key: Credential;
beforeAll(async () => {
  agent = await startFakeAgent();
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "agui", COLLOQUY_AGENT_PRIVATE: "yes" } });
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  const agents = server.client(AgentService, key);
  await agents.createAgent({ agent: { name: "default", connector } });
  await agents.createAgent({
    agent: {
      name: "careful",
      connector,
      tools: [{ name: "pay", needsApproval: true, runs: { case: "client", value: {} } }],
    },
  });
});
afterAll(async () => {
  await server.close();
  await agent.close();
});

const open = (threadId: string = randomUUID(), more = {}) => aguiClient(server.url, key, { threadId, ...more });

async function entries(threadId: string) {
  const { conversations } = await server.client(ConversationService, key).listConversations({ clientId: threadId });
  const kinds = [MessageKind.MESSAGE, MessageKind.REASONING, MessageKind.TOOL_CALL, MessageKind.TOOL_RESULT];
  const request = { conversationId: conversations[0]?.id ?? "", kinds };
  return (await server.client(MessageService, key).listMessages(request)).messages;
}

test("F-AGUI-GROWTH (ag-ui#300, ag-ui#2054, CopilotKit#1969): a thread that is posted whole each time grows by what is new", async () => {
  agent.answer = replies({ text: "Yes" });
  const client = open();
  for (let i = 1; i <= 6; i++) await ask(client, `Question ${i}`, `u${i}`);
  expect((await entries(client.threadId)).length).toBe(12);
  expect(client.messages.length).toBe(12);
});

test("F-AGUI-RELOAD (CopilotKit#1881): a page that is opened again has the whole thread", async () => {
  agent.answer = replies(thinks("Hm"), { text: "Yes" });
  const client = open();
  await ask(client, "Hi", "u1");
  const page = open(client.threadId);
  await runAgui(page);
  expect(bodies(page.messages)).toEqual(bodies(client.messages));
});

test("F-AGUI-RESUME-TWICE (agent-framework#8140): a resumed run that posts its transcript stores nothing of it twice", async () => {
  agent.answer = async function* ({ messages }) {
    const done = messages.some(({ kind }) => kind === MessageKind.TOOL_RESULT);
    yield done ? { text: "Paid" } : calls("call_p1_0123456789abc", "pay");
  };
  const client = open(randomUUID(), { agent: "careful" });
  await ask(client, "Buy it", "u1");
  const [interrupt] = client.pendingInterrupts;
  await runAgui(client, { resume: [{ interruptId: interrupt?.id ?? "", status: "cancelled" }] });
  const page = open(client.threadId);
  await runAgui(page);
  expect(page.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
  expect(page.pendingInterrupts).toEqual([]);
});

test("F-AGUI-DETACHED (agent-framework#7230, agentscope-java#2715, ag-ui#1852, ag-ui#2105): a run outlives its line, and is taken up", async () => {
  const gate = Promise.withResolvers<void>();
  agent.answer = async function* () {
    yield { text: "One " };
    await gate.promise;
    yield { text: "two" };
  };
  const client = open();
  const running = ask(client, "Count", "u1", { runId: "r1" });
  await expect.poll(() => client.messages.length).toBe(2);
  client.abortRun();
  await running;
  const goOn = { onMessagesSnapshotEvent: () => gate.resolve() };
  const { events, error } = await runAgui(client, { runId: "r1" }, goOn);
  expect(error).toBeUndefined();
  expect(client.messages.at(-1)).toMatchObject({ content: "One two" });
  expect(told(events).filter((line) => line.startsWith("TEXT_MESSAGE_START")).length).toBe(1);
});

test("F-AGUI-PARENT (pydantic-ai#3316, pydantic-ai#7527): a call's parent is an assistant's message that comes back, in every step", async () => {
  agent.answer = replies(
    calls("call_c1_0123456789abc", "look"),
    gives("call_c1_0123456789abc", "blue"),
    { piece: { case: "step", value: {} } },
    { text: "And" },
    calls("call_c2_0123456789abc", "look"),
    gives("call_c2_0123456789abc", "red"),
  );
  const client = open();
  const { events } = await ask(client, "Look", "u1");
  const parents = events.flatMap((event) => ("parentMessageId" in event ? [event.parentMessageId] : []));
  const assistants = client.messages.filter(({ role }) => role === "assistant").map(({ id }) => id);
  expect(parents).toEqual(assistants);
  expect(client.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant", "tool"]);
  const before = (await entries(client.threadId)).length;
  agent.answer = replies({ text: "Fine" });
  await ask(client, "Thanks", "u2");
  expect((await entries(client.threadId)).length).toBe(before + 2);
});

test("F-AGUI-EMPTY (pydantic-ai#2687): no empty thoughts, no empty delta", async () => {
  agent.answer = replies(
    thinks(""),
    { piece: { case: "reasoningEnd", value: {} } },
    { text: "" },
    { text: "Yes" },
    { text: "" },
  );
  const { events } = await ask(open(), "Hi", "u1");
  expect(events.filter((event) => "delta" in event && event.delta === "")).toEqual([]);
  expect(told(events)).toEqual([
    "RUN_STARTED",
    "TEXT_MESSAGE_START",
    "TEXT_MESSAGE_CONTENT Yes",
    "TEXT_MESSAGE_END",
    'RUN_FINISHED "success"',
  ]);
});

test("F-AGUI-SIDE-BY-SIDE (CopilotKit#2587, CopilotKit#2481): calls whose arguments come by turns are told one after the other", async () => {
  const more = (callId: string, text: string) => ({ piece: { case: "arguments", value: { callId, text } } }) as const;
  agent.answer = replies(
    calls("call_c1_0123456789abc", "look", '{"a":'),
    calls("call_c2_0123456789abc", "look", '{"b":'),
    more("call_c1_0123456789abc", "1}"),
    more("call_c2_0123456789abc", "2}"),
    gives("call_c2_0123456789abc", "two"),
    gives("call_c1_0123456789abc", "one"),
  );
  const client = open();
  const { events, error } = await ask(client, "Look", "u1");
  expect(error).toBeUndefined();
  expect(told(events).filter((line) => line.startsWith("TOOL_CALL"))).toEqual([
    "TOOL_CALL_START call_c1_0123456789abc look",
    'TOOL_CALL_ARGS {"a":1}',
    "TOOL_CALL_END",
    "TOOL_CALL_START call_c2_0123456789abc look",
    'TOOL_CALL_ARGS {"b":2}',
    "TOOL_CALL_END",
    "TOOL_CALL_RESULT call_c2_0123456789abc two",
    "TOOL_CALL_RESULT call_c1_0123456789abc one",
  ]);
});

test("F-AGUI-OPEN (CopilotKit#6044): what is open when an agent breaks off is closed first", async () => {
  agent.answer = async function* () {
    yield { text: "I look" };
    yield calls("call_c1_0123456789abc", "look", '{"a":');
    throw new Error("out of order");
  };
  const client = open();
  const { events } = await ask(client, "Look", "u1");
  const opened = events.filter(({ type }) => /_START$/.test(type)).length;
  expect(events.filter(({ type }) => /_END$/.test(type)).length).toBe(opened);
  expect(events.at(-1)?.type).toBe("RUN_ERROR");
});

describe("a tool of the client", () => {
  async function waiting() {
    agent.answer = async function* ({ messages }) {
      const result = messages.findLast(({ kind }) => kind === MessageKind.TOOL_RESULT);
      yield result === undefined ? calls("call_c1_0123456789abc", "locate") : { text: "I see" };
    };
    const client = open();
    const ran = await ask(client, "Where am I?", "u1", { tools: [TOOL] });
    return { client, ran };
  }

  test("F-AGUI-PENDING (assistant-ui#6500): is named as pending where the run ends as a success", async () => {
    expect((await waiting()).ran.events.at(-1)).toMatchObject({
      outcome: { type: "success", pendingToolCallIds: ["call_c1_0123456789abc"] },
    });
  });

  test("F-AGUI-SNAPSHOT (CopilotKit#6294): keeps its one result, in its place, through a snapshot", async () => {
    const { client } = await waiting();
    client.addMessage({ id: "t1", role: "tool", toolCallId: "call_c1_0123456789abc", content: "Berlin" });
    await runAgui(client);
    await ask(client, "Thanks", "u2");
    await runAgui(client);
    expect(client.messages.map(({ id, role }) => (role === "tool" ? id : role))).toEqual([
      "user",
      "assistant",
      "t1",
      "assistant",
      "user",
      "assistant",
    ]);
  });

  test("F-AGUI-RESULT-TWICE (agno#5191): that is posted twice with one call id is stored once", async () => {
    const { client } = await waiting();
    client.addMessage({ id: "t1", role: "tool", toolCallId: "call_c1_0123456789abc", content: "Berlin" });
    client.addMessage({ id: "t2", role: "tool", toolCallId: "call_c1_0123456789abc", content: "Berlin" });
    expect((await runAgui(client)).error).toBeUndefined();
    expect((await entries(client.threadId)).filter(({ kind }) => kind === MessageKind.TOOL_RESULT).length).toBe(1);
  });

  test("F-AGUI-UNPAIRED (CopilotKit#2504): that nobody answers leaves no call without a result for the next request", async () => {
    const { client } = await waiting();
    await ask(client, "Never mind", "u2");
    const sent = agent.calls.at(-1)?.request.messages ?? [];
    const ids = (kind: "toolCall" | "toolResult") =>
      sent.flatMap(({ parts }) =>
        parts.flatMap(({ content }) => (content.case === kind ? [content.value.callId] : [])),
      );
    expect(ids("toolResult")).toEqual(ids("toolCall"));
    expect(ids("toolCall")).toEqual(["call_c1_0123456789abc"]);
  });
});

test("F-AGUI-SAME-ID: an agent that numbers its calls from 0 in each turn has two calls in two turns", async () => {
  agent.answer = replies(calls("call_0", "look", '{"at":1}'), gives("call_0", "blue"), { text: "Blue" });
  const client = open();
  await ask(client, "Look", "u1");
  agent.answer = replies(calls("call_0", "look", '{"at":2}'), gives("call_0", "red"), { text: "Red" });
  expect((await ask(client, "Look again", "u2")).error).toBeUndefined();
  const made = client.messages.flatMap((one) => (one.role === "assistant" ? (one.toolCalls ?? []) : []));
  expect(made.map((call) => call.function.arguments)).toEqual(['{"at":1}', '{"at":2}']);
  expect(client.messages.flatMap((one) => (one.role === "tool" ? [one.content] : []))).toEqual(["blue", "red"]);
  const page = open(client.threadId);
  await runAgui(page);
  expect(bodies(page.messages)).toEqual(bodies(client.messages));
});

test("F-AGUI-CUT-TEXT (dam#933): what came before a failure stays, here and after a reload", async () => {
  agent.answer = async function* () {
    yield { text: "Half an answer" };
    throw new Error("out of order");
  };
  const client = open();
  await ask(client, "Hi", "u1");
  const page = open(client.threadId);
  await runAgui(page);
  for (const { messages } of [client, page]) expect(messages.at(-1)).toMatchObject({ content: "Half an answer" });
});

test("F-AGUI-NULLS: clients in other languages send null for what is not there", async () => {
  agent.answer = replies({ text: "Yes" });
  const message = { id: "u1", role: "user", content: "Hi", name: null, metadata: null, encryptedValue: null };
  const nulls = { tools: null, context: null, state: null, forwardedProps: null, resume: null, parentRunId: null };
  const answer = await postAgui(
    server.url,
    { ...input({ threadId: randomUUID() }), ...nulls, messages: [message] },
    key,
  );
  expect([answer.status, eventsIn(answer.text).at(-1).type]).toEqual([200, "RUN_FINISHED"]);
  expect(answer.text).not.toContain("null");
});

test("F-AGUI-CLEAN: the client strips nothing and warns of nothing", async () => {
  const warnings = vi.spyOn(console, "warn").mockImplementation(() => {});
  agent.answer = replies(
    thinks("Hm"),
    { text: "Yes" },
    calls("call_c1_0123456789abc", "look", "{}"),
    gives("call_c1_0123456789abc", "blue"),
  );
  const client = open();
  await ask(client, "Hi", "u1");
  await runAgui(open(client.threadId));
  expect(warnings.mock.calls).toEqual([]);
});
