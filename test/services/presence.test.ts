// Presence: who is here, on all servers together, told to those who share a conversation.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EventService, type SubscribeRequest, type SubscribeResponse } from "../../gen/colloquy/v1/event_service_pb.ts";
import { PresenceMode, PresenceState } from "../../gen/colloquy/v1/presence_pb.ts";
import { PresenceService } from "../../gen/colloquy/v1/presence_service_pb.ts";
import { TenantService } from "../../gen/colloquy/v1/tenant_service_pb.ts";
import { createHints } from "../../src/live/hints/hints.ts";
import { createPostgresHints } from "../../src/live/hints/postgres.ts";
import { deleteMember } from "../../src/store/directory/members.ts";
import { erasePresence } from "../../src/store/presence/presence.ts";
import { failureOf } from "../support/failure.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({ presence: {} });
});
afterAll(() => server.close());

async function begin(on = server) {
  const tenant = await on.tenant("ann", "bob", "eve");
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
  return { tenant, ann, bob: tenant.member("bob"), eve: tenant.member("eve"), conversationId: conversation?.id ?? "" };
}

/** Subscribes, and notes what is told of presence. */
function subscribe(clients: Clients, request: Partial<SubscribeRequest> = {}) {
  const controller = new AbortController();
  const answers: SubscribeResponse[] = [];
  const stream = clients.events.subscribe(request as SubscribeRequest, { signal: controller.signal });
  let broken: unknown;
  const running = (async () => {
    for await (const answer of stream) answers.push(answer);
  })().catch((error: unknown) => {
    if (!controller.signal.aborted) broken = error;
  });
  return {
    answers,
    told: () => {
      if (broken !== undefined) throw broken;
      return answers.flatMap(({ presence }) => (presence ? [`${presence.memberId} ${STATES[presence.state]}`] : []));
    },
    begun: () => expect.poll(() => answers.length, { timeout: 45_000 }).toBeGreaterThan(0),
    async close() {
      controller.abort();
      await running;
    },
  };
}

const STATES = ["", "online", "away", "offline"];

async function seen({ presence }: Clients, ...memberIds: string[]) {
  const { presences } = await presence.batchGetPresence({ memberIds });
  return presences.map(({ memberId, state }) => `${memberId} ${STATES[state]}`);
}

const becomes = (clients: Clients, memberId: string, state: string) =>
  expect.poll(() => seen(clients, memberId), { timeout: 45_000 }).toEqual([`${memberId} ${state}`]);

describe("a member", () => {
  test("is online while it subscribes to anything, then offline, with the time when it was last seen", async () => {
    const { ann, bob, conversationId } = await begin();
    expect(await seen(ann, "bob", "ann")).toEqual(["bob offline", "ann offline"]);
    const [all, one] = [subscribe(bob), subscribe(bob, { conversationId })];
    await becomes(ann, "bob", "online");
    await all.close();
    const before = Date.now();
    await one.close();
    await becomes(ann, "bob", "offline");
    const { presences } = await ann.presence.batchGetPresence({ memberIds: ["bob"] });
    const time = presences[0]?.lastSeenTime;
    expect(Math.abs((time ? timestampDate(time).getTime() : 0) - before)).toBeLessThan(60_000);
  });

  test("is online by a key that acts for it, and not by a stream in the background or a key of nobody", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    const others = [subscribe(bob, { background: true }), subscribe(tenant.key())];
    const acting = subscribe(tenant.key(["read"], "ann"), { conversationId });
    for (const stream of [...others, acting]) await stream.begun();
    await becomes(ann, "ann", "online");
    expect(await seen(ann, "bob")).toEqual(["bob offline"]);
    for (const stream of [...others, acting]) await stream.close();
  });

  test("that comes back at once has not left, and nothing is written while it stays", async () => {
    const { tenant, ann, bob } = await begin();
    const watcher = subscribe(ann, { includePresence: true, background: true });
    await watcher.begun();
    const rows = async () => {
      const text = "/* test */ select xmin::text as x from presence_session where tenant_id = $1";
      return (await server.database.query<{ x: string }>({ name: "test_sessions", text }, [tenant.id])).map(
        ({ x }) => x,
      );
    };
    let stream = subscribe(bob);
    await becomes(ann, "bob", "online");
    const first = await rows();
    for (let index = 0; index < 5; index++) {
      const next = subscribe(bob);
      await next.begun();
      await stream.close();
      stream = next;
    }
    expect(first).toHaveLength(1);
    expect(await rows()).toEqual(first);
    // News are told at intervals, and what is over before the next one is none.
    await expect.poll(() => watcher.told(), { timeout: 45_000 }).toEqual(["bob online"]);
    await stream.close();
    // What a watcher is told comes in order: had it left in between, that would stand before its end.
    await expect.poll(() => watcher.told(), { timeout: 45_000 }).toContain("bob offline");
    expect(watcher.told()).toEqual(["bob online", "bob offline"]);
    await watcher.close();
  });

  test("is away, or hidden, once it says so, on all its devices, until it says otherwise", async () => {
    const { ann, bob } = await begin();
    const stream = subscribe(bob);
    await becomes(ann, "bob", "online");
    const { presence } = await bob.presence.setPresence({ mode: PresenceMode.AWAY });
    expect(presence).toMatchObject({ memberId: "bob", state: PresenceState.AWAY, mode: PresenceMode.AWAY });
    expect(await seen(ann, "bob")).toEqual(["bob away"]);
    await bob.presence.setPresence({ mode: PresenceMode.HIDDEN });
    const [hidden] = (await ann.presence.batchGetPresence({ memberIds: ["bob"] })).presences;
    expect(hidden).toMatchObject({ state: PresenceState.OFFLINE, mode: PresenceMode.UNSPECIFIED });
    expect(hidden?.lastSeenTime).toBeUndefined();
    const [own] = (await bob.presence.batchGetPresence({ memberIds: ["bob"] })).presences;
    expect(own?.mode).toBe(PresenceMode.HIDDEN);
    await stream.close();
    await bob.presence.setPresence({ mode: PresenceMode.AUTOMATIC });
    await becomes(ann, "bob", "offline");
  });

  test("is shown to those who share a conversation with it, to administrators and to keys alone", async () => {
    const { tenant, ann, bob, eve, conversationId } = await begin();
    expect(await seen(eve, "ann", "bob", "eve", "nobody")).toEqual(["eve offline"]);
    expect(await seen(bob, "nobody", "eve", "ann", "bob", "ann")).toEqual(["ann offline", "bob offline"]);
    for (const clients of [tenant.key(), tenant.member("eve", "admin")]) {
      expect(await seen(clients, "ann", "bob")).toEqual(["ann offline", "bob offline"]);
    }
    await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
    expect(await seen(bob, "ann")).toEqual([]);
    await ann.participants.addParticipants({ conversationId, memberIds: ["bob"] });
    await ann.conversations.deleteConversation({ conversationId });
    expect(await seen(bob, "ann")).toEqual([]);
  });
});

