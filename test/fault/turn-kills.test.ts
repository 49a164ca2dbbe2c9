// Turns with tools whose server is killed at every stage: nothing runs twice, no call is left without a result, and
// what waits goes on at another server.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MessageKind } from "../../gen/colloquy/v1/message_pb.ts";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import type { ChatStep } from "../../src/client/chat.ts";
import { type ColloquyClient, createClient } from "../../src/client/index.ts";
import { startTestCluster, type TestCluster } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type RunningServer, startServer } from "../support/servers/process.ts";
import { type FakeOpenAi, type OpenAiCall, startFakeOpenAi } from "../support/services/agents.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/services/cutting-proxy.ts";

interface Running extends RunningServer {
  readonly url: string;
}

let cluster: TestCluster;
let openai: FakeOpenAi;
let tools: Server;
let url = "";
let dataDir: string;
let settings: Record<string, string>;
let servers: Running[];
let proxy: CuttingProxy;
let client: ColloquyClient;
let agents = 0;

/** Where the turn stands when its server is killed. */
const STAGES = ["speaks", "runs", "waits", "goes on"] as const;
type Stage = (typeof STAGES)[number];
let stage: Stage | undefined;
let reached: PromiseWithResolvers<void>;
let go: PromiseWithResolvers<void>;
/** The ids of calls that the tool over HTTP was asked for. */
const ran: string[] = [];

async function hold(here: Stage): Promise<void> {
  if (here !== stage) return;
  reached.resolve();
  await go.promise;
}

