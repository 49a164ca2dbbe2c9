// Agents that speak A2A, behind us: one on the official package, another Colloquy, and one that behaves as it is told.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MessageKind } from "../../gen/colloquy/v1/message_pb.ts";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { failureOf } from "../support/failure.ts";
import { hear } from "../support/fronts/chat.ts";
import { startChild } from "../support/run/child.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { freePort } from "../support/services/free-port.ts";

/** An agent that answers each POST by a script, over JSON-RPC. */
interface OddAgent {
  readonly url: string;
  readonly asked: { readonly body: Rpc; readonly authorization: string | undefined }[];
  card: (url: string) => object;
  answer: (body: Rpc, response: ServerResponse, request: IncomingMessage) => void;
  close(): Promise<void>;
}

interface Rpc {
  readonly id: number;
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly params: any;
}

async function startOddAgent(): Promise<OddAgent> {
  const asked: OddAgent["asked"] = [];
  const http: Server = createServer(async (request, response) => {
    if (request.method === "GET") return void response.end(JSON.stringify(agent.card(agent.url)));
    const body = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString()) as Rpc;
    asked.push({ body, authorization: request.headers.authorization });
    agent.answer(body, response, request);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const agent: OddAgent = {
    url,
    asked,
    card: cardAt,
    answer: () => {},
    close: () =>
      new Promise((resolve) => {
        http.closeAllConnections();
        http.close(() => resolve());
      }),
  };
  return agent;
}

const cardAt = (url: string, more: object = {}) => ({
  name: "odd",
  description: "",
  version: "1",
  supportedInterfaces: [{ url, protocolBinding: "JSONRPC", protocolVersion: "1.0" }],
  capabilities: { streaming: true },
  defaultInputModes: [],
  defaultOutputModes: [],
  skills: [],
  ...more,
});

/** A stream of results. */
function streams(...results: readonly object[]): OddAgent["answer"] {
  return ({ id }, response) => {
    response.setHeader("content-type", "text/event-stream");
    for (const result of results) response.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
    response.end();
  };
}

const AT = { taskId: "t1", contextId: "c1" };
const task = (state: string, more: object = {}) => ({
  task: { id: "t1", contextId: "c1", status: { state }, ...more },
});
const status = (state: string, text?: string) => ({
  statusUpdate: {
    ...AT,
    status: { state, ...(text && { message: { messageId: "s", role: "ROLE_AGENT", parts: [{ text }] } }) },
  },
});
const artifact = (text: string, append = false, artifactId = "a") => ({
  artifactUpdate: { ...AT, append, artifact: { artifactId, parts: [{ text }] } },
});

let server: StoreServer;
let strict: StoreServer;
let odd: OddAgent;
let other: IdentityServer;
beforeAll(async () => {
  [server, odd, other] = await Promise.all([
    startStoreServer(),
    startOddAgent(),
    startIdentityServer({ environment: { COLLOQUY_COMPAT: "a2a" } }),
  ]);
  strict = await startStoreServer({ allowPrivate: false });
});
beforeEach(() => {
  odd.asked.length = 0;
  odd.card = cardAt;
});
afterAll(() => Promise.all([server.close(), strict.close(), odd.close(), other.close()]));

async function scene(baseUrl: string, more: object = {}) {
  const tenant = await server.tenant("alice");
  const clients = tenant.key();
  const connector = { case: "a2a", value: { baseUrl } } as const;
  await clients.agents.createAgent({ agent: { name: "gardener", connector, ...more } });
  const { conversation } = await clients.conversations.createConversation({ conversation: { agent: "gardener" } });
  const conversationId = conversation?.id ?? "";
  const say = async (content: string) => {
    const { ended } = await hear(clients.turns.chat({ conversationId, message: { content } }));
    return { turn: ended?.turn, reply: ended?.reply };
  };
  return { clients, conversationId, say };
}

describe("an agent on the official package", () => {
  test("replies, is told what is new in one context, and goes on where it has asked back", async () => {
    const port = await freePort();
    const child = startChild(process.execPath, ["examples/agents/a2a-agent.ts"], { env: { PORT: String(port) } });
    await once(child.stdout as Readable, "data");
    const { say, clients, conversationId } = await scene(`http://127.0.0.1:${port}`);
    expect((await say("The roses need water")).reply?.content).toBe("The roses need water");
    expect((await say("water please")).reply?.content).toBe("Which plant?");
    expect((await say("the roses")).reply?.content).toBe("watered the roses");
    expect((await say("thanks")).reply?.content).toBe("thanks");
    const { messages } = await clients.messages.listMessages({ conversationId, kinds: [MessageKind.ITEM] });
    const ids = messages.map(
      ({ parts: [part] }) =>
        /"contextId":"([^"]+)"/.exec(JSON.stringify(part?.content.value ?? {}).replaceAll("\\", ""))?.[1],
    );
    expect([ids.length, new Set(ids).size, ids[0]?.length]).toEqual([5, 1, 36]);
  });
});

