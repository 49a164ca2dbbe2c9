// Tasks over A2A, by its official client, over each of its bindings.
import { randomUUID } from "node:crypto";
import type { Task } from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { a2aClient, all, BINDINGS, message, postA2a, replyOf, toldOf } from "../../support/fronts/a2a.ts";
import { calls, gives, replies, thinks } from "../../support/fronts/agui.ts";
import {
  type Credential,
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
} from "../../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../../support/services/agents.ts";

const [WORKING, COMPLETED, FAILED, CANCELED, INPUT_REQUIRED] = [2, 3, 4, 5, 6];

let server: IdentityServer;
let agent: FakeAgent;
let key: Credential;
let tenant: IdentityTenant;
beforeAll(async () => {
  agent = await startFakeAgent();
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "a2a", COLLOQUY_AGENT_PRIVATE: "yes" } });
  tenant = await server.tenant();
  key = (await tenant.key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  const tools = [
    { name: "locate", runs: { case: "client", value: {} } },
    { name: "pay", needsApproval: true, runs: { case: "client", value: {} } },
  ] as const;
  const agents = server.client(AgentService, key);
  await agents.createAgent({ agent: { name: "default", description: "Answers", connector, tools: [...tools] } });
  await agents.createAgent({ agent: { name: "other", connector } });
});
beforeEach(() => {
  agent.answer = replies({ text: "Good " }, { text: "day" });
});
afterAll(async () => {
  await server.close();
  await agent.close();
});

/** An agent that says its words one by one, each when it is told to. */
function stepping(...words: readonly string[]) {
  const gates = words.map(() => Promise.withResolvers<void>());
  agent.answer = async function* () {
    for (const [at, text] of words.entries()) {
      await gates[at]?.promise;
      yield { text };
    }
  };
  return (until: number) => {
    for (const gate of gates.slice(0, until)) gate.resolve();
  };
}

/** The questions and calls that a task waits with. */
const waitsFor = (task: Task) =>
  task.status?.message?.parts.map(({ content }) => (content?.$case === "data" ? content.value : undefined));