beforeAll(async () => {
  [cluster, openai] = await Promise.all([startTestCluster(), startFakeOpenAi()]);
  tools = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    ran.push(JSON.parse(Buffer.concat(chunks).toString()).toolCallId);
    await hold("runs");
    response.end('"did it"');
  });
  await new Promise<void>((resolve) => tools.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(tools.address() as AddressInfo).port}/`;
  dataDir = await mkdtemp(join(tmpdir(), "colloquy-kills-"));
  settings = {
    DATABASE_URL: cluster.url,
    PORT: "0",
    LOG_LEVEL: "fatal",
    COLLOQUY_DATA_DIR: dataDir,
    COLLOQUY_COMPAT: "",
    COLLOQUY_AGENT_PRIVATE: "yes",
    COLLOQUY_RATE_LIMITS: "off",
  };
  await runInProcess(["migrate"], settings);
  const first = await start();
  const { stdout } = await runInProcess(["key", "create", "--scopes", "read,write,admin"], settings);
  first.signal("SIGKILL");
  proxy = await startCuttingProxy(() => (servers[0] as Running).url);
  client = createClient({ baseUrl: proxy.url, apiKey: stdout.trim() });
});
afterAll(async () => {
  await proxy?.close();
  tools?.closeAllConnections();
  await Promise.all([openai?.close(), cluster?.stop(), new Promise((resolve) => tools?.close(resolve))]);
  await rm(dataDir, { recursive: true, force: true });
});
beforeEach(async () => {
  ran.length = 0;
  openai.calls.length = 0;
  reached = Promise.withResolvers();
  go = Promise.withResolvers();
  openai.answer = answer;
  // They end with the test.
  servers = await Promise.all([start(), start()]);
  proxy.cut();
});

async function start(): Promise<Running> {
  const server = startServer(settings);
  return { ...server, url: /http:\/\/\S+/.exec(await server.ready)?.[0] ?? "" };
}

/** Calls a tool first, and says that it is done once it has the result. */
async function answer(call: OpenAiCall): Promise<void> {
  const send = (delta: object, finish: string | null) => {
    if (!call.response.headersSent) call.response.writeHead(200, { "content-type": "text/event-stream" });
    const choices = [{ index: 0, delta, finish_reason: finish }];
    call.response.write(
      `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, choices })}\n\n`,
    );
  };
  if (call.body.messages.at(-1)?.role === "tool") {
    await hold("goes on");
    call.say("Done.");
    call.finish();
    return;
  }
  if (call.body.messages.at(-1)?.content !== "act") {
    call.say("Well.");
    call.finish();
    return;
  }
  const name = stage === "waits" || stage === "goes on" ? "ask" : "look";
  const tool = { index: 0, id: "c1", type: "function", function: { name, arguments: "{}" } };
  send({ content: "Let me see." }, null);
  send({ tool_calls: [tool] }, null);
  await hold("speaks");
  send({}, "tool_calls");
  call.response.end("data: [DONE]\n\n");
}

async function begin(at: Stage) {
  stage = at;
  const name = `agent ${++agents}`;
  const connector = { case: "openai", value: { baseUrl: openai.url, model: "m" } };
  const own = [
    { name: "look", runs: { case: "http", value: { url } } },
    { name: "ask", runs: { case: "client", value: {} } },
  ];
  const agent: object = { name, connector, idleTimeout: { seconds: 60n }, tools: own };
  await client.agents.createAgent({ agent });
  const made = await client.conversations.createConversation({ conversation: { agent: name } });
  const conversationId = made.conversation?.id ?? "";
  const steps: ChatStep[] = [];
  const waits = Promise.withResolvers<string>();
  const reading = (async () => {
    const backoff = { initialMs: 20, maxMs: 200 };
    for await (const step of client.chat({ conversationId, content: "act", entries: true, backoff })) {
      steps.push(step);
      if (step.kind === "input_required") waits.resolve(step.turn.id);
    }
  })();
  reading.catch(() => {});
  return { conversationId, steps, reading, waits: waits.promise };
}

/** Kills the server that all calls go to; they go to the other from now on. */
async function kill(): Promise<void> {
  const [dead, alive] = servers as [Running, Running];
  servers = [alive, dead];
  dead.signal("SIGKILL");
}

const results = [{ callId: "c1", output: { case: "text", value: "an answer" } as const }];

async function log(conversationId: string): Promise<string[]> {
  const { messages } = await client.messages.listMessages({ conversationId, kinds: [1, 3, 4] });
  return messages.map(({ kind, content, parts }) => {
    const part = parts[0]?.content;
    return kind === MessageKind.TOOL_RESULT && part?.case === "toolResult"
      ? `result ${part.value.callId} ${part.value.output.value}`
      : content || (part?.case ?? "");
  });
}

/** What the model gets of it next: each call has its result right behind it, once. */
async function next(conversationId: string): Promise<string[]> {
  stage = undefined;
  for await (const step of client.chat({ conversationId, content: "next" })) {
    if (step.kind === "ended") expect(step.turn.state).toBe(TurnState.COMPLETE);
  }
  const messages = (openai.calls.at(-1)?.body.messages ?? []) as {
    role: string;
    content: string;
    tool_calls?: { id: string }[];
    tool_call_id?: string;
  }[];
  return messages.map(({ role, content, tool_calls: calls, tool_call_id: id }) =>
    [role, id ?? calls?.map((call) => call.id).join() ?? content].join(" "),
  );
}

// Until another believes a server dead takes seconds: at one stage each time, at all of them in the torture runs.
const slow = (at: Stage) => at === "runs" || process.env.TORTURE === "1";

test.runIf(slow("speaks"))(
  "killed while the agent still speaks, a call that is not whole is not run",
  async () => {
    const { conversationId, steps, reading } = await begin("speaks");
    await reached.promise;
    await expect.poll(() => steps.some(({ kind }) => kind === "entry_ended")).toBe(true);
    await kill();
    await reading;
    go.resolve();
    expect(steps.at(-1)).toMatchObject({ kind: "ended", turn: { state: TurnState.FAILED } });
    expect(ran).toEqual([]);
    expect(await log(conversationId)).toEqual(["act", "Let me see."]);
    expect((await next(conversationId)).slice(-3)).toEqual(["user act", "assistant Let me see.", "user next"]);
  },
  60_000,
);

test.runIf(slow("runs"))(
  "killed while a tool runs, that is not run again, and the agent reads that it may have run",
  async () => {
    const { conversationId, steps, reading } = await begin("runs");
    await reached.promise;
    await kill();
    await reading;
    go.resolve();
    expect(steps.at(-1)).toMatchObject({ kind: "ended", turn: { state: TurnState.FAILED } });
    expect(ran).toEqual(["c1"]);
    expect(await log(conversationId)).toEqual([
      "act",
      "Let me see.",
      "toolCall",
      "result c1 no result: the server that ran the turn is gone; it may have run",
    ]);
    expect((await next(conversationId)).slice(0, 3)).toEqual(["user act", "assistant c1", "tool c1"]);
    expect(ran).toEqual(["c1"]);
  },
  60_000,
);

test("killed while a turn waits, it goes on at the other server with the answer, which counts once", async () => {
  const { conversationId, steps, reading, waits } = await begin("waits");
  const turnId = await waits;
  await kill();
  const { turn } = await client.turns.getTurn({ turnId });
  expect(turn).toMatchObject({ state: TurnState.INPUT_REQUIRED, awaited: [{ callId: "c1" }] });
  await client.turns.answerTurn({ turnId, results, requestId: "once" });
  await client.turns.answerTurn({ turnId, results, requestId: "once" });
  await reading;
  expect(steps.at(-1)).toMatchObject({ turn: { state: TurnState.COMPLETE }, reply: { content: "Done." } });
  expect(await log(conversationId)).toEqual(["act", "Let me see.", "toolCall", "result c1 an answer", "Done."]);
  const ended = steps.flatMap((step) => (step.kind === "entry_ended" ? [step.entry.index] : []));
  expect(ended).toEqual([0, 1, 2, 3]);
}, 120_000);

test("with all servers gone and back, a turn that waits still does, and goes on", async () => {
  const { conversationId, reading, steps, waits } = await begin("waits");
  const turnId = await waits;
  for (const server of servers) server.signal("SIGKILL");
  servers = [await start()];
  await client.turns.answerTurn({ turnId, results });
  await reading;
  expect(steps.at(-1)).toMatchObject({ turn: { state: TurnState.COMPLETE } });
  expect(await log(conversationId)).toEqual(["act", "Let me see.", "toolCall", "result c1 an answer", "Done."]);
}, 120_000);

test.runIf(slow("goes on"))(
  "killed between a result and the next step, the turn fails with the result kept",
  async () => {
    const { conversationId, steps, reading, waits } = await begin("goes on");
    const turnId = await waits;
    await client.turns.answerTurn({ turnId, results });
    await reached.promise;
    await kill();
    await reading;
    go.resolve();
    expect(steps.at(-1)).toMatchObject({ kind: "ended", turn: { state: TurnState.FAILED } });
    expect(await log(conversationId)).toEqual(["act", "Let me see.", "toolCall", "result c1 an answer"]);
    expect((await next(conversationId)).slice(0, 3)).toEqual(["user act", "assistant c1", "tool c1"]);
    // What failed is generated again.
    for await (const step of client.regenerate({
      conversationId,
      messageId: steps[0]?.kind === "started" ? steps[0].message.id : "",
    })) {
      if (step.kind === "input_required") await client.turns.answerTurn({ turnId: step.turn.id, results });
      if (step.kind === "ended") expect(step.turn.state).toBe(TurnState.COMPLETE);
    }
  },
  60_000,
);
