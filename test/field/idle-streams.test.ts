// Streams on which nothing happens cost next to nothing, and nobody opens more of them than is fair.
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import type { CallContext } from "../../src/pipeline/call/call.ts";
import { createLifecycle } from "../../src/pipeline/lifecycle.ts";
import { createHealth } from "../../src/services/system/health.ts";
import {
  type Credential,
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
  WIRES,
} from "../support/servers/identity-server.ts";

const MOST = 3;

let server: IdentityServer;
let tenant: IdentityTenant;
let conversationId: string;
let ann: Credential;
beforeAll(async () => {
  server = await startIdentityServer({
    environment: { COLLOQUY_STREAM_LIMITS: `member=${MOST},key=${MOST},address=${MOST}` },
  });
  tenant = await server.tenant();
  ann = await tenant.token("ann");
  const made = await server.client(ConversationService, ann).createConversation({ conversation: {} });
  conversationId = made.conversation?.id ?? "";
  const message = { conversationId, message: { content: "something to begin with" } };
  await server.client(MessageService, ann).sendMessage(message);
});
afterAll(() => server.close());

interface Open {
  close(): Promise<void>;
}

/** Resolves once a stream stands; rejects with what it is refused with. */
type OpenStream = (credential: Credential) => Promise<Open>;

/** Ways to follow: a conversation or all of them, from the beginning, so that something comes at once. */
function following(wire: (typeof WIRES)[number], request: { conversationId?: string; cursor?: string }): OpenStream {
  return (credential) =>
    opened((signal) => server.client(EventService, credential, wire).subscribe(request, { signal }));
}

async function opened(start: (signal: AbortSignal) => AsyncIterable<unknown>): Promise<Open> {
  const closing = new AbortController();
  const standing = Promise.withResolvers<void>();
  const ended = (async () => {
    for await (const _ of start(closing.signal)) standing.resolve();
  })();
  ended.catch(standing.reject);
  await standing.promise;
  return {
    async close() {
      closing.abort();
      await ended.catch(() => {});
    },
  };
}

const overRest: OpenStream = async (credential) => {
  const response = await fetch(`${server.url}/v1/conversations/${conversationId}:subscribe`, {
    headers: { ...credential, accept: "text/event-stream" },
  });
  if (response.status !== 200) throw new Error(await response.text());
  // By the response itself: Node closes the connection of one that nobody refers to any more.
  return { close: async () => response.body?.cancel() };
};

const WAYS: readonly (readonly [string, () => OpenStream])[] = [
  ...WIRES.map((wire) => [`one conversation over ${wire}`, () => following(wire, { conversationId })] as const),
  ...WIRES.map((wire) => [`all conversations over ${wire}`, () => following(wire, { cursor: "0" })] as const),
  ["server-sent events", () => overRest],
];

async function fill(open: OpenStream, credential: Credential): Promise<Open[]> {
  const all: Open[] = [];
  for (let stream = 0; stream < MOST; stream++) all.push(await open(credential));
  return all;
}

describe.each(WAYS)("A11: %s", (name, way) => {
  test("is refused past the limit of the member, which it names, until one is closed; others are not", async () => {
    const open = way();
    const [own, again, other] = await Promise.all([name, name, `not ${name}`].map((sub) => tenant.token(sub, "admin")));
    if (own === undefined || again === undefined || other === undefined) throw new Error("no tokens");
    const all = await fill(open, own);
    await expect(open(own)).rejects.toThrow(`the limit of ${MOST} open streams of this member is reached`);
    await expect(open(again), "another token is the same member").rejects.toThrow("of this member");
    await (await open(other)).close();
    await all.pop()?.close();
    await expect.poll(() => open(own).then((one) => all.push(one) > 0, String)).toBe(true);
    await Promise.all(all.map((one) => one.close()));
  });
});

test("A11: streams of an API key are counted together, whomever it acts for", async () => {
  await tenant.addMember("cleo");
  const { credential } = await tenant.key("read", "write");
  const open = following("connect", { cursor: "0" });
  await expect.poll(() => open(credential).then((one) => one.close(), String)).toBeUndefined();
  const all = await fill(open, credential);
  await expect(open({ ...credential, "x-act-for": "cleo" })).rejects.toThrow("open streams of this API key");
  await Promise.all(all.map((one) => one.close()));
});

test("A11: streams without a credential are counted by address: health and reflection together", async () => {
  const transport = createGrpcTransport({ baseUrl: server.url });
  const health = createClient(Health, transport);
  const watch: OpenStream = () => opened((signal) => health.watch({}, { signal }));
  const reflect: OpenStream = () =>
    opened((signal) => {
      const requests = async function* () {
        yield { messageRequest: { case: "listServices" as const, value: "" } };
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      };
      return createClient(ServerReflection, transport).serverReflectionInfo(requests(), { signal });
    });
  const all = [await watch({}), await reflect({}), await watch({})];
  for (const open of [watch, reflect]) {
    await expect(open({})).rejects.toMatchObject({
      rawMessage: `the limit of ${MOST} open streams of callers without a credential from this address is reached: close one first`,
    });
  }
  expect((await health.check({})).status).toBe(Status.SERVING);
  await (await following("grpc", { cursor: "0" })(ann)).close();
  await Promise.all(all.map((one) => one.close()));
  await expect.poll(() => watch({}).then((one) => one.close(), String)).toBeUndefined();
});

describe("A11: watchers of health", () => {
  afterEach(() => vi.useRealTimers());

  test("ask the database as often as one, are woken only when something changes, and all end when it drains", async () => {
    vi.useFakeTimers();
    let asked = 0;
    let isReady = true;
    let looks = 0;
    const lifecycle = new Proxy(createLifecycle(), {
      get(target, name) {
        if (name === "isLeaving") looks++;
        return Reflect.get(target, name, target);
      },
    });
    const ready = async () => {
      asked++;
      return isReady;
    };
    const { handlers } = createHealth({ services: [], ready, lifecycle });
    const context = { signal: new AbortController().signal } as CallContext;
    const WATCHERS = 2_000;
    const watchers = Array.from({ length: WATCHERS }, () =>
      (handlers.watch as (request: unknown, context: CallContext) => AsyncIterable<{ status: Status }>)(
        { service: "" },
        context,
      )[Symbol.asyncIterator](),
    );
    const next = () => Promise.all(watchers.map(async (watcher) => (await watcher.next()).value?.status));
    expect(new Set(await next())).toEqual(new Set([Status.SERVING]));
    const changed = next();
    asked = 0;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(60);
    isReady = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(new Set(await changed)).toEqual(new Set([Status.NOT_SERVING]));
    const last = next();
    lifecycle.drain();
    expect(new Set(await last)).toEqual(new Set([undefined]));
    asked = looks = 0;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(0);
    // Nor does anything go on looking, though it would find nothing to ask: one look may have been due.
    expect(looks).toBeLessThanOrEqual(1);
  });
});