describe("a follower of presence", () => {
  test("is told of those with whom it shares a conversation as they come, go and change", async () => {
    const { tenant, ann, bob, eve } = await begin();
    const [annSees, eveSees, keySees] = [ann, eve, tenant.key()].map((clients) =>
      subscribe(clients, { includePresence: true, background: true }),
    ) as [ReturnType<typeof subscribe>, ReturnType<typeof subscribe>, ReturnType<typeof subscribe>];
    for (const stream of [annSees, eveSees, keySees]) await stream.begun();
    const stream = subscribe(bob);
    const told = (list: string[]) => expect.poll(annSees.told, { timeout: 45_000 }).toEqual(list);
    await told(["bob online"]);
    await bob.presence.setPresence({ mode: PresenceMode.AWAY });
    await told(["bob online", "bob away"]);
    await bob.presence.setPresence({ mode: PresenceMode.HIDDEN });
    await told(["bob online", "bob away", "bob offline"]);
    await stream.close();
    await expect.poll(keySees.told, { timeout: 45_000 }).toEqual(["bob online", "bob away", "bob offline"]);
    expect(eveSees.told()).toEqual([]);
    expect(annSees.answers.filter(({ presence }) => presence).map(({ cursor }) => cursor)).toEqual(["", "", ""]);
    for (const one of [annSees, eveSees, keySees]) await one.close();
  });

  test("follows all conversations, not one", async () => {
    const { ann, conversationId } = await begin();
    const stream = ann.events.subscribe({ conversationId, includePresence: true });
    const failure = await failureOf(stream[Symbol.asyncIterator]().next());
    expect(failure).toMatchObject({ reason: "INVALID_FIELD" });
  });
});

