// What others' traces lost or gave away, tried on ours: reports are named beside each test.
import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { type Tenant, tablesAt } from "../fault/stage/database.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { type Environment, type RunningServer, startServer } from "../support/servers/process.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../support/services/agents.ts";
import { type Collector, startCollector } from "../support/services/collector.ts";

// Whole processes, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const CALLER = "b7ad6b7169203331";

let own: TestDatabase;
let collector: Collector;
let model: FakeOpenAi;
let tenant: Tenant;
let server: RunningServer;
let url: string;

beforeAll(async () => {
  own = await createTestDatabase();
  tenant = await tablesAt(own.url).tenant();
  [collector, model] = await Promise.all([startCollector(), startFakeOpenAi()]);
  [server, url] = await serving({ OTEL_BSP_SCHEDULE_DELAY: "20" });
});

afterAll(async () => {
  await stop(server);
  await Promise.all([model.close(), collector[Symbol.asyncDispose]()]);
  await own.drop();
});

async function serving(environment: Environment = {}): Promise<readonly [RunningServer, string]> {
  const server = startServer({
    DATABASE_URL: own.url,
    PORT: "0",
    COLLOQUY_COMPAT: "",
    COLLOQUY_AGENT_PRIVATE: "yes",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    ...environment,
  });
  return [server, /(http\S+)/.exec(await server.ready)?.[1] ?? ""];
}

async function stop(server: RunningServer): Promise<void> {
  server.signal("SIGTERM");
  expect((await server.ended).status).toBe(0);
}

const headers = (trace: string) => ({ ...tenant.headers, traceparent: `00-${trace}-${CALLER}-01` });
const spansOf = (trace: string) => collector.spans.filter(({ traceId }) => traceId === trace);

// fleetdm/fleet#38479, mezmo/aura#305, open-telemetry/opentelemetry-go#7596
test.each([["1"], ["2"]])("what was traced just before a stop is exported, with %s processes", async (workers) => {
  const trace = `a${workers}`.repeat(16);
  const [own, address] = await serving({ OTEL_BSP_SCHEDULE_DELAY: "600000", COLLOQUY_WORKERS: workers });
  expect((await fetch(`${address}/v1/conversations`, { headers: headers(trace) })).status).toBe(200);
  await stop(own);
  expect(spansOf(trace).map(({ name }) => name)).toContain("colloquy.v1.ConversationService/ListConversations");
});

// connectrpc/connect-es#1428, googleapis/google-cloud-rust#6593
test.each([
  ["connect", createConnectTransport, "c1".repeat(16)],
  ["grpc", createGrpcTransport, "c2".repeat(16)],
] as const)("a stream over %s keeps its trace until the end", async (protocol, createTransport, trace) => {
  const transport = createTransport({ baseUrl: url, httpVersion: "2" });
  const agent = { name: `a-${protocol}` };
  await fetch(`${url}/colloquy.v1.AgentService/CreateAgent`, {
    method: "POST",
    headers: { "content-type": "application/json", ...tenant.headers },
    body: JSON.stringify({ agent: { name: agent.name, openai: { baseUrl: model.url, model: "m" } } }),
  });
  const conversations = createClient(ConversationService, transport);
  const call = { headers: headers(trace) };
  const { conversation } = await conversations.createConversation({ conversation: { agent: agent.name } }, call);
  const message = { role: MessageRole.USER, content: "hi" };
  for await (const _ of createClient(TurnService, transport).chat(
    { conversationId: conversation?.id ?? "", message },
    call,
  ));
  const chat = await collector.span(
    ({ traceId, name }) => traceId === trace && name === "colloquy.v1.TurnService/Chat",
  );
  const spans = spansOf(trace);
  expect(chat).toMatchObject({ parentId: CALLER, attributes: { "rpc.response.status_code": "OK" } });
  expect(spans.find(({ name }) => name === `invoke_agent ${agent.name}`)).toMatchObject({ parentId: chat.spanId });
  const stored = spans.filter(({ kind, parentId }) => kind === 3 && parentId === chat.spanId);
  expect(stored.length).toBeGreaterThan(1);
});

// tokio-rs/tracing#743
test("without a usable parent, a call and its statements are one new trace", async () => {
  const response = await fetch(`${url}/v1/agents`, {
    headers: { ...tenant.headers, traceparent: "00-nonsense-b7ad6b7169203331-01", "x-request-id": "one-trace" },
  });
  expect(response.status).toBe(200);
  const call = await collector.span(({ name }) => name === "colloquy.v1.AgentService/ListAgents");
  expect(call.parentId).toBe("");
  const below = spansOf(call.traceId).filter(({ spanId }) => spanId !== call.spanId);
  expect(below.length).toBeGreaterThan(0);
  expect(new Set(below.map(({ parentId }) => parentId))).toEqual(new Set([call.spanId]));
});

// soulteary/stargate#74, census-instrumentation/opencensus-go#1285, mastra-ai/mastra#20669, deslicer/mcp-for-splunk#204
test("credentials, queries, paths and messages of errors are in no span", async () => {
  const trace = "d1".repeat(16);
  const key = tenant.headers.authorization?.slice("Bearer ".length) ?? "";
  await fetch(`${url}/v1/conversations?access_token=hidden-in-query&filter=hidden`, { headers: headers(trace) });
  await fetch(`${url}/v1/conversations/hidden-in-path/messages`, { headers: headers(trace) });
  await fetch(`${url}/v1/nowhere/hidden-in-path`, { headers: headers(trace) });
  const refused = createClient(ConversationService, createConnectTransport({ baseUrl: url, httpVersion: "1.1" }));
  await expect(refused.getConversation({ conversationId: "hidden-in-field" }, { headers: headers(trace) }))
    .rejects //
    .toMatchObject({ code: Code.NotFound });
  await collector.span(
    ({ traceId, name }) => traceId === trace && name === "colloquy.v1.ConversationService/GetConversation",
  );
  expect(collector.bytes()).not.toContain("hidden");
  expect(key.length).toBeGreaterThan(40);
  expect(collector.bytes()).not.toContain(key.slice(4, 40));
  expect(collector.spans.map(({ statusMessage }) => statusMessage).filter((text) => text !== "")).toEqual([]);
});

// PackmindHub/packmind#431: exporters that retry against nothing
test("nothing is exported where a variable switches tracing off", async () => {
  const trace = "e1".repeat(16);
  const [own, address] = await serving({ OTEL_SDK_DISABLED: "true" });
  await fetch(`${address}/v1/conversations`, { headers: headers(trace) });
  await stop(own);
  expect(spansOf(trace)).toEqual([]);
});
