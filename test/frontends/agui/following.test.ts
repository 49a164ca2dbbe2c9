// A run over AG-UI that was cut off, is sent again, follows another's, or meets one that runs.
import { randomUUID } from "node:crypto";
import type { Message } from "@ag-ui/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { aguiClient, ask, bodies, calls, gives, type Reply, runAgui, thinks, told } from "../../support/fronts/agui.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../../support/services/agents.ts";
import { startCuttingProxy } from "../../support/services/cutting-proxy.ts";

let server: IdentityServer;
let agent: FakeAgent;
let key: Credential;
beforeAll(async () => {
  agent = await startFakeAgent();
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "agui", COLLOQUY_AGENT_PRIVATE: "yes" } });
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  await server.client(AgentService, key).createAgent({ agent: { name: "default", connector } });
});
afterAll(async () => {
  await server.close();
  await agent.close();
});

const open = (threadId: string = randomUUID(), more = {}) => aguiClient(server.url, key, { threadId, ...more });

async function turnsOf(threadId: string) {
  const { conversations } = await server.client(ConversationService, key).listConversations({ clientId: threadId });
  return (await server.client(TurnService, key).listTurns({ conversationId: conversations[0]?.id ?? "" })).turns;
}

/** An agent that stops after each piece until it is told to go on. */
function stepping(...pieces: readonly Reply[]) {
  const gates = pieces.map(() => Promise.withResolvers<void>());
  agent.answer = async function* () {
    for (const [at, piece] of pieces.entries()) {
      await gates[at]?.promise;
      yield piece;
    }
  };
  return (until: number) => {
    for (const gate of gates.slice(0, until)) gate.resolve();
  };
}

const REPLY: readonly Reply[] = [
  thinks("Let me "),
  thinks("see: "),
  { piece: { case: "reasoningEnd", value: {} } },
  { text: "I " },
  { text: "look 😀 " },
  calls("call_c1_0123456789abc", "look", '{"at'),
  { piece: { case: "arguments", value: { callId: "call_c1_0123456789abc", text: '":"sky"}' } } },
  gives("call_c1_0123456789abc", "blue"),
  { piece: { case: "step", value: {} } },
  thinks("So "),
  thinks("blue"),
  { text: "It is " },
  { text: "blue." },
];

/** What of a reply is there, in letters. */
function length(messages: readonly Message[]): number {
  return JSON.stringify(messages).length;
}

describe("a line that is cut is taken up by the same run", () => {
  test.each(REPLY.map((_, at) => [at]))("after %i pieces, whatever was open", async (at) => {
    await using stack = new AsyncDisposableStack();
    const proxy = stack.adopt(await startCuttingProxy(() => server.url), (one) => one.close());
    const goOn = stepping(...REPLY);
    const client = aguiClient(proxy.url, key, { threadId: randomUUID() });
    client.addMessage({ id: "u1", role: "user", content: "Look" });
    const watching = open(client.threadId);

    const before = agent.calls.length;
    const broken = runAgui(client, { runId: "r1" });
    await expect.poll(() => turnsOf(client.threadId).then((turns) => turns.length)).toBe(1);
    goOn(at);
    // A second client tells how far the reply has come.
    const followed = runAgui(watching);
    await expect
      .poll(() => length(watching.messages) >= length(client.messages) && client.messages.length > 0)
      .toBe(true);
    proxy.cut();
    expect((await broken).error).toBeDefined();

    const again = runAgui(client, { runId: "r1" });
    goOn(REPLY.length);
    const { events, error } = await again;
    expect(error).toBeUndefined();
    expect(told(events)[1]).toBe("MESSAGES_SNAPSHOT");
    expect(told(events).at(-1)).toBe('RUN_FINISHED "success"');
    await followed;
    expect(agent.calls.length).toBe(before + 1);
    const stored = open(client.threadId);
    await runAgui(stored);
    expect(bodies(client.messages)).toEqual(bodies(stored.messages));
    expect(bodies(watching.messages)).toEqual(bodies(stored.messages));
    expect((client.messages.at(-1) as { content: string }).content).toBe("It is blue.");
  });
});