describe.each(BINDINGS)("over %s", (binding) => {
  let client: Client;
  beforeAll(async () => {
    client = await a2aClient(server.url, key, binding);
  });

  test("the card says what the agent is and where it is reached", async () => {
    const card = await client.getAgentCard();
    expect(card).toMatchObject({ name: "default", description: "Answers", capabilities: { streaming: true } });
    expect(card.supportedInterfaces.map(({ protocolBinding, tenant }) => [protocolBinding, tenant])).toEqual(
      BINDINGS.map((name) => [name, "default"]),
    );
  });

  test("a message is a task that completes with its reply", async () => {
    const task = (await client.sendMessage(message("Hi", { messageId: "m1" }))) as Task;
    expect([task.status?.state, replyOf(task)]).toEqual([COMPLETED, "Good day"]);
    expect(task.history.map(({ role, messageId }) => [role, role === 1 ? messageId : ""])).toEqual([
      [1, "m1"],
      [2, ""],
    ]);
    const same = await client.getTask({ tenant: "", id: task.id, historyLength: 1 });
    expect([same.id, same.contextId, replyOf(same)]).toEqual([task.id, task.contextId, "Good day"]);
    expect(same.history.map(({ role }) => role)).toEqual([2]);
  });

  test("messages of one context go to one conversation, whose agent stays", async () => {
    const contextId = randomUUID();
    await client.sendMessage(message("One", { contextId }));
    agent.answer = async function* ({ messages, agentName }) {
      yield { text: `${agentName}: ${messages.map(({ content }) => content).join("|")}` };
    };
    const other = await a2aClient(server.url, key, binding, "other");
    const task = (await other.sendMessage(message("Two", { contextId }))) as Task;
    expect([task.contextId, replyOf(task)]).toEqual([contextId, "default: One|Good day|Two"]);
  });

  test("a list of all contexts has the tasks of the agent that is asked", async () => {
    const other = await a2aClient(server.url, key, binding, "other");
    const [mine, theirs] = [await client.sendMessage(message("1")), await other.sendMessage(message("2"))] as Task[];
    const latest = async (from: Client) => {
      const { tasks } = await from.listTasks({ tenant: "", contextId: "", status: 0, pageToken: "" } as never);
      return [tasks[0]?.id, tasks[0]?.contextId];
    };
    expect(await latest(client)).toEqual([mine?.id, mine?.contextId]);
    expect(await latest(other)).toEqual([theirs?.id, theirs?.contextId]);
  });

  test("a task that has come to wait stands before those whose status is older, and is found by its time", async () => {
    const [asked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    agent.answer = async function* () {
      asked.resolve();
      await gate.promise;
      yield calls("c1", "locate", "{}");
    };
    const at = { returnImmediately: true } as never;
    const waits = (await client.sendMessage({ ...message("1"), configuration: at })) as Task;
    await asked.promise;
    agent.answer = replies({ text: "Done" });
    const done = (await client.sendMessage(message("2"))) as Task;
    gate.resolve();
    const get = () => client.getTask({ tenant: "", id: waits.id } as never);
    await expect.poll(async () => (await get()).status?.state).toBe(INPUT_REQUIRED);
    const statusTimestampAfter = (await get()).status?.timestamp;
    const list = async (more: object = {}) => {
      const request = { tenant: "", contextId: "", status: 0, pageToken: "", pageSize: 2, ...more };
      return (await client.listTasks(request as never)).tasks.map(({ id }) => id);
    };
    expect(await list()).toEqual([waits.id, done.id]);
    expect(await list({ statusTimestampAfter })).toEqual([waits.id]);
  });

  test("thoughts, calls and results are parts of the artifact for who accepts them, in their places", async () => {
    agent.answer = replies(thinks("Hm"), calls("c1", "look", "{}"), gives("c1", "a cat"), { text: "A cat." });
    const type = "application/vnd.colloquy.part+json";
    const accepting = () => ({
      ...message("Hi"),
      configuration: { acceptedOutputModes: ["text/plain", type] } as never,
    });
    const said = (parts: Task["artifacts"][number]["parts"]) =>
      parts.map(({ content, mediaType }) => {
        if (content?.$case !== "data") return content?.value;
        return [mediaType, ...Object.keys(content.value as object)];
      });
    const whole = [[type, "reasoning"], [type, "toolCall"], [type, "toolResult"], "A cat."];
    const task = (await client.sendMessage(accepting())) as Task;
    expect(said(task.artifacts.flatMap(({ parts }) => parts))).toEqual(whole);
    const pieces = (await all(client.sendMessageStream(accepting()))).flatMap(({ payload }) =>
      payload?.$case === "artifactUpdate" ? [payload.value] : [],
    );
    expect(said(pieces.flatMap(({ artifact }) => artifact?.parts ?? []))).toEqual(whole);
    expect(pieces.map(({ append }) => append)).toEqual(pieces.map((_, at) => at > 0));
    const same = await client.getTask({ tenant: "", id: task.id } as never);
    expect(said(same.artifacts.flatMap(({ parts }) => parts))).toEqual(["A cat."]);
  });

  test("a message that is sent again is the same task, and no second answer", async () => {
    const again = message("Hi", { contextId: randomUUID() });
    const before = agent.calls.length;
    const [first, second] = [(await client.sendMessage(again)) as Task, (await client.sendMessage(again)) as Task];
    expect(second).toEqual(first);
    expect(agent.calls.length).toBe(before + 1);
  });

  test("a stream is the task, the artifact piece by piece, and the last status", async () => {
    const updates = await all(client.sendMessageStream(message("Hi")));
    expect(toldOf(updates)).toEqual([`task ${WORKING}`, "artifact Good day", `status ${COMPLETED}`]);
  });

  test("a task that runs is followed by others, with what is there and then what is new", async () => {
    const goOn = stepping("Good ", "day");
    const task = (await client.sendMessage({
      ...message("Hi"),
      configuration: { returnImmediately: true } as never,
    })) as Task;
    expect(task.status?.state).toBe(WORKING);
    const stream = client.resubscribeTask({ tenant: "", id: task.id });
    const first = await stream.next();
    goOn(2);
    const updates = [...(first.value ? [first.value] : []), ...(await all(stream))];
    expect(toldOf(updates)).toEqual([`task ${WORKING}`, "artifact Good day", `status ${COMPLETED}`]);
    await expect(all(client.resubscribeTask({ tenant: "", id: task.id }))).rejects.toThrow(/ended/);
  });

  test("a task is cancelled once, and says so again; one that is done is not", async () => {
    const goOn = stepping("Well", " yes");
    goOn(1);
    const task = (await client.sendMessage({
      ...message("Hi"),
      configuration: { returnImmediately: true } as never,
    })) as Task;
    const cancel = () => client.cancelTask({ tenant: "", id: task.id, metadata: undefined });
    const canceled = await cancel();
    expect(canceled.status?.state).toBe(CANCELED);
    expect((await cancel()).status?.state).toBe(CANCELED);
    goOn(2);
    const done = (await client.sendMessage(message("Hi"))) as Task;
    await expect(client.cancelTask({ tenant: "", id: done.id, metadata: undefined })).rejects.toMatchObject({
      name: "TaskNotCancelableError",
    });
  });

  test("a task that fails says why, and keeps what was said", async () => {
    agent.answer = async function* () {
      yield { text: "Half" };
      throw new Error("out of order");
    };
    const task = (await client.sendMessage(message("Hi"))) as Task;
    expect([task.status?.state, replyOf(task)]).toEqual([FAILED, "Half"]);
    expect(task.status?.message?.parts.length).toBe(1);
    const updates = await all(client.sendMessageStream(message("Hi")));
    expect(toldOf(updates).at(-1)).toBe(`status ${FAILED}`);
  });

  test("a task waits for a tool and for approval, and goes on with the answer", async () => {
    agent.answer = async function* ({ messages }) {
      const results = messages.flatMap(({ kind, parts }) => (kind === MessageKind.TOOL_RESULT ? parts : []));
      const last = results.at(-1)?.content;
      if (results.length === 0) yield calls("c1", "locate", '{"of":"me"}');
      else if (results.length === 1) yield calls("p1", "pay", "{}");
      else yield { text: String(last?.case === "toolResult" ? last.value.output.value : "") };
    };
    const first = (await client.sendMessage(message("Go"))) as Task;
    expect(first.status?.state).toBe(INPUT_REQUIRED);
    expect(waitsFor(first)).toEqual([{ kind: "tool-call", toolCallId: "c1", name: "locate", input: { of: "me" } }]);
    const taskId = first.id;
    await expect(client.sendMessage(message("Berlin", { taskId }))).rejects.toThrow(
      /must answer what the task waits for/,
    );
    const second = (await client.sendMessage(
      message([{ data: { toolCallId: "c1", output: { city: "Berlin" } } }], { taskId }),
    )) as Task;
    expect([second.id, second.status?.state]).toEqual([taskId, INPUT_REQUIRED]);
    const [question] = waitsFor(second) ?? [];
    expect(question).toMatchObject({ kind: "approval-request", toolCallId: "p1", name: "pay" });
    const answer = { approvalId: (question as { approvalId: string }).approvalId, approved: false, reason: "too dear" };
    const updates = await all(client.sendMessageStream(message([{ data: answer }], { taskId })));
    expect(toldOf(updates).slice(1)).toEqual(["artifact not allowed: too dear", `status ${COMPLETED}`]);
    await expect(client.sendMessage(message([{ data: answer }], { taskId }))).rejects.toMatchObject({
      name: "UnsupportedOperationError",
    });
  });

  test("F-A2A-ONE-ANSWER: a part that answers a question and brings a result is refused, and neither counts", async () => {
    agent.answer = async function* ({ messages }) {
      if (messages.at(-1)?.kind === MessageKind.TOOL_RESULT) yield { text: "Paid" };
      else yield calls("p1", "pay", "{}");
    };
    const { id: taskId, ...task } = (await client.sendMessage(message("Pay"))) as Task;
    const [question] = waitsFor(task as Task) ?? [];
    const { approvalId } = question as { approvalId: string };
    for (const brought of [{ output: 1 }, { error: "broken" }]) {
      const both = { ...(question as object), approvalId, approved: true, toolCallId: "p1", ...brought };
      await expect(client.sendMessage(message([{ data: both }], { taskId }))).rejects.toThrow(/must answer/);
    }
    // The question itself, with the answer to it, is one.
    const answer = { ...(question as object), approved: false };
    const { status } = (await client.sendMessage(message([{ data: answer }], { taskId }))) as Task;
    expect(status?.state).toBe(COMPLETED);
  });

  test("F-A2A-HISTORY: a negative history length is refused before anything is stored", async () => {
    const before = agent.calls.length;
    const sent = { ...message("Hi"), configuration: { historyLength: -5, acceptedOutputModes: [] } };
    await expect(client.sendMessage(sent as never)).rejects.toThrow(/history_length: must be at least 0/);
    expect(agent.calls).toHaveLength(before);
    const { id } = (await client.sendMessage(message("Hi"))) as Task;
    await expect(client.getTask({ tenant: "", id, historyLength: -1 })).rejects.toThrow(/history_length/);
  });

  test("tasks of a context are listed, the latest first", async () => {
    const contextId = randomUUID();
    const ids: string[] = [];
    for (const text of ["1", "2", "3"])
      ids.unshift(((await client.sendMessage(message(text, { contextId }))) as Task).id);
    const list = (more = {}) =>
      client.listTasks({ tenant: "", contextId, status: 0, pageToken: "", pageSize: 2, ...more } as never);
    const first = await list();
    expect([first.tasks.map(({ id }) => id), first.totalSize]).toEqual([ids.slice(0, 2), 3]);
    expect(first.tasks[0]?.artifacts).toEqual([]);
    const second = await list({ pageToken: first.nextPageToken, includeArtifacts: true });
    expect([second.tasks.map(({ id }) => id), second.nextPageToken]).toEqual([ids.slice(2), ""]);
    expect(replyOf(second.tasks[0] as Task)).toBe("Good day");
    expect((await list({ status: FAILED })).tasks).toEqual([]);
    // A task that begins between two pages is on neither, and none is told twice.
    await client.sendMessage(message("4", { contextId }));
    expect((await list({ pageToken: first.nextPageToken })).tasks.map(({ id }) => id)).toEqual(ids.slice(2));
    const { credential } = await tenant.key("read", "write");
    const stranger = await (await server.tenant()).key("read", "write", "admin");
    await server
      .client(AgentService, stranger.credential)
      .createAgent({ agent: { name: "default", connector: { case: "echo", value: {} } } });
    const refused = {
      code: -32602,
      message: expect.stringContaining("page_token: it is damaged, or was made for other"),
    };
    // The clients name the agent of the card.
    const asked = { contextId, tenant: "default", pageToken: first.nextPageToken };
    expect((await postA2a(server.url, key, "ListTasks", asked)).body.result.tasks).toHaveLength(1);
    for (const [who, what] of [
      [key, { ...asked, contextId: "" }],
      [key, { ...asked, status: "TASK_STATE_COMPLETED" }],
      [key, { ...asked, tenant: "" }],
      [key, { ...asked, statusTimestampAfter: "2026-01-01T00:00:00Z" }],
      [key, { ...asked, pageToken: "2" }],
      [credential, asked],
      [stranger.credential, asked],
    ] as const) {
      expect((await postA2a(server.url, who, "ListTasks", what)).body.error, JSON.stringify(what)).toMatchObject(
        refused,
      );
    }
  });

  test.each([
    ["large tasks", "x", 14, 12],
    ["tasks that are large as JSON", "\u0001", 4, 2],
  ])("a page of %s has fewer of them, and the next goes on with the rest", async (_, character, count, fitting) => {
    agent.answer = replies({ text: character.repeat(250_000) });
    const contextId = randomUUID();
    const ids: string[] = [];
    for (let at = 0; at < count; at++)
      ids.unshift(((await client.sendMessage(message("Hi", { contextId }))) as Task).id);
    const listed: string[][] = [];
    let pageToken = "";
    do {
      const request = { tenant: "", contextId, status: 0, pageToken, pageSize: 100, includeArtifacts: true };
      const page = await client.listTasks(request as never);
      listed.push(page.tasks.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(listed).toEqual([ids.slice(0, fitting), ids.slice(fitting)]);
  });

  test("what one may not see is no task", async () => {
    const task = (await client.sendMessage(message("Hi"))) as Task;
    const stranger = await server.tenant();
    const theirs = (await stranger.key("read", "write", "admin")).credential;
    await server
      .client(AgentService, theirs)
      .createAgent({ agent: { name: "default", connector: { case: "echo", value: {} } } });
    const other = await a2aClient(server.url, theirs, binding);
    for (const id of [task.id, randomUUID(), "none"]) {
      await expect(other.getTask({ tenant: "", id } as never)).rejects.toMatchObject({ name: "TaskNotFoundError" });
    }
  });
});

describe("JSON-RPC", () => {
  test.each([
    ["no such method", "tasks/get", {}, -32601],
    ["params of another shape", "GetTask", { id: 7 }, -32602],
    ["params that are a list", "ListTasks", [1], -32602],
    ["a state that is none", "ListTasks", { status: "completed" }, -32602],
    ["the number of a state that is none", "ListTasks", { status: 99 }, -32602],
    ["a task that is not there", "GetTask", { id: randomUUID() }, -32001],
    ["a message without parts", "SendMessage", { message: { messageId: "x", role: "ROLE_USER", parts: [] } }, -32602],
    [
      "an agent that is not there",
      "SendMessage",
      { tenant: "nobody", message: { messageId: "x", role: "ROLE_USER", parts: [{ text: "x" }] } },
      -32602,
    ],
  ])("answers %s with its code, and status 200", async (_, method, params, code) => {
    const { status, body } = await postA2a(server.url, key, method, params);
    expect([status, body.id, body.error.code]).toEqual([200, 7, code]);
  });

  test("takes fields that it does not know, and no id that is none", async () => {
    const asked = { status: "TASK_STATE_REJECTED", unheardOf: 1 };
    expect((await postA2a(server.url, key, "ListTasks", asked)).body.result.tasks).toEqual([]);
    // As the official client writes a state that its caller left out.
    const { body } = await postA2a(server.url, key, "ListTasks", { status: "UNRECOGNIZED" });
    expect(body.result.totalSize).toBeGreaterThan(0);
    const response = await fetch(`${server.url}/a2a`, {
      method: "POST",
      headers: { ...key, "content-type": "application/json", "a2a-version": "1.0" },
      body: JSON.stringify({ jsonrpc: "2.0", id: {}, method: "ListTasks" }),
    });
    expect(await response.json()).toMatchObject({ id: null, error: { code: -32600 } });
  });

  test("says what the credential lacks as JSON-RPC does, with status 200", async () => {
    for (const [scope, lacks] of [
      ["read", "write"],
      ["write", "read"],
    ] as const) {
      const { credential } = await tenant.key(scope);
      const params = { message: { messageId: "x", role: "ROLE_USER", parts: [{ text: "x" }] } };
      const [method, asked] = lacks === "write" ? ["SendMessage", params] : ["GetTask", { id: randomUUID() }];
      const { status, body } = await postA2a(server.url, credential, method, asked);
      expect([status, body.id, body.error.code, body.error.message, body.error.data[0].reason]).toEqual([
        200,
        7,
        -32000,
        `the API key lacks the scope "${lacks}"`,
        "SCOPE_MISSING",
      ]);
    }
  });

  test("serves version 1.0 alone; a client that names none speaks 0.3", async () => {
    for (const version of ["0.3", "2.0", ""]) {
      const { body } = await postA2a(server.url, key, "GetTask", { id: "x" }, { "a2a-version": version });
      expect(body.error.code).toBe(-32009);
    }
  });
});

test("cards need a credential, and that of no agent is not found", async () => {
  const get = (path: string, headers = {}) => fetch(`${server.url}${path}`, { headers });
  expect((await get("/.well-known/agent-card.json")).status).toBe(401);
  expect((await get("/a2a/nobody/.well-known/agent-card.json", key)).status).toBe(404);
  const card = await get("/.well-known/agent-card.json", key);
  expect([card.status, (await card.json()).name]).toEqual([200, "default"]);
});

test("F-A2A-ONE-CONTEXT: a token of one conversation lists the tasks of its context, and of no other", async () => {
  await tenant.addMember("tom");
  const who = { ...key, "X-Act-For": "tom" };
  const contextId = randomUUID();
  const own = await a2aClient(server.url, who, "JSONRPC");
  const { id } = (await own.sendMessage(message("Hi", { contextId }))) as Task;
  await own.sendMessage(message("Elsewhere"));
  const found = await server.client(ConversationService, key).listConversations({ clientId: contextId });
  const conversationId = found.conversations[0]?.id ?? "";
  const { token } = await server.client(AccessService, key).createClientToken({ memberId: "tom", conversationId });
  const list = async (named: string) => {
    const asked = { tenant: "default", contextId: named };
    const { body } = await postA2a(server.url, { Authorization: `Bearer ${token}` }, "ListTasks", asked);
    return body.result?.tasks?.map((task: Task) => [task.id, task.contextId]) ?? body;
  };
  for (const named of [contextId, conversationId, ""]) expect(await list(named), named).toEqual([[id, contextId]]);
  expect(await list("other")).toEqual([]);
});