describe("over several servers", () => {
  const makeHints = (url: string) => createHints({ carrier: createPostgresHints({ url, onError: () => {} }) });

  test("a member is online while one has it, and those on another are told", async () => {
    await using stack = new AsyncDisposableStack();
    const first = await startStoreServer({ presence: {}, makeHints });
    stack.defer(() => first.close());
    const second = await startStoreServer({ presence: {}, makeHints, beside: first });
    stack.defer(() => second.close());
    const { tenant, ann, bob } = await begin(first);
    const there = second.sameTenant(tenant).member("bob");
    const watcher = subscribe(ann, { includePresence: true, background: true });
    await watcher.begun();
    const [here, other] = [subscribe(bob), subscribe(there)];
    await expect.poll(watcher.told, { timeout: 45_000 }).toEqual(["bob online"]);
    const text = "/* test */ select server from presence_session where tenant_id = $1";
    const sessions = () => first.database.query({ name: "test_servers", text }, [tenant.id]);
    await expect.poll(async () => (await sessions()).length, { timeout: 45_000 }).toBe(2);
    await here.close();
    await expect.poll(async () => (await sessions()).length, { timeout: 45_000 }).toBe(1);
    expect(await seen(ann, "bob")).toEqual(["bob online"]);
    await other.close();
    await expect.poll(watcher.told, { timeout: 45_000 }).toEqual(["bob online", "bob offline"]);
    await watcher.close();
  });

  test("what a server said that fell silent ends with its lease", async () => {
    await using stack = new AsyncDisposableStack();
    const first = await startStoreServer({ presence: {}, makeHints });
    stack.defer(() => first.close());
    // It renews nothing for as long as the test takes, as a server that was killed.
    // What is over before the first server has heard of it is told by nobody: the lease is long enough for a busy
    // machine.
    const silent = await startStoreServer({ presence: { renewMs: 600_000, leaseMs: 4_000 }, makeHints, beside: first });
    stack.defer(() => silent.close());
    const { tenant, ann } = await begin(first);
    const watcher = subscribe(ann, { includePresence: true, background: true });
    await watcher.begun();
    const stream = subscribe(silent.sameTenant(tenant).member("bob"));
    await expect.poll(watcher.told, { timeout: 45_000 }).toEqual(["bob online", "bob offline"]);
    const { presences } = await ann.presence.batchGetPresence({ memberIds: ["bob"] });
    expect(presences[0]?.lastSeenTime).toBeDefined();
    await stream.close();
    await watcher.close();
  });

  test("a server that was taken for dead says again who is here", async () => {
    const { tenant, ann, bob } = await begin();
    const stream = subscribe(bob);
    await becomes(ann, "bob", "online");
    const text = `/* test */ with gone as (delete from presence_session where tenant_id = $1)
      delete from presence_lease where tenant_id = $1`;
    await server.database.query({ name: "test_bury", text }, [tenant.id]);
    await becomes(ann, "bob", "online");
    await stream.close();
  });
});

test("a key that acts for nobody has no presence, and what is wrong is named", async () => {
  const { tenant, ann } = await begin();
  const { presence } = tenant.key();
  expect(await failureOf(presence.setPresence({ mode: PresenceMode.AWAY }))).toMatchObject({
    reason: "PERMISSION_DENIED",
    message: "only members have a presence",
  });
  expect(await failureOf(ann.presence.setPresence({}))).toMatchObject({ reason: "INVALID_FIELD" });
  expect(await failureOf(ann.presence.batchGetPresence({}))).toMatchObject({ reason: "INVALID_FIELD" });
  const memberIds = Array.from({ length: 101 }, (_, index) => `m${index}`);
  expect(await failureOf(ann.presence.batchGetPresence({ memberIds }))).toMatchObject({ reason: "INVALID_FIELD" });
});

describe("presence is switched off", () => {
  test("by a tenant: nothing is kept or shown, and what was is forgotten", async () => {
    await using shipped = await startIdentityServer();
    const tenants = shipped.client(TenantService, await shipped.superAdmin());
    const tenant = await shipped.tenant();
    const bob = await tenant.token("bob");
    const { presence, events } = {
      presence: shipped.client(PresenceService, bob),
      events: shipped.client(EventService, bob),
    };
    const controller = new AbortController();
    const stream = events.subscribe({}, { signal: controller.signal })[Symbol.asyncIterator]();
    await stream.next();
    const own = async () =>
      (await presence.batchGetPresence({ memberIds: ["bob"] })).presences.map(({ state }) => state);
    await expect.poll(own, { timeout: 45_000 }).toEqual([PresenceState.ONLINE]);
    const changed = await tenants.updateTenant({ tenantId: tenant.id, tenant: { presenceOff: true } });
    expect(changed.tenant).toMatchObject({ presenceOff: true });
    expect(await own()).toEqual([]);
    const text = "/* test */ select member_id from presence_session where tenant_id = $1";
    expect(await shipped.database.query({ name: "test_off", text }, [tenant.id])).toEqual([]);
    const updateMask = { paths: ["presence_off"] };
    await tenants.updateTenant({ tenantId: tenant.id, tenant: { presenceOff: false }, updateMask });
    await expect.poll(own, { timeout: 30_000 }).toEqual([PresenceState.ONLINE]);
    controller.abort();
    await stream.next().catch(() => {});
    const { tenant: made } = await tenants.createTenant({ tenant: { slug: `off-${Date.now()}`, presenceOff: true } });
    expect(made?.presenceOff).toBe(true);
  });

  test("for a member that is deleted: nothing of it is left, though its stream still runs", async () => {
    const { tenant, ann, bob } = await begin();
    const stream = subscribe(bob);
    await becomes(ann, "bob", "online");
    await bob.presence.setPresence({ mode: PresenceMode.AWAY });
    await deleteMember(server.database, tenant.id, "bob");
    await erasePresence(server.database, tenant.id, "bob");
    expect(await seen(ann, "bob")).toEqual([]);
    await stream.close();
    const text = `/* test */ select member_id from presence where tenant_id = $1
      union all select member_id from presence_session where tenant_id = $1`;
    const left = () => server.database.query<{ member_id: string }>({ name: "test_left", text }, [tenant.id]);
    // Ann's stream is written after bob's end, which was then written too.
    const other = subscribe(ann);
    await becomes(ann, "ann", "online");
    expect(await left()).toEqual([{ member_id: "ann" }]);
    await other.close();
  });
});
