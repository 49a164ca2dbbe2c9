// What a run over AG-UI waits for: calls of the client's own tools, and approvals.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Message } from "@ag-ui/client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import {
  aguiClient,
  ask,
  bodies,
  calls,
  postAgui,
  type Reply,
  replies,
  runAgui,
  told,
} from "../../support/fronts/agui.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../../support/services/agents.ts";

const TOOL = { name: "locate", description: "Where the user is", parameters: { type: "object", properties: {} } };

let server: IdentityServer;
let agent: FakeAgent;
let key: Credential;
/** What the tool over HTTP was given. */
const paid: unknown[] = [];
const shop = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  paid.push(JSON.parse(body));
  response.setHeader("content-type", "application/json").end('{"paid":true}');
});
beforeAll(async () => {
  await new Promise<void>((resolve) => shop.listen(0, "127.0.0.1", resolve));
  agent = await startFakeAgent();
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "agui", COLLOQUY_AGENT_PRIVATE: "yes" } });
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
  const url = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`;
  await server.client(AgentService, key).createAgent({
    agent: {
      name: "default",
      connector: { case: "connect", value: { baseUrl: agent.url } },
      tools: [{ name: "pay", needsApproval: true, runs: { case: "http", value: { url } } }],
    },
  });
});
beforeEach(() => {
  paid.length = 0;
});
afterAll(async () => {
  await server.close();
  await agent.close();
  shop.close();
});

const open = (threadId: string = randomUUID()) => aguiClient(server.url, key, { threadId });

/** An agent that calls a tool, and then says what it was given. */
function callsThenTells(...pieces: readonly Reply[]) {
  agent.answer = async function* ({ messages }, signal) {
    const results = messages.flatMap(({ parts }) =>
      parts.flatMap(({ content }) => (content.case === "toolResult" ? [content.value] : [])),
    );
    if (results.length === 0) yield* replies(...pieces)();
    else yield { text: results.map(({ output, isError }) => `${isError ? "!" : ""}${output.value}`).join(" and ") };
    signal.throwIfAborted();
  };
}

async function reload(threadId: string): Promise<readonly Message[]> {
  const client = open(threadId);
  await runAgui(client);
  return client.messages;
}

function withoutIds(messages: readonly Message[]): unknown[] {
  return bodies(messages).map((message) => ({ ...(message as object), id: "" }));
}

describe("a tool of the client", () => {
  test("ends the run as pending, and its result goes on with it", async () => {
    callsThenTells({ text: "Wait." }, calls("call_c1_0123456789abc", "locate", "{}"));
    const client = open();
    const first = await ask(client, "Where am I?", "u1", { tools: [TOOL] });
    expect(first.error).toBeUndefined();
    expect(told(first.events).slice(-4)).toEqual([
      "TOOL_CALL_START call_c1_0123456789abc locate",
      "TOOL_CALL_ARGS {}",
      "TOOL_CALL_END",
      'RUN_FINISHED "success"',
    ]);
    expect(first.events.at(-1)).toMatchObject({
      outcome: { type: "success", pendingToolCallIds: ["call_c1_0123456789abc"] },
    });
    expect(agent.calls.at(-1)?.request.tools.map(({ name }) => name)).toEqual(["pay", "locate"]);

    client.addMessage({ id: "t1", role: "tool", toolCallId: "call_c1_0123456789abc", content: "Berlin" });
    const second = await runAgui(client);
    expect(second.error).toBeUndefined();
    expect(told(second.events)).toEqual([
      "RUN_STARTED",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT Berlin",
      "TEXT_MESSAGE_END",
      'RUN_FINISHED "success"',
    ]);
    expect(client.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
    expect(withoutIds(await reload(client.threadId))).toEqual(withoutIds(client.messages));
    // The same client keeps the id that it gave.
    await runAgui(client);
    expect(client.messages[2]?.id).toBe("t1");
  });

  test("goes on without a repetition, though somebody has written meanwhile", async () => {
    callsThenTells({ text: "Wait." }, calls("call_c1_0123456789abc", "locate", "{}"));
    const client = open();
    await ask(client, "Where am I?", "u1", { tools: [TOOL] });
    const { conversations } = await server.client(ConversationService, key).listConversations({});
    const conversationId = conversations.find(({ clientId }) => clientId === client.threadId)?.id ?? "";
    await server.client(MessageService, key).sendMessage({ conversationId, message: { content: "A note." } });
    client.addMessage({ id: "t1", role: "tool", toolCallId: "call_c1_0123456789abc", content: "Berlin" });
    expect(told((await runAgui(client)).events)).toEqual([
      "RUN_STARTED",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT Berlin",
      "TEXT_MESSAGE_END",
      'RUN_FINISHED "success"',
    ]);
  });

  test("may fail, in words of its own", async () => {
    callsThenTells(calls("call_c1_0123456789abc", "locate"));
    const client = open();
    await ask(client, "Where am I?", "u1", { tools: [TOOL] });
    client.addMessage({ id: "t1", role: "tool", toolCallId: "call_c1_0123456789abc", content: "", error: "no signal" });
    await runAgui(client);
    expect(client.messages.at(-1)).toMatchObject({ content: "!no signal" });
    // A page that is loaded anew does not show a success.
    const stored = (await reload(client.threadId)).find(({ role }) => role === "tool");
    expect(stored).toMatchObject({ content: "no signal", error: "no signal" });
  });

  test("answers once, however often the run is sent", async () => {
    callsThenTells(calls("call_c1_0123456789abc", "locate"));
    const client = open();
    await ask(client, "Where am I?", "u1", { tools: [TOOL] });
    client.addMessage({ id: "t1", role: "tool", toolCallId: "call_c1_0123456789abc", content: "Berlin" });
    const before = agent.calls.length;
    const other = open(client.threadId);
    other.setMessages(client.messages);
    await Promise.all([runAgui(client, { runId: "r2" }), runAgui(other, { runId: "r2" })]);
    await runAgui(other, { runId: "r2" });
    expect(agent.calls.length).toBe(before + 1);
    expect(withoutIds(await reload(client.threadId))).toEqual(withoutIds(other.messages));
  });

  test("of which two wait ends the run again until both have answered", async () => {
    callsThenTells(calls("call_c1_0123456789abc", "locate"), calls("call_c2_0123456789abc", "locate"));
    const client = open();
    const first = await ask(client, "Where are we?", "u1", { tools: [TOOL] });
    expect(first.events.at(-1)).toMatchObject({
      outcome: { pendingToolCallIds: ["call_c1_0123456789abc", "call_c2_0123456789abc"] },
    });
    client.addMessage({ id: "t2", role: "tool", toolCallId: "call_c2_0123456789abc", content: "Rome" });
    const second = await runAgui(client);
    expect(second.events.at(-1)).toMatchObject({ outcome: { pendingToolCallIds: ["call_c1_0123456789abc"] } });
    client.addMessage({ id: "t1", role: "tool", toolCallId: "call_c1_0123456789abc", content: "Berlin" });
    const third = await runAgui(client);
    expect(third.events.at(-1)).toMatchObject({ outcome: { type: "success" } });
    expect((client.messages.at(-1) as { content: string }).content.split(" and ").toSorted()).toEqual([
      "Berlin",
      "Rome",
    ]);
  });

  test("that nobody answers is closed by the next message", async () => {
    callsThenTells(calls("call_c1_0123456789abc", "locate"));
    const client = open();
    await ask(client, "Where am I?", "u1", { tools: [TOOL] });
    const { error } = await ask(client, "Never mind", "u2");
    expect(error).toBeUndefined();
    expect((client.messages.at(-1) as { content: string }).content).toMatch(/^!/);
  });

  test("takes no result of a call that was not made or is answered", async () => {
    callsThenTells(calls("call_c1_0123456789abc", "locate"));
    const client = open();
    await ask(client, "Where am I?", "u1", { tools: [TOOL] });
    client.addMessage({ id: "t1", role: "tool", toolCallId: "call_c1_0123456789abc", content: "Berlin" });
    await runAgui(client);
    const asked = agent.calls.length;
    const forged = client.messages.map((one) => (one.role === "tool" ? { ...one, content: "Rome" } : one));
    client.setMessages([...forged, { id: "t9", role: "tool", toolCallId: "call_c9_0123456789abc", content: "Rome" }]);
    await runAgui(client);
    expect(agent.calls.length).toBe(asked);
    expect(client.messages.find(({ role }) => role === "tool")).toMatchObject({ content: "Berlin" });
    expect(client.messages.map(({ id }) => id)).not.toContain("t9");
  });
});

describe("a call that needs approval", () => {
  async function interrupted() {
    callsThenTells({ text: "I pay." }, calls("call_p1_0123456789abc", "pay", '{"euros":3}'));
    const client = open();
    const { events, error } = await ask(client, "Buy it", "u1");
    expect(error).toBeUndefined();
    return { client, events, interruptId: client.pendingInterrupts[0]?.id ?? "" };
  }

  test("interrupts the run, with what the answer must look like", async () => {
    const { client, events, interruptId } = await interrupted();
    expect(events.at(-1)).toMatchObject({
      outcome: {
        type: "interrupt",
        interrupts: [
          {
            id: interruptId,
            reason: "tool_call",
            message: "may pay run?",
            toolCallId: "call_p1_0123456789abc",
            responseSchema: { type: "object", required: ["approved"] },
            expiresAt: expect.stringMatching(/Z$/),
          },
        ],
      },
    });
    expect(paid).toEqual([]);
    // A reload is interrupted too.
    const other = open(client.threadId);
    await runAgui(other);
    expect(other.pendingInterrupts).toEqual(client.pendingInterrupts);
  });

  test("runs once it is approved", async () => {
    const { client, interruptId } = await interrupted();
    const resume = [{ interruptId, status: "resolved" as const, payload: { approved: true } }];
    const { events, error } = await runAgui(client, { resume });
    expect(error).toBeUndefined();
    expect(told(events)).toEqual([
      "RUN_STARTED",
      'TOOL_CALL_RESULT call_p1_0123456789abc {"paid":true}',
      "TEXT_MESSAGE_START",
      'TEXT_MESSAGE_CONTENT {"paid":true}',
      "TEXT_MESSAGE_END",
      'RUN_FINISHED "success"',
    ]);
    expect(paid).toMatchObject([{ toolCallId: "call_p1_0123456789abc", name: "pay", input: { euros: 3 } }]);
    expect(bodies(await reload(client.threadId))).toEqual(bodies(client.messages));
    // The same run again runs nothing, and finds the same.
    const again = open(client.threadId);
    again.setMessages(client.messages);
    expect((await runAgui(again, { resume })).error).toBeUndefined();
    expect(bodies(again.messages)).toEqual(bodies(client.messages));
    expect(paid.length).toBe(1);
  });

  test.each([
    ["resolved", { approved: false, reason: "too dear" }, "!not allowed: too dear"],
    ["cancelled", undefined, "!not allowed: cancelled"],
  ] as const)("does not run when it is %s with %j", async (status, payload, said) => {
    const { client, interruptId } = await interrupted();
    await runAgui(client, { resume: [{ interruptId, status, ...(payload && { payload }) }] });
    expect(client.messages.at(-1)).toMatchObject({ content: said });
    expect(paid).toEqual([]);
  });

  test.each([
    ["without a yes or no", { status: "resolved" }, 400, "INVALID_FIELD"],
    ["with a yes that is text", { status: "resolved", payload: { approved: "true" } }, 400, "INVALID_FIELD"],
    ["with a status that there is not", { status: "ok" }, 400, "INVALID_FIELD"],
    ["of another question", { interruptId: "x", status: "resolved", payload: { approved: true } }, 409, "NOT_AWAITED"],
  ])("takes no answer %s, and runs nothing", async (_, entry, status, code) => {
    const { client, interruptId } = await interrupted();
    const run = { threadId: client.threadId, runId: "r", messages: client.messages };
    const answer = await postAgui(server.url, { ...run, resume: [{ interruptId, ...entry }] }, key);
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([status, code]);
    expect(paid).toEqual([]);
    const other = open(client.threadId);
    await runAgui(other);
    expect(other.pendingInterrupts.map(({ id }) => id)).toEqual([interruptId]);
  });

  test("that was answered the other way is refused, and stays as it is", async () => {
    const { client, interruptId } = await interrupted();
    await runAgui(client, { resume: [{ interruptId, status: "cancelled" }] });
    const resume = [{ interruptId, status: "resolved", payload: { approved: true } }];
    const run = { threadId: client.threadId, runId: "r", messages: client.messages, resume };
    expect((await postAgui(server.url, run, key)).status).toBe(409);
    expect(paid).toEqual([]);
  });

  test("that has expired is left behind by a cancelled answer", async () => {
    const { client, interruptId } = await interrupted();
    const { conversations } = await server
      .client(ConversationService, key)
      .listConversations({ clientId: client.threadId });
    const turns = server.client(TurnService, key);
    const [turn] = (await turns.listTurns({ conversationId: conversations[0]?.id ?? "" })).turns;
    await turns.cancelTurn({ turnId: turn?.id ?? "" });
    client.addMessage({ id: "u2", role: "user", content: "Go on" });
    const { error } = await runAgui(client, { resume: [{ interruptId, status: "cancelled" }] });
    expect(error).toBeUndefined();
    expect(client.messages.at(-1)).toMatchObject({ role: "assistant" });
    expect(client.pendingInterrupts).toEqual([]);
  });
});
