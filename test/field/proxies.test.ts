// Behind real proxies, with the configuration that people copy and the one of docs/operations.md: every form of every
// call.
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { createConnectTransport as createWebTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { createClient as createColloquy } from "../../src/client/index.ts";
import { documented, HAS_PROXIES, type RealProxy, startHaproxy, startNginx } from "../support/parts/proxies.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../support/services/agents.ts";

let server: IdentityServer;
let agent: FakeAgent;
let key: { readonly text: string; readonly credential: Credential };
/** What the agent waits for before it answers, by conversation. */
const thoughts = new Map<string, Promise<void>>();

/**
 * What people copy: compression of everything, and a `proxy_pass` with nothing else, except that it gives up after 2 s
 * and not 60.
 */
const BARE = `
  gzip_proxied any; gzip_types *; gzip_min_length 1; gzip_vary on;
  server { listen 127.0.0.1:PORT; location / { proxy_pass http://UPSTREAM; proxy_read_timeout 2s; client_max_body_size 20m; } }
  server { listen 127.0.0.1:H2PORT http2; location / { grpc_pass grpc://UPSTREAM; grpc_read_timeout 2s; } }`;

/**
 * `patient`: it gives up as late as people's do, so that work which is no stream has its time on a busy machine, too.
 */
type Start = (upstream: string, patient?: boolean) => Promise<RealProxy>;

const PROXIES: readonly (readonly [string, Start])[] = [
  [
    "nginx with proxy_pass alone",
    (upstream, patient) => {
      const config = BARE.replaceAll("UPSTREAM", upstream);
      return startNginx(patient ? config.replaceAll("2s", "60s") : config);
    },
  ],
  [
    "nginx as documented, with the name of an upstream, as for several servers",
    async (upstream) => startNginx(`upstream servers { server ${upstream}; } ${await documented("nginx", "servers")}`),
  ],
  [
    "HAProxy as documented, with 2 s in place of 50",
    async (upstream, patient) => {
      const config = await documented("haproxy", upstream);
      return startHaproxy(patient ? config : config.replaceAll("50s", "2s"));
    },
  ],
];

beforeAll(async () => {
  const environment = {
    COLLOQUY_HEARTBEAT: "1",
    COLLOQUY_AGENT_PRIVATE: "yes",
    COLLOQUY_TRUSTED_PROXIES: "127.0.0.1",
    COLLOQUY_COMPAT: "crm",
  };
  server = await startIdentityServer({ environment });
  agent = await startFakeAgent();
  agent.answer = async function* ({ conversationId }) {
    await thoughts.get(conversationId);
    yield { text: "Hello" };
  };
  const tenant = await server.tenant();
  key = await tenant.key("read", "write", "admin");
  const agents = server.client(AgentService, key.credential);
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  await agents.createAgent({ agent: { name: "helper", connector } });
});
afterAll(async () => {
  await server.close();
  await agent.close();
});

describe.skipIf(!HAS_PROXIES).each(PROXIES)("F-PROXY-STREAM: behind %s", (_, start) => {
  let proxy: RealProxy;
  beforeAll(async () => {
    proxy = await start(new URL(server.url).host);
  });
  afterAll(() => proxy?.[Symbol.asyncDispose]());

  const introduce = [
    (next: Parameters<NonNullable<Parameters<typeof createConnectTransport>[0]["interceptors"]>[number]>[0]) =>
      (request: Parameters<typeof next>[0]) => {
        for (const [name, value] of Object.entries(key.credential)) request.header.set(name, value);
        return next(request);
      },
  ];
  const transports: Record<string, () => Transport> = {
    Connect: () => createConnectTransport({ baseUrl: proxy.url, httpVersion: "1.1", interceptors: introduce }),
    "Connect of connect-web": () => createWebTransport({ baseUrl: proxy.url, interceptors: introduce }),
    "gRPC-Web": () => createGrpcWebTransport({ baseUrl: proxy.url, httpVersion: "1.1", interceptors: introduce }),
    gRPC: () => createGrpcTransport({ baseUrl: proxy.h2Url, interceptors: introduce }),
  };
  const REST = ["text/event-stream", "application/x-ndjson"] as const;
  const make = async () => {
    const conversations = server.client(ConversationService, key.credential);
    return (await conversations.createConversation({ conversation: { agent: "helper" } })).conversation?.id ?? "";
  };
  const send = (conversationId: string, content: string) =>
    server.client(MessageService, key.credential).sendMessage({ conversationId, message: { content } });
  /** Lets the agent think in this conversation, until what this gives is called. */
  const think = (conversationId: string) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    thoughts.set(conversationId, promise);
    return resolve;
  };

  /** The text of a body, to where something in it matches. */
  async function until(body: ReadableStreamDefaultReader<Uint8Array>, wanted: RegExp): Promise<string> {
    let text = "";
    while (!wanted.test(text)) {
      const { value, done } = await body.read();
      if (done) throw new Error(`the answer ended: ${text}`);
      text += Buffer.from(value).toString();
    }
    return text;
  }

  test.concurrent.each(Object.keys(transports))(
    "over %s a stream begins at once, and lives",
    async (name) => {
      const conversations = createClient(ConversationService, transports[name]?.() as Transport);
      const conversationId = await make();
      const { conversation } = await conversations.getConversation({ conversationId });
      expect(conversation?.id).toBe(conversationId);

      const stop = new AbortController();
      const headers = Promise.withResolvers<Headers>();
      const options = { signal: stop.signal, onHeader: headers.resolve };
      const stream = createClient(EventService, transports[name]?.() as Transport).subscribe(
        { conversationId, afterSeq: conversation?.lastSeq ?? 0n },
        options,
      );
      const entries = stream[Symbol.asyncIterator]();
      const first = entries.next();
      first.catch(() => {});
      // Nothing has happened yet, and nothing will until they are here.
      await headers.promise;
      await send(conversationId, "Hello");
      expect((await first).value?.event?.change.case).toBe("messageSent");
      // As many heartbeats as make it older than the proxy's patience.
      for (let i = 0; i < 3; i++) expect((await entries.next()).value?.event).toBeUndefined();
      stop.abort();
    },
    30_000,
  );

  test.concurrent.each(Object.keys(transports))(
    "over %s an agent may think for longer than the proxy waits",
    async (name) => {
      const conversationId = await make();
      const speak = think(conversationId);
      const events: string[] = [];
      const turns = createClient(TurnService, transports[name]?.() as Transport);
      for await (const { event } of turns.chat({ conversationId, message: { content: "Hi" } })) {
        events.push(event.case ?? "heartbeat");
        if (events.filter((one) => one === "heartbeat").length === 3) speak();
      }
      expect(events.filter((one) => one !== "heartbeat")).toEqual(["started", "delta", "ended"]);
      expect(events.length).toBeGreaterThanOrEqual(6);
    },
    30_000,
  );

  test.concurrent.each(REST)(
    "as %s streams begin at once, and live",
    async (accept) => {
      const conversationId = await make();
      const speak = think(conversationId);
      const url = `${proxy.url}/v1/conversations/${conversationId}`;
      const stop = new AbortController();
      const headers = { ...key.credential, accept };
      const { lastSeq } = (await (await fetch(url, { headers: key.credential })).json()) as { lastSeq: string };
      const response = await fetch(`${url}:subscribe?afterSeq=${lastSeq}`, { headers, signal: stop.signal });
      expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store, no-transform"]);
      const body = (response.body as ReadableStream<Uint8Array>).getReader();
      for (let i = 0; i < 3; i++) await until(body, /\n/);
      for (let i = 0; i < 6; i++) await send(conversationId, `entry ${i}`);
      await until(body, /entry 5/);
      stop.abort();

      const chat = await fetch(`${url}:chat`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ message: { content: "Hi" } }),
      });
      const heard = (chat.body as ReadableStream<Uint8Array>).getReader();
      await until(heard, /started.*\n\n?$/s);
      const beat = accept === "text/event-stream" ? /^(:\n\n)+$/ : /^\n+$/;
      for (let i = 0; i < 3; i++) expect(await until(heard, /\n$/)).toMatch(beat);
      speak();
      await until(heard, /ended/);
    },
    30_000,
  );

  test.concurrent("a turn that is resumed says so at once, though nothing has been said yet", async () => {
    const conversationId = await make();
    const speak = think(conversationId);
    const turns = createClient(TurnService, transports.Connect?.() as Transport);
    const chat = turns.chat({ conversationId, message: { content: "Hi" } })[Symbol.asyncIterator]();
    const { value } = await chat.next();
    const turnId = value?.event.case === "started" ? (value.event.value.turn?.id ?? "") : "";
    const headers = Promise.withResolvers<Headers>();
    const resumed = turns.resumeTurn({ turnId }, { onHeader: headers.resolve })[Symbol.asyncIterator]();
    const first = resumed.next();
    await headers.promise;
    speak();
    expect((await first).value?.event.case ?? "delta").toBe("delta");
    for (let step = await resumed.next(); !step.done; step = await resumed.next());
    for (let step = await chat.next(); !step.done; step = await chat.next());
  });

  test.concurrent("the client's subscribe() and chat() know nothing of it", async () => {
    const conversationId = await make();
    const colloquy = createColloquy({ baseUrl: proxy.url, apiKey: key.text });
    const interruptions: unknown[] = [];
    const stop = new AbortController();
    const onInterruption = (error: unknown) => interruptions.push(error);
    const followed = colloquy.subscribe({ conversationId, signal: stop.signal, onInterruption });
    const first = followed.next();
    await send(conversationId, "for subscribe()");
    expect((await first).value?.event.change.case).toBeDefined();
    stop.abort();
    await followed.return(undefined).catch(() => {});
    const kinds: string[] = [];
    for await (const { kind } of colloquy.chat({ conversationId, content: "Hi" })) kinds.push(kind);
    expect(kinds).toEqual(["started", "delta", "ended"]);
    expect(interruptions).toEqual([]);
  });

  test("an export comes over every form", async () => {
    const conversationId = await make();
    for (const [name, transport] of Object.entries(transports)) {
      const transfer = createClient(TransferService, transport());
      let records = 0;
      for await (const { record } of transfer.exportConversations({ conversationId })) if (record) records++;
      expect([name, records > 0]).toEqual([name, true]);
    }
  });

  test("an import of 6 MB goes through, and an export gives it back line by line", async () => {
    const tenant = await server.tenant();
    const { credential } = await tenant.key("read", "write", "admin");
    const lines = [
      `{"conversation": {"conversation": {"id": "case-1", "title": "long", "createTime": "2024-05-01T08:00:00Z"}, "participants": [{"memberId": "ann"}]}}`,
    ];
    for (let i = 0; i < 60; i++) {
      const message = {
        conversationId: "case-1",
        id: `m-${i}`,
        sender: { id: "ann" },
        content: "x".repeat(100_000),
        createTime: "2024-05-01T08:01:00Z",
      };
      lines.push(JSON.stringify({ message: { message } }));
    }
    const headers = { ...credential, "content-type": "application/x-ndjson" };
    const body = lines.join("\n");
    await using patient = await start(new URL(server.url).host, true);
    const answer = await fetch(`${patient.url}/v1/conversations:import`, { method: "POST", headers, body });
    expect([answer.status, await answer.json()]).toMatchObject([200, { messageCount: "60" }]);
    const accept = { ...credential, accept: "application/x-ndjson" };
    const exported = await (await fetch(`${proxy.url}/v1/conversations:export`, { headers: accept })).text();
    expect(exported.split("\n").filter((line) => line !== "").length).toBeGreaterThan(60);
  }, 120_000);

  test("A3, F-LOCKOUT: 105 bad tokens lock out nobody", async () => {
    const list = (headers: Record<string, string>) => fetch(`${proxy.url}/v1/conversations`, { headers });
    for (let i = 0; i < 105; i++) await list({ authorization: `Bearer eyJhbGciOiJFUzI1NiJ9.${i}.x` });
    const { credential } = await (await server.tenant()).key("read");
    expect((await list(credential)).status).toBe(200);
  });
});