describe("another Colloquy as the agent", () => {
  test("has the conversation as one of its own", async () => {
    const made = await (await other.tenant()).key("read", "write", "admin");
    const { AgentService } = await import("../../gen/colloquy/v1/agent_service_pb.ts");
    const { ConversationService } = await import("../../gen/colloquy/v1/conversation_service_pb.ts");
    const parrot = { name: "parrot", connector: { case: "echo", value: {} } } as const;
    await other.client(AgentService, made.credential).createAgent({ agent: parrot });
    const { say } = await scene(`${other.url}/a2a/parrot`, { credential: made.text });
    expect((await say("Hello")).reply?.content).toBe("Hello");
    expect((await say("Again")).reply?.content).toBe("Again");
    const { conversations } = await other.client(ConversationService, made.credential).listConversations({});
    expect(conversations.map(({ messageCount }) => messageCount)).toEqual([4n]);
  });
});

describe("an agent of any behaviour", () => {
  test("is heard word by word, also where it tells an artifact again from its beginning", async () => {
    odd.answer = streams(
      task("TASK_STATE_WORKING"),
      status("TASK_STATE_WORKING", "looking"),
      artifact("Good "),
      artifact("Good day", false),
      artifact("!", true),
      artifact("And more", false, "b"),
      status("TASK_STATE_COMPLETED", "And more"),
    );
    const { say, clients, conversationId } = await scene(odd.url);
    expect((await say("Hi")).reply?.content).toBe("Good day!\n\nAnd more");
    const { messages } = await clients.messages.listMessages({ conversationId, kinds: [MessageKind.REASONING] });
    expect(messages.map(({ parts: [part] }) => part?.content.value)).toMatchObject([{ text: "looking" }]);
  });

  test("is heard where it answers with a message, and where it does not stream", async () => {
    odd.answer = streams({
      message: { messageId: "m", role: "ROLE_AGENT", contextId: "c1", parts: [{ text: "Hey" }] },
    });
    expect((await (await scene(odd.url)).say("Hi")).reply?.content).toBe("Hey");
    odd.card = (url) => cardAt(url, { capabilities: { streaming: false } });
    odd.answer = ({ id }, response) => {
      const result = task("TASK_STATE_COMPLETED", { artifacts: [{ artifactId: "a", parts: [{ text: "All" }] }] });
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
    };
    expect((await (await scene(odd.url)).say("Hi")).reply?.content).toBe("All");
  });

  test("is asked for its task where the stream ends before that, and no word comes twice", async () => {
    odd.answer = (body, response, request) => {
      if (body.method !== "GetTask")
        return streams(task("TASK_STATE_WORKING"), artifact("Good "))(body, response, request);
      const artifacts = [{ artifactId: "a", parts: [{ text: "Good " }, { text: "day" }] }];
      response.setHeader("content-type", "application/json");
      const { task: result } = task("TASK_STATE_COMPLETED", { artifacts });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: body.id, result }));
    };
    expect((await (await scene(odd.url)).say("Hi")).reply?.content).toBe("Good day");
  });

  test("that waits for what a text cannot say gets the next message as another task of the context", async () => {
    const waits = task("TASK_STATE_INPUT_REQUIRED", {});
    odd.answer = (body, response, request) => {
      const { taskId } = body.params.message ?? {};
      response.setHeader("content-type", "application/json");
      if (body.method === "GetTask") {
        response.end(JSON.stringify({ jsonrpc: "2.0", id: body.id, result: waits.task }));
      } else if (taskId !== undefined && taskId !== "") {
        const error = { code: -32602, message: "answer by a data part" };
        response.end(JSON.stringify({ jsonrpc: "2.0", id: body.id, error }));
      } else if (odd.asked.length === 1) {
        streams(task("TASK_STATE_WORKING"), status("TASK_STATE_INPUT_REQUIRED", "May I?"))(body, response, request);
      } else {
        const { task: done } = task("TASK_STATE_COMPLETED", {
          artifacts: [{ artifactId: "b", parts: [{ text: "Then not." }] }],
        });
        streams({ task: { ...done, id: "t2" } })(body, response, request);
      }
    };
    const { say } = await scene(odd.url);
    expect((await say("Hi")).reply?.content).toBe("May I?");
    expect((await say("Never mind")).reply?.content).toBe("Then not.");
    const sent = odd.asked.filter(({ body }) => body.method !== "GetTask").map(({ body }) => body.params.message);
    expect(sent.map(({ taskId, contextId }) => [taskId || undefined, contextId || undefined])).toEqual([
      [undefined, undefined],
      ["t1", "c1"],
      [undefined, "c1"],
    ]);
  });

  test("fails its turn by what it says of the task, and keeps what it said", async () => {
    odd.answer = streams(task("TASK_STATE_WORKING"), artifact("Half"), status("TASK_STATE_FAILED", "secret"));
    const { turn, reply } = await (await scene(odd.url)).say("Hi");
    expect([turn?.state, turn?.failure, reply?.content]).toEqual([TurnState.FAILED, "the agent's task failed", "Half"]);
    odd.answer = ({ id }, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32602, message: "no" } }));
    };
    expect((await (await scene(odd.url)).say("Hi")).turn?.failure).toBe("the agent reported an error");
    odd.answer = ({ id }, response) => {
      response.setHeader("content-type", "text/event-stream");
      response.end(`data: ${JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32603, message: "secret" } })}\n\n`);
    };
    expect((await (await scene(odd.url)).say("Hi")).turn?.failure).toBe("the agent reported an error");
    for (const garbage of ["data: nonsense\n\n", 'data: {"jsonrpc":"2.0","id":"other","result":{}}\n\n']) {
      odd.answer = (_, response) => void response.setHeader("content-type", "text/event-stream").end(garbage);
      expect((await (await scene(odd.url)).say("Hi")).turn?.failure).toBe("the agent's response is not a reply");
    }
    odd.answer = (_, response) => void response.destroy();
    const broken = "the agent cannot be reached, or the connection broke";
    expect((await (await scene(odd.url)).say("Hi")).turn?.failure).toBe(broken);
    odd.answer = (_, response) => void response.writeHead(401).end();
    expect((await (await scene(odd.url)).say("Hi")).turn?.failure).toBe("the agent returned status 401");
    odd.card = () => ({ nonsense: true });
    expect((await (await scene(odd.url)).say("Hi")).turn?.state).toBe(TurnState.FAILED);
  });

  test("is told to cancel what nobody waits for", async () => {
    const cancelled = Promise.withResolvers<unknown>();
    odd.answer = (body, response) => {
      if (body.method === "CancelTask") cancelled.resolve(body.params.id);
      else {
        response.setHeader("content-type", "text/event-stream");
        const { id } = body;
        for (const result of [task("TASK_STATE_WORKING"), artifact("Wait")]) {
          response.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
        }
      }
    };
    const { clients, conversationId } = await scene(odd.url);
    for await (const { event } of clients.turns.chat({ conversationId, message: { content: "Hi" } })) {
      if (event.case !== "delta") continue;
      const { turns } = await clients.turns.listTurns({ conversationId });
      await clients.turns.cancelTurn({ turnId: turns[0]?.id ?? "" });
    }
    expect(await cancelled.promise).toBe("t1");
  });

  test("gets the credential at its own address alone, wherever its card leads", async () => {
    const elsewhere = await startOddAgent();
    try {
      odd.card = () => cardAt(elsewhere.url);
      elsewhere.answer = streams(
        task("TASK_STATE_COMPLETED", { artifacts: [{ artifactId: "a", parts: [{ text: "x" }] }] }),
      );
      expect((await (await scene(odd.url, { credential: "s3cret" })).say("Hi")).reply?.content).toBe("x");
      expect(elsewhere.asked.map(({ authorization }) => authorization)).toEqual([undefined]);
    } finally {
      await elsewhere.close();
    }
  });

  test("is refused at private addresses", async () => {
    const tenant = await strict.tenant("alice");
    const connector = { case: "a2a", value: { baseUrl: odd.url } } as const;
    expect(await failureOf(tenant.key().agents.createAgent({ agent: { name: "near", connector } }))).toMatchObject({
      reason: "INVALID_FIELD",
      message: expect.stringContaining("agent.a2a.base_url: must not be on a private network"),
    });
  });

  test("takes no credential along to another address", async () => {
    const { clients } = await scene(odd.url, { credential: "s3cret" });
    const { agents } = await clients.agents.listAgents({});
    const agentId = agents[0]?.id ?? "";
    const agent = { connector: { case: "a2a", value: { baseUrl: "http://127.0.0.1:9/" } } } as const;
    const update = clients.agents.updateAgent({ agentId, agent, updateMask: { paths: ["a2a"] } });
    expect(await failureOf(update)).toMatchObject({ reason: "INVALID_FIELD" });
  });
});
