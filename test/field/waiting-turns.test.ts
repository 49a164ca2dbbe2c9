// Turns that wait for the one before them: they cost next to nothing, are woken, and are not without number.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TurnPolicy, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { createHints } from "../../src/live/hints/hints.ts";
import { createPostgresHints } from "../../src/live/hints/postgres.ts";
import { failureIn, hear } from "../support/fronts/chat.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../support/services/agents.ts";

const HOUR_MS = 3_600_000;
/** Leases do not run out in these tests, and nothing looks for turns that are abandoned. */
const times = { saveEveryMs: 50, leaseMs: HOUR_MS, sweepEveryMs: HOUR_MS };

let openai: FakeOpenAi;
let release: PromiseWithResolvers<void>;
beforeAll(async () => {
  openai = await startFakeOpenAi();
});
afterAll(() => openai.close());

const open: StoreServer[] = [];
async function start(options: Parameters<typeof startStoreServer>[0]): Promise<StoreServer> {
  const server = await startStoreServer(options);
  open.push(server);
  return server;
}
afterEach(async () => {
  release.resolve();
  // Those beside the first go before it, whose database they use.
  for (const server of open.splice(0).reverse()) await server.close();
});

/** The agent says nothing until it is released, then answers each at once. */
async function tenantWith(server: StoreServer, ...members: string[]): Promise<TestTenant> {
  release = Promise.withResolvers();
  openai.answer = async (call) => {
    await release.promise;
    call.say("done");
    call.finish();
  };
  const tenant = await server.tenant(...members);
  const connector = { case: "openai", value: { baseUrl: openai.url, model: "m" } } as const;
  await tenant.key().agents.createAgent({ agent: { name: "helper", connector, idleTimeout: { seconds: 600n } } });
  return tenant;
}

async function conversationOf(clients: Clients): Promise<string> {
  const { conversation } = await clients.conversations.createConversation({ conversation: { agent: "helper" } });
  return conversation?.id ?? "";
}

const queue = (clients: Clients, conversationId: string, content = "hi") =>
  hear(clients.turns.chat({ conversationId, message: { content }, ifRunning: TurnPolicy.QUEUE }));

/** Waits until so many of a tenant's turns are there, in the states that they have. */
const turnsOf = (server: StoreServer, tenant: TestTenant) => {
  const text =
    "select state, count(*)::integer as count from turn where tenant_id = $1 and state in (1, 2) group by state";
  return async () => {
    const rows = await server.database.query<{ state: number; count: number }>({ name: "test_turns", text }, [
      tenant.id,
    ]);
    return Object.fromEntries(
      rows.map(({ state, count }) => [state === TurnState.QUEUED ? "waiting" : "running", count]),
    );
  };
};

