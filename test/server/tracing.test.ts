// Tracing as operators switch it on: a whole server, told by the standard variables, and a collector that reads OTLP.
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { loadConfig } from "../../src/config/config.ts";
import { type Tenant, tablesAt } from "../fault/stage/database.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { type RunningServer, startServer } from "../support/servers/process.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../support/services/agents.ts";
import { type Collector, startCollector } from "../support/services/collector.ts";
import { type Receiver, startReceiver } from "../support/services/webhook-receiver.ts";

// Whole processes, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";

let own: TestDatabase;
let collector: Collector;
let model: FakeOpenAi;
let receiver: Receiver;
let server: RunningServer;
let url: string;
let tenant: Tenant;

beforeAll(async () => {
  own = await createTestDatabase();
  tenant = await tablesAt(own.url).tenant();
  [collector, model, receiver] = await Promise.all([startCollector(), startFakeOpenAi(), startReceiver()]);
  server = startServer({
    ...settings(),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    OTEL_BSP_SCHEDULE_DELAY: "20",
    COLLOQUY_HEARTBEAT: "1",
  });
  url = /(http\S+)/.exec(await server.ready)?.[1] ?? "";
});

afterAll(async () => {
  server.signal("SIGTERM");
  await server.ended;
  await Promise.all([model.close(), receiver.close(), collector[Symbol.asyncDispose]()]);
  await own.drop();
});

function settings() {
  return {
    DATABASE_URL: own.url,
    PORT: "0",
    COLLOQUY_COMPAT: "",
    COLLOQUY_AGENT_PRIVATE: "yes",
    COLLOQUY_WEBHOOK_PRIVATE: "yes",
  };
}

