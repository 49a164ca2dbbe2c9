// F-A2A: what public reports say of A2A servers, each tried on ours.
import { randomUUID } from "node:crypto";
import type { StreamResponse, Task } from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { a2aClient, all, BINDINGS, message, postA2a, replyOf } from "../support/fronts/a2a.ts";
import { calls, replies } from "../support/fronts/agui.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../support/services/agents.ts";

const [WORKING, COMPLETED, CANCELED, INPUT_REQUIRED] = [2, 3, 5, 6];

let server: IdentityServer;
let agent: FakeAgent;
let key: Credential;
beforeAll(async () => {
  agent = await startFakeAgent();
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "a2a", COLLOQUY_AGENT_PRIVATE: "yes" } });
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  const tools = [{ name: "locate", runs: { case: "client", value: {} } }] as const;
  await server.client(AgentService, key).createAgent({ agent: { name: "default", connector, tools: [...tools] } });
});
beforeEach(() => {
  agent.answer = replies({ text: "One " }, { text: "two " }, { text: "three" });
});
afterAll(async () => {
  await server.close();
  await agent.close();
});

const configured = (configuration: object, more = {}) => ({
  ...message("Hi", more),
  configuration: configuration as never,
});

describe.each(BINDINGS)("over %s", (binding) => {
  let client: Client;
  beforeAll(async () => {
    client = await a2aClient(server.url, key, binding);
  });

  test("F-A2A-HISTORY (a2a-java#816, a2a-python#573): a history of length 0 is none, for each method", async () => {
    const task = (await client.sendMessage(configured({ historyLength: 0 }))) as Task;
    expect([task.history, replyOf(task)]).toEqual([[], "One two three"]);
    expect((await client.getTask({ tenant: "", id: task.id, historyLength: 0 })).history).toEqual([]);
    expect((await client.getTask({ tenant: "", id: task.id } as never)).history.length).toBe(2);
  });

  test("F-A2A-MISMATCH (a2a-java#723): a task's id with the id of another context is refused", async () => {
    agent.answer = replies(calls("c1", "locate", "{}"));
    const task = (await client.sendMessage(message("Hi"))) as Task;
    const answer = [{ data: { toolCallId: "c1", output: "x" } }];
    await expect(client.sendMessage(message(answer, { taskId: task.id, contextId: randomUUID() }))).rejects.toThrow(
      /context_id: must be that of the task/,
    );
    expect((await client.getTask({ tenant: "", id: task.id } as never)).status?.state).toBe(INPUT_REQUIRED);
  });

  test("F-A2A-WAITS (hermes-agent#94880): a task that waits for input can be cancelled", async () => {
    agent.answer = replies(calls("c1", "locate", "{}"));
    const task = (await client.sendMessage(message("Hi"))) as Task;
    const canceled = await client.cancelTask({ tenant: "", id: task.id, metadata: undefined });
    expect(canceled.status?.state).toBe(CANCELED);
  });

  test("F-A2A-ARTIFACT (trpc-a2a-go#125, A2A#1231): the pieces of the artifact begin once, and are one artifact afterwards", async () => {
    const updates = await all(client.sendMessageStream(message("Hi")));
    const pieces = updates.flatMap(({ payload }: StreamResponse) =>
      payload?.$case === "artifactUpdate" ? [payload.value] : [],
    );
    expect(pieces.map(({ append }) => append)).toEqual(pieces.map((_, at) => at > 0));
    expect(new Set(pieces.map(({ artifact }) => artifact?.artifactId))).toEqual(new Set(["reply"]));
    const id = pieces[0]?.taskId ?? "";
    const task = await client.getTask({ tenant: "", id } as never);
    expect([task.artifacts.length, replyOf(task)]).toEqual([1, "One two three"]);
  });

  test("F-A2A-AT-ONCE (a2a-python#253, mastra#20090): a send that does not wait answers while the task works", async () => {
    const gate = Promise.withResolvers<void>();
    agent.answer = async function* () {
      await gate.promise;
      yield { text: "Done" };
    };
    const task = (await client.sendMessage(configured({ returnImmediately: true }))) as Task;
    expect(task.status?.state).toBe(WORKING);
    gate.resolve();
    const state = async () => (await client.getTask({ tenant: "", id: task.id } as never)).status?.state;
    await expect.poll(state).toBe(COMPLETED);
  });

  test("F-A2A-RESUBSCRIBE (mastra#15987): who comes later has the artifact so far, and then what is new", async () => {
    const [said, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    agent.answer = async function* () {
      yield { text: "One " };
      said.resolve();
      await gate.promise;
      yield { text: "two" };
    };
    const task = (await client.sendMessage(configured({ returnImmediately: true }))) as Task;
    await said.promise;
    let text = "";
    for await (const { payload } of client.resubscribeTask({ tenant: "", id: task.id })) {
      if (payload?.$case === "task") text = replyOf(payload.value);
      if (payload?.$case === "artifactUpdate") {
        const [part] = payload.value.artifact?.parts ?? [];
        text += part?.content?.$case === "text" ? part.content.value : "";
        if (text === "One ") gate.resolve();
      }
    }
    expect(text).toBe("One two");
  });

  test("F-A2A-CONTEXT (a2a-ai-provider#10, adk#67, A2A#1581): a client's own context id is kept, and the agent gets what was said in it", async () => {
    const contextId = `chat ${randomUUID()}`;
    const first = (await client.sendMessage(message("I am Bob", { contextId }))) as Task;
    expect(first.contextId).toBe(contextId);
    await client.sendMessage(message("Who am I?", { contextId }));
    const given = agent.calls.at(-1)?.request.messages.map(({ content }) => content);
    expect(given).toEqual(["I am Bob", "One two three", "Who am I?"]);
  });

  test("F-A2A-DETACHED: a task outlives the line of who began it", async () => {
    const gate = Promise.withResolvers<void>();
    agent.answer = async function* () {
      yield { text: "One " };
      await gate.promise;
      yield { text: "two" };
    };
    const stop = new AbortController();
    let id = "";
    try {
      for await (const { payload } of client.sendMessageStream(message("Hi"), { signal: stop.signal })) {
        if (payload?.$case === "task") id = payload.value.id;
        if (payload?.$case === "artifactUpdate") stop.abort();
      }
    } catch {
      // The client says that it was stopped.
    }
    gate.resolve();
    await expect.poll(async () => replyOf(await client.getTask({ tenant: "", id } as never))).toBe("One two");
  });

  test("F-A2A-AGENT-WORDS (trpc-a2a-go#89): the history has the agent's messages too", async () => {
    const task = (await client.sendMessage(message("Hi"))) as Task;
    expect(task.history.map(({ role }) => role)).toEqual([1, 2]);
  });
});

test("F-A2A-CARD (agent-framework#2307, hybridclaw#1253): behind a proxy the card says the host and the scheme of its client", async () => {
  const headers = { ...key, "x-forwarded-proto": "https" };
  const card = await (await fetch(`${server.url}/a2a/default/.well-known/agent-card.json`, { headers })).json();
  const origin = server.url.replace("http:", "https:");
  expect(card.supportedInterfaces.map(({ url }: { url: string }) => url)).toEqual([
    `${origin}/a2a`,
    `${origin}/a2a`,
    new URL(origin).host,
  ]);
});

test("F-A2A-LIST: a list without artifacts does not name them", async () => {
  const contextId = randomUUID();
  const sent = { message: { messageId: "m", contextId, role: "ROLE_USER", parts: [{ text: "Hi" }] } };
  await postA2a(server.url, key, "SendMessage", sent);
  const { body } = await postA2a(server.url, key, "ListTasks", { contextId });
  expect(body.result.tasks[0]).not.toHaveProperty("artifacts");
  expect(body.result).toMatchObject({ totalSize: 1, pageSize: 50 });
});