test("a repeated POST is not a second answer", async () => {
  const goOn = stepping({ text: "Once" });
  const [client, other] = [open(), open()];
  other.threadId = client.threadId;
  const before = agent.calls.length;
  const both = [ask(client, "Hi", "u1", { runId: "r1" }), ask(other, "Hi", "u1", { runId: "r1" })];
  await expect.poll(() => agent.calls.length).toBe(before + 1);
  goOn(1);
  for (const { error } of await Promise.all(both)) expect(error).toBeUndefined();
  expect(agent.calls.length).toBe(before + 1);
  expect(bodies(other.messages)).toEqual(bodies(client.messages));
  expect(client.messages.length).toBe(2);
});

describe("a new message while a turn runs", () => {
  async function running() {
    const goOn = stepping({ text: "First" }, { text: " done" });
    const client = open();
    const run = ask(client, "Hi", "u1");
    goOn(1);
    await expect.poll(() => client.messages.length).toBe(2);
    const another = (query = "") => {
      const other = open(client.threadId, { query });
      other.setMessages(client.messages.slice(0, 1));
      return other;
    };
    return { client, run, goOn, another };
  }

  test("is refused, and nothing is stored", async () => {
    const { client, run, goOn, another } = await running();
    const { error } = await ask(another(), "And this?", "u2");
    expect(error).toMatchObject({ status: 409, payload: { code: "TURN_IN_PROGRESS" } });
    goOn(2);
    await run;
    const stored = open(client.threadId);
    await runAgui(stored);
    expect(stored.messages.length).toBe(2);
  });

  test("waits with ifRunning=queue", async () => {
    const { run, goOn, another } = await running();
    const other = another("?ifRunning=queue");
    const queued = ask(other, "And this?", "u2");
    await expect.poll(async () => (await turnsOf(other.threadId)).length).toBe(2);
    goOn(2);
    await run;
    const { events } = await queued;
    expect(told(events).at(-1)).toBe('RUN_FINISHED "success"');
    expect(other.messages.at(-1)).toMatchObject({ content: "First done" });
  });

  test("ends it with ifRunning=interrupt", async () => {
    const { client, run, goOn, another } = await running();
    goOn(2);
    const other = another("?ifRunning=interrupt");
    const { error } = await ask(other, "And this?", "u2");
    expect(error).toBeUndefined();
    await run;
    expect((await turnsOf(client.threadId)).length).toBe(2);
  });
});

describe("a caller that leaves", () => {
  async function left(query: string) {
    const goOn = stepping({ text: "Well" }, { text: ", yes" });
    const client = open(randomUUID(), { query });
    const run = ask(client, "Hi", "u1");
    goOn(1);
    await expect.poll(() => client.messages.length).toBe(2);
    client.abortRun();
    await run;
    return { client, goOn };
  }

  test("does not stop the turn", async () => {
    const { client, goOn } = await left("");
    goOn(2);
    await expect.poll(async () => (await turnsOf(client.threadId))[0]?.state).toBe(TurnState.COMPLETE);
    await runAgui(client);
    expect(client.messages.at(-1)).toMatchObject({ content: "Well, yes" });
  });

  test("stops it with abort=cancel, and what was said stays", async () => {
    const { client } = await left("?abort=cancel");
    await expect.poll(async () => (await turnsOf(client.threadId))[0]?.state).toBe(TurnState.CANCELLED);
    await runAgui(client);
    expect(client.messages.at(-1)).toMatchObject({ content: "Well" });
  });
});

test("one thread is one conversation of its owner, and nobody else's", async () => {
  const tenant = await server.tenant();
  const admin = (await tenant.key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  await server.client(AgentService, admin).createAgent({ agent: { name: "default", connector } });
  stepping({ text: "Hello" })(1);
  const threadId = "chat-1";
  const of = (who: Credential) => aguiClient(server.url, who, { threadId });
  const [ada, bob] = [await tenant.token("ada", "member"), await tenant.token("bob", "member")];
  await ask(of(ada), "I am Ada", "u1");
  await ask(of(bob), "I am Bob", "u1");
  for (const [who, said] of [
    [ada, "I am Ada"],
    [bob, "I am Bob"],
  ] as const) {
    const client = of(who);
    await runAgui(client);
    expect(client.messages[0]).toMatchObject({ content: said });
    expect(client.messages.length).toBe(2);
  }
  // A key sees both, and takes neither for its own.
  const client = of(admin);
  await runAgui(client);
  expect(client.messages).toEqual([]);
  const reads = of((await tenant.key("read")).credential);
  expect((await ask(reads, "Hi", "u9")).error).toMatchObject({ status: 403, payload: { code: "SCOPE_MISSING" } });
});