describe("A7: turns that wait", () => {
  test("cost one statement each time leases are renewed, however many they are, and little of the processor", async () => {
    const statements: string[] = [];
    let seen = () => {};
    const onStatement = (text: string) => {
      statements.push(text);
      seen();
    };
    // The turns that run do so on a server of their own: what renews theirs is not looked at.
    const first = await start({ turnTimes: { ...times, renewEveryMs: HOUR_MS } });
    const turnTimes = { ...times, renewEveryMs: 100 };
    const server = await start({ turnTimes, beside: first, database: { observer: { onStatement } } });
    const tenant = await tenantWith(first, "ann", "bob");
    const streams: Promise<unknown>[] = [];
    for (const name of ["ann", "bob"]) {
      const conversationId = await conversationOf(tenant.member(name));
      streams.push(queue(tenant.member(name), conversationId));
      await expect.poll(turnsOf(first, tenant)).toMatchObject({ running: streams.length === 1 ? 1 : 2 });
      const member = server.sameTenant(tenant).member(name);
      for (let index = 0; index < 20; index++) streams.push(queue(member, conversationId));
    }
    await expect.poll(turnsOf(first, tenant)).toEqual({ running: 2, waiting: 40 });
    const renewals = (of: readonly string[]) => of.filter((text) => text.includes("as next")).length;
    statements.length = 0;
    const cpu = process.cpuUsage();
    await new Promise<void>((resolve) => {
      seen = () => renewals(statements) > 20 && resolve();
    });
    const { user, system } = process.cpuUsage(cpu);
    const others = statements.filter((text) => renewals([text]) === 0);
    expect(others.filter((text) => /set (lease_time|state = 2)/.test(text))).toEqual([]);
    // What the last to come look at first, whatever the renewals do.
    expect(others.length).toBeLessThanOrEqual(4);
    // 20 renewals of 40 turns, and the 42 streams: one core for a second at most.
    expect(user + system).toBeLessThan(1_000_000);

    statements.length = 0;
    release.resolve();
    await Promise.all(streams);
    const starts = statements.filter((text) => text.includes("set state = 2")).length;
    // Each is asked for when the one before it ends; a renewal in that moment may ask once more.
    expect(starts).toBeLessThanOrEqual(3 * 40);
  }, 120_000);

  test("are woken, in the order of their messages, when the one before them ends on another server", async () => {
    const makeHints = (url: string) => createHints({ carrier: createPostgresHints({ url, onError: () => {} }) });
    // Nothing is looked at but for a hint.
    const turnTimes = { ...times, renewEveryMs: HOUR_MS };
    const first = await start({ turnTimes, makeHints });
    const second = await start({ turnTimes, makeHints, beside: first });
    const tenant = await tenantWith(first, "ann");
    const [here, there] = [tenant.member("ann"), second.sameTenant(tenant).member("ann")];
    const conversationId = await conversationOf(here);
    const streams = [];
    const turns = turnsOf(first, tenant);
    for (const [index, on] of [here, there, here, there].entries()) {
      streams.push(queue(on, conversationId, `message ${index}`));
      await expect.poll(turns).toEqual(index === 0 ? { running: 1 } : { running: 1, waiting: index });
    }
    release.resolve();
    for (const { ended } of await Promise.all(streams)) expect(ended?.turn?.state).toBe(TurnState.COMPLETE);
    const { messages } = await here.messages.listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual([
      ...[0, 1, 2, 3].map((index) => `message ${index}`),
      ...Array(4).fill("done"),
    ]);
  });

  test("begin though no hint comes", async () => {
    const server = await start({
      turnTimes: { ...times, renewEveryMs: 50 },
      makeHints: () => createHints({ enabled: false }),
    });
    const tenant = await tenantWith(server, "ann");
    const ann = tenant.member("ann");
    const conversationId = await conversationOf(ann);
    const streams = [queue(ann, conversationId), queue(ann, conversationId)];
    await expect.poll(turnsOf(server, tenant)).toEqual({ running: 1, waiting: 1 });
    release.resolve();
    for (const { ended } of await Promise.all(streams)) expect(ended?.turn?.state).toBe(TurnState.COMPLETE);
  });
});

describe("A7: at most so many turns wait", () => {
  let server: StoreServer;
  /** Turns that wait as if on a server that lives. */
  async function waiting(tenant: TestTenant, conversationId: string, caller: string, count: number): Promise<void> {
    const text = `insert into turn (tenant_id, id, conversation_id, agent_id, caller, message_seq, message_id, reply_id, state,
        server, lease_time)
      select $1, gen_random_uuid(), $2::uuid, $3::uuid, $4, n, $3::uuid, $3::uuid, case when n = 1 then 2 else 1 end, $3::uuid,
        now() + interval '1 hour' from generate_series(1, $5::integer + 1) n`;
    await server.database.query({ name: "test_waiting", text }, [
      tenant.id,
      conversationId,
      randomUUID(),
      caller,
      count,
    ]);
  }
  beforeAll(() => {
    release = Promise.withResolvers();
  });

  test.each([
    ["20 in a conversation", 20, 0, 0, "the conversation"],
    ["50 of a member in all conversations", 1, 49, 0, "the conversations of one caller"],
    ["1,000 in a tenant", 1, 0, 999, "the tenant"],
  ])("%s", async (_, here, elsewhere, others, where) => {
    server = await start({});
    const tenant = await tenantWith(server, "ann", "bob");
    const ann = tenant.member("ann");
    const [conversationId, another] = [await conversationOf(ann), await conversationOf(ann)];
    await waiting(tenant, conversationId, "member:ann", here);
    if (elsewhere > 0) await waiting(tenant, another, "member:ann", elsewhere);
    if (others > 0) await waiting(tenant, await conversationOf(ann), "member:zoe", others);
    const refused = await queue(ann, conversationId);
    expect(failureIn(refused)).toMatchObject({ code: "ResourceExhausted", reason: "QUOTA_EXCEEDED" });
    expect(String(refused.error)).toContain(`turns may wait in ${where}`);
    const { messages } = await ann.messages.listMessages({ conversationId });
    expect(messages).toEqual([]);
    // Whoever need not wait is not held up.
    release.resolve();
    expect((await queue(ann, await conversationOf(ann))).ended?.turn?.state).toBe(TurnState.COMPLETE);
  });
});