/** A call over Connect, below a span of the caller. */
async function call(method: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${url}/colloquy.v1.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...tenant.headers, ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

const traceparent = (trace: string, flags = "01") => ({ traceparent: `00-${trace}-${CALLER}-${flags}` });

async function newConversation(fields: object = {}): Promise<string> {
  const { body } = await call("ConversationService/CreateConversation", {
    conversation: { title: "traced", ...fields },
  });
  return body.conversation.id;
}

test("a call is a span below its caller's, and its statements are spans below it", async () => {
  const id = await newConversation();
  const sent = { conversationId: id, message: { role: "MESSAGE_ROLE_USER", content: "a secret of the otter" } };
  expect((await call("MessageService/SendMessage", sent, traceparent(TRACE))).status).toBe(200);
  const span = await collector.span(({ traceId, kind }) => traceId === TRACE && kind === 2);
  expect(span).toMatchObject({
    name: "colloquy.v1.MessageService/SendMessage",
    parentId: CALLER,
    status: 0,
    attributes: {
      "rpc.system.name": "connectrpc",
      "rpc.method": "colloquy.v1.MessageService/SendMessage",
      "rpc.response.status_code": "OK",
      "colloquy.protocol": "connect",
    },
    resource: {
      "service.name": "colloquy",
      "service.version": expect.any(String),
      "deployment.environment.name": "test",
    },
  });
  const statement = await collector.span(({ traceId, name }) => traceId === TRACE && name.startsWith("log_send"));
  expect(statement).toMatchObject({
    parentId: span.spanId,
    kind: 3,
    attributes: { "db.system.name": "postgresql", "db.query.summary": statement.name },
  });
  expect(collector.requests[0]).toEqual(["/v1/traces", "application/x-protobuf"]);
});

test("every protocol takes the caller's trace", async () => {
  const id = await newConversation();
  const traces = { rest: "1".repeat(32), grpc: "2".repeat(32) };
  await fetch(`${url}/v1/conversations/${id}/messages`, {
    headers: { ...tenant.headers, ...traceparent(traces.rest) },
  });
  const client = createClient(MessageService, createGrpcTransport({ baseUrl: url }));
  await client.listMessages({ conversationId: id }, { headers: { ...tenant.headers, ...traceparent(traces.grpc) } });
  for (const [protocol, trace] of Object.entries(traces)) {
    const span = await collector.span(({ traceId, kind }) => traceId === trace && kind === 2);
    expect(span).toMatchObject({
      name: "colloquy.v1.MessageService/ListMessages",
      parentId: CALLER,
      attributes: { "colloquy.protocol": protocol },
    });
  }
});

test("a caller's mistake is no error of the server, and is told by code and reason", async () => {
  const trace = "3".repeat(32);
  await call(
    "MessageService/ListMessages",
    { conversationId: "01a22443-120c-775a-b7ce-e7102b61a112" },
    traceparent(trace),
  );
  const span = await collector.span(({ traceId, kind }) => traceId === trace && kind === 2);
  expect(span).toMatchObject({
    status: 0,
    attributes: { "rpc.response.status_code": "NOT_FOUND", "colloquy.error.reason": "NOT_FOUND" },
  });
  expect(span.attributes).not.toHaveProperty("error.type");
});

test.each([
  ["not sampled by the caller", { traceparent: `00-${"4".repeat(32)}-${CALLER}-00` }, "4".repeat(32)],
  ["malformed", { traceparent: `00-${"5".repeat(32)}-${CALLER}` }, "5".repeat(32)],
  ["with an id of zeros", { traceparent: `00-${"0".repeat(32)}-${CALLER}-01` }, "0".repeat(32)],
])("a trace that is %s is not gone on with, and the call is served", async (_, headers, trace) => {
  const id = await newConversation();
  expect((await call("MessageService/ListMessages", { conversationId: id }, headers)).status).toBe(200);
  const after = "6".repeat(32);
  await call("MessageService/ListMessages", { conversationId: id }, traceparent(after));
  await collector.span(({ traceId }) => traceId === after);
  expect(collector.spans.filter(({ traceId }) => traceId === trace)).toEqual([]);
});

test("log lines lead to the trace", async () => {
  const trace = "7".repeat(32);
  const logged = lineOf(server, trace);
  await call("MessageService/ListMessages", { conversationId: await newConversation() }, traceparent(trace));
  const span = await collector.span(({ traceId, kind }) => traceId === trace && kind === 2);
  expect(await logged).toMatchObject({ method: "/colloquy.v1.MessageService/ListMessages", span_id: span.spanId });
});

/** The line of a call's trace. */
async function lineOf({ lines }: RunningServer, trace: string): Promise<Record<string, unknown> | undefined> {
  for await (const line of lines()) if (line.trace_id === trace) return line;
  return undefined;
}

test("a turn's call of the agent is in the trace, with tokens and without content, and the agent gets the trace", async () => {
  const trace = "8".repeat(32);
  model.answer = ({ response, finish, say }) => {
    say("the agent's secret");
    response.write(`data: {"choices":[],"model":"m-2","usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n`);
    finish();
  };
  const agent = { name: "traced", openai: { baseUrl: model.url, model: "m" } };
  expect((await call("AgentService/CreateAgent", { agent })).status).toBe(200);
  const id = await newConversation({ agent: "traced" });
  const reply = await fetch(`${url}/v1/conversations/${id}:chat`, {
    method: "POST",
    headers: { "content-type": "application/json", ...tenant.headers, ...traceparent(trace) },
    body: JSON.stringify({ message: { role: "MESSAGE_ROLE_USER", content: "a secret of the otter" } }),
  });
  expect(reply.status).toBe(200);
  await reply.text();
  const span = await collector.span(({ traceId, name }) => traceId === trace && name === "invoke_agent traced");
  expect(span.attributes).toMatchObject({
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.provider.name": "openai",
    "gen_ai.agent.name": "traced",
    "gen_ai.request.model": "m",
    "gen_ai.conversation.id": id,
    "gen_ai.usage.input_tokens": 7,
    "gen_ai.usage.output_tokens": 3,
    "gen_ai.response.finish_reasons": ["stop"],
  });
  expect(model.calls.at(-1)?.headers.traceparent).toBe(`00-${trace}-${span.spanId}-01`);
  expect(collector.bytes()).not.toContain("secret");
});

test("each attempt of a webhook begins a trace that its receiver goes on with", async () => {
  const endpoint = { url: `${receiver.url}/hook?key=hidden`, eventTypes: ["message.sent"] };
  expect((await call("WebhookService/CreateWebhookEndpoint", { endpoint })).status).toBe(200);
  const id = await newConversation();
  const took = Promise.withResolvers<string>();
  receiver.answer = ({ headers, response }) => {
    response.writeHead(204).end();
    took.resolve(String(headers.traceparent));
  };
  await call("MessageService/SendMessage", {
    conversationId: id,
    message: { role: "MESSAGE_ROLE_USER", content: "out" },
  });
  const [, trace, spanId] = (await took.promise).split("-");
  const span = await collector.span((each) => each.spanId === spanId);
  expect(span).toMatchObject({
    name: "webhook",
    traceId: trace,
    parentId: "",
    kind: 3,
    attributes: { "server.address": "127.0.0.1", "http.response.status_code": 204, "colloquy.webhook.events": 1 },
  });
  expect(collector.bytes()).not.toContain("hidden");
});

test("a stream is one span, whose end says how it ended", async () => {
  const trace = "9".repeat(32);
  const id = await newConversation();
  const leaving = new AbortController();
  const stream = await fetch(`${url}/v1/conversations/${id}:subscribe`, {
    headers: { ...tenant.headers, accept: "text/event-stream", ...traceparent(trace) },
    signal: leaving.signal,
  });
  await stream.body?.getReader().read();
  leaving.abort();
  const span = await collector.span(({ traceId, kind }) => traceId === trace && kind === 2);
  expect(span).toMatchObject({ status: 0, attributes: { "rpc.response.status_code": "CANCELED" } });
});

test("what a call starts in the background, and what it does for others later, is not in the call's trace", async () => {
  const trace = "b".repeat(32);
  const traced = traceparent(trace);
  const id = await newConversation();
  const delivered = Promise.withResolvers<void>();
  receiver.answer = ({ response, body }) => {
    response.writeHead(204).end();
    if (String(body).includes("after them")) delivered.resolve();
  };
  const signal = { conversationId: id, name: "typing" };
  const all = "conversations:subscribe?includeSignals=true&includePresence=true";
  const one = `conversations/${id}:subscribe?includeSignals=true`;
  const starters = [await subscribe(all, traced), await subscribe(one, traced)];
  const others = [await subscribe(all), await subscribe(one)];
  const endpoint = { url: `${receiver.url}/later`, eventTypes: ["message.sent"] };
  expect((await call("WebhookService/CreateWebhookEndpoint", { endpoint }, traced)).status).toBe(200);
  expect((await call("SignalService/SendSignal", signal, traced)).status).toBe(200);
  for (const { leave } of starters) leave();
  for (const name of ["Subscribe", "SendSignal", "CreateWebhookEndpoint"]) {
    await collector.span((span) => span.traceId === trace && span.name.endsWith(name));
  }
  const message = { role: "MESSAGE_ROLE_USER", content: "after them" };
  await call("MessageService/SendMessage", { conversationId: id, message });
  await Promise.all([delivered.promise, ...others.map(({ until }) => until("after them"))]);
  await call("SignalService/SendSignal", signal);
  const after = "c".repeat(32);
  await call("MessageService/ListMessages", { conversationId: id }, traceparent(after));
  await collector.span(({ traceId, kind }) => traceId === after && kind === 2);
  for (const { leave } of others) leave();
  const own = collector.spans.filter(({ traceId }) => traceId === trace);
  const calls = new Map(own.flatMap(({ spanId, kind }, at) => (kind === 2 ? [[spanId, at] as const] : [])));
  const late = own.filter(({ parentId }, at) => at > (calls.get(parentId) ?? Number.POSITIVE_INFINITY));
  expect(calls.size).toBe(4);
  expect(late.map(({ name }) => name)).toEqual([]);
});

/** Follows a stream over REST, from its first bytes on. */
async function subscribe(path: string, headers: Readonly<Record<string, string>> = {}) {
  const leaving = new AbortController();
  const response = await fetch(`${url}/v1/${path}`, {
    headers: { ...tenant.headers, accept: "text/event-stream", ...headers },
    signal: leaving.signal,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  await reader?.read();
  return {
    leave: () => leaving.abort(),
    async until(text: string) {
      for (let read = ""; !read.includes(text); ) {
        const step = await reader?.read();
        if (step === undefined || step.done) throw new Error(`the stream ended before "${text}"`);
        read += step.value;
      }
    },
  };
}

test("a collector that is away holds up nothing, is said once, and does not delay the stop", async () => {
  const lonely = startServer({
    ...settings(),
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    OTEL_EXPORTER_OTLP_TIMEOUT: "100",
    OTEL_BSP_SCHEDULE_DELAY: "20",
  });
  const told = lonely.logs("ECONNREFUSED");
  const address = /(http\S+)/.exec(await lonely.ready)?.[1];
  const listed = await fetch(`${address}/v1/conversations`, { headers: tenant.headers });
  expect(listed.status).toBe(200);
  lonely.signal("SIGTERM");
  expect((await lonely.ended).status).toBe(0);
  await told;
});

test.each([
  [{ OTEL_TRACES_SAMPLER: "sometimes" }, "OTEL_TRACES_SAMPLER: must be one of always_on, always_off, traceidratio"],
  [{ OTEL_TRACES_SAMPLER_ARG: "2" }, "OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1"],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf"],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }, "OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL that begins with"],
  [{ OTEL_BSP_MAX_QUEUE_SIZE: "0" }, "OTEL_BSP_MAX_QUEUE_SIZE: must be a number from 1 to 100000"],
  [{ OTEL_TRACES_EXPORTER: "zipkin" }, "OTEL_TRACES_EXPORTER: must be otlp or none"],
])("%j is refused in words", (variables, words) => {
  expect(() => loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318", ...variables })).toThrow(words);
});

test.each([{}, { OTEL_TRACES_EXPORTER: "none" }, { OTEL_SDK_DISABLED: "true" }])("%j does not trace", (variables) => {
  expect(loadConfig(variables).tracing).toBeUndefined();
});
