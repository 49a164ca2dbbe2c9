// Signals: who is typing right now, told to those who may see the conversation, and never stored.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import type { SubscribeRequest, SubscribeResponse } from "../../gen/colloquy/v1/event_service_pb.ts";
import type { Signal } from "../../gen/colloquy/v1/signal_pb.ts";
import { SignalService } from "../../gen/colloquy/v1/signal_service_pb.ts";
import { ActiveSignals, createClient } from "../../src/client/index.ts";
import { createHints, type Hints } from "../../src/live/hints/hints.ts";
import { createNatsHints } from "../../src/live/hints/nats.ts";
import { createPostgresHints } from "../../src/live/hints/postgres.ts";
import { failureOf } from "../support/failure.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { startAnyNats } from "../support/services/nats-server.ts";

let server: StoreServer;
let nats: Awaited<ReturnType<typeof startAnyNats>>;
beforeAll(async () => {
  server = await startStoreServer();
  nats = await startAnyNats();
});
afterAll(async () => {
  await server.close();
  await nats.close();
});

async function begin(on = server) {
  const tenant = await on.tenant("ann", "bob", "cy", "eve");
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob", "cy"] });
  return { tenant, ann, bob: tenant.member("bob"), cy: tenant.member("cy"), conversationId: conversation?.id ?? "" };
}

type Asked = Partial<Pick<SubscribeRequest, "conversationId" | "threadMessageId" | "afterSeq" | "includeSignals">>;

/** Follows with signals, and notes what comes: entries by their kind, signals by who does what. */
function follow(clients: Clients, request: Asked) {
  const controller = new AbortController();
  const answers: SubscribeResponse[] = [];
  const failures: unknown[] = [];
  const stream = clients.events.subscribe({ includeSignals: true, ...request }, { signal: controller.signal });
  const running = (async () => {
    for await (const answer of stream) answers.push(answer);
  })().catch((error: unknown) => failures.push(error));
  const signals = () => answers.flatMap(({ signal }) => (signal ? [told(signal)] : []));
  return {
    answers,
    signals,
    failures,
    said: () => answers.map(({ event, signal }) => (signal ? told(signal) : (event?.change.case ?? "-"))),
    /** Once so many entries and signals came. */
    async until(count: number) {
      await expect.poll(() => answers.length, { timeout: 45_000 }).toBeGreaterThanOrEqual(count);
      return this.said();
    },
    async close() {
      controller.abort();
      await running;
    },
  };
}

const told = ({ actor, name, ended }: Signal) => `${actor?.id} ${ended ? "ends " : ""}${name}`;
const signal = ({ signals }: Clients, conversationId: string, name = "typing", more: object = {}) =>
  signals.sendSignal({ conversationId, name, ...more });
const send = async ({ messages }: Clients, conversationId: string, content: string, replyTo = "") =>
  (await messages.sendMessage({ conversationId, message: { content, replyTo } })).message?.id ?? "";

describe("a signal", () => {
  test("reaches those who follow the conversation and asked for signals, without a cursor and a place in the log", async () => {
    const { ann, bob, conversationId } = await begin();
    const [with_, without] = [follow(bob, { conversationId }), follow(bob, { conversationId, includeSignals: false })];
    await with_.until(3);
    await without.until(3);
    const before = Date.now();
    await signal(ann, conversationId, "recording", { data: { seconds: 3 } });
    await with_.until(4);
    const { signal: got, cursor, event } = with_.answers.at(-1) as SubscribeResponse;
    expect([cursor, event]).toEqual(["", undefined]);
    expect(got).toMatchObject({ conversationId, name: "recording", data: { seconds: 3 }, ended: false });
    const time = Number(got?.createTime?.seconds) * 1000;
    expect(Math.abs(time - before)).toBeLessThan(60_000);
    expect(Number(got?.expireTime?.seconds) - Number(got?.createTime?.seconds)).toBe(8);
    await send(ann, conversationId, "hello");
    expect((await with_.until(5)).slice(3)).toEqual(["ann recording", "messageSent"]);
    expect(with_.answers.at(-1)?.cursor).toBe("4");
    expect((await without.until(4)).slice(3)).toEqual(["messageSent"]);
    await with_.close();
    await without.close();
  });

  test("is known to who comes a moment later, as long as it holds, and is over once it ends", async () => {
    const { ann, bob, cy, conversationId } = await begin();
    await signal(ann, conversationId);
    const later = follow(bob, { conversationId });
    expect((await later.until(4)).at(-1)).toBe("ann typing");
    await signal(ann, conversationId, "typing", { ended: true });
    expect((await later.until(5)).at(-1)).toBe("ann ends typing");
    // What is over is not ended again.
    await signal(ann, conversationId, "typing", { ended: true });
    await signal(cy, conversationId);
    expect((await later.until(6)).slice(3)).toEqual(["ann typing", "ann ends typing", "cy typing"]);
    await later.close();
  });

  test("comes once each 2 seconds from a member in a conversation; more are refused with the time to wait", async () => {
    const { ann, bob, conversationId } = await begin();
    const { conversation } = await ann.conversations.createConversation({});
    await signal(ann, conversationId);
    const failure = await failureOf(signal(ann, conversationId, "recording"));
    expect(failure).toMatchObject({ reason: "RATE_LIMITED" });
    await signal(ann, conversation?.id ?? "");
    await signal(bob, conversationId);
    await signal(ann, conversationId, "typing", { ended: true });
    expect(await failureOf(signal(ann, conversationId))).toMatchObject({ reason: "RATE_LIMITED" });
  });

  test("is refused with the field that is wrong", async () => {
    const { ann, conversationId } = await begin();
    const refused = async (name: string, more: object = {}) =>
      (await failureOf(signal(ann, conversationId, name, more))).message;
    expect(await refused("typing", { data: { text: "x".repeat(1024) } })).toContain(
      "data: must be at most 1024 bytes as JSON",
    );
    expect(await refused("Typing")).toContain("name");
    expect(await refused("")).toContain("name");
    expect(await refused("typing", { threadMessageId: conversationId })).toContain(
      "thread_message_id: is not a message of the conversation",
    );
    await ann.conversations.updateConversation({ conversationId, conversation: { status: 3 } });
    expect(await failureOf(signal(ann, conversationId))).toMatchObject({ reason: "CONVERSATION_CLOSED" });
  });

  test("of a thread reaches who follows that thread, and no other does", async () => {
    const { ann, bob, cy, conversationId } = await begin();
    const [one, other] = [await send(ann, conversationId, "one"), await send(ann, conversationId, "other")];
    const thread = follow(ann, { conversationId, threadMessageId: one.toUpperCase() });
    await thread.until(1);
    await signal(bob, conversationId, "typing", { threadMessageId: other });
    await signal(cy, conversationId, "typing", { threadMessageId: one });
    await thread.until(2);
    expect(thread.said()).toEqual(["messageSent", "cy typing"]);
    await thread.close();
  });

  test("reaches who follows all conversations, where it sees the conversation", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    await tenant.addMembers({ boss: { role: "manager" }, ann2: { manager: "boss" } });
    const { conversation } = await ann.conversations.createConversation({ participantIds: ["ann2"] });
    const both = conversation?.id ?? "";
    const all = {
      bob: follow(bob, {}),
      eve: follow(tenant.member("eve"), {}),
      boss: follow(tenant.member("boss", "manager"), {}),
      key: follow(tenant.key(["read"]), {}),
    };
    for (const one of Object.values(all)) await one.until(1);
    await signal(ann, conversationId);
    await signal(ann, both, "thinking");
    await expect.poll(all.key.signals).toEqual(["ann typing", "ann thinking"]);
    await expect.poll(all.bob.signals).toEqual(["ann typing"]);
    await expect.poll(all.boss.signals).toEqual(["ann thinking"]);
    await send(ann, conversationId, "then");
    await all.bob.until(3);
    expect(all.bob.answers.map(({ cursor }) => cursor !== "")).toEqual([true, false, true]);
    expect(all.eve.signals()).toEqual([]);
    for (const one of Object.values(all)) await one.close();
  });

  test("leaves nothing behind: no entry of the log, no row", async () => {
    const { ann, conversationId } = await begin();
    const { events } = await ann.events.listEvents({ conversationId });
    await signal(ann, conversationId);
    expect((await ann.events.listEvents({ conversationId })).events).toEqual(events);
    const { conversation } = await ann.conversations.getConversation({ conversationId });
    expect(conversation?.lastSeq).toBe(3n);
  });
});

describe("over server-sent events", () => {
  test("a signal has no id, so that the last entry's stays the one to go on after", async () => {
    await using whole = await startIdentityServer();
    const tenant = await whole.tenant();
    for (const id of ["ann", "bob"]) await tenant.addMember(id);
    const ann = await tenant.token("ann");
    const conversations = whole.client(ConversationService, ann);
    const { conversation } = await conversations.createConversation({ participantIds: ["bob"] });
    const conversationId = conversation?.id ?? "";
    const stop = new AbortController();
    const bob = whole.client(SignalService, await tenant.token("bob"));
    await bob.sendSignal({ conversationId, name: "typing" });
    const response = await fetch(`${whole.url}/v1/conversations/${conversationId}:subscribe?includeSignals=true`, {
      headers: { accept: "text/event-stream", ...ann },
      signal: stop.signal,
    });
    let text = "";
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(piece).toString();
      if (text.includes('"signal"')) break;
    }
    const [last = ""] = text.split("\n\n").filter((event) => event.includes('"signal"'));
    expect(last).not.toContain("id:");
    expect(JSON.parse(last.slice("data: ".length))).toMatchObject({
      signal: { conversationId, actor: { type: "ACTOR_TYPE_MEMBER", id: "bob" }, name: "typing", ended: false },
      cursor: "",
    });
    stop.abort();
  });
});

describe("who was removed", () => {
  test("gets no signal that was sent after, however soon", async () => {
    const { ann, bob, cy, conversationId } = await begin();
    const [removed, stays] = [follow(bob, { conversationId }), follow(cy, { conversationId })];
    const everything = follow(bob, {});
    await removed.until(3);
    await stays.until(3);
    await everything.until(1);
    await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
    await signal(ann, conversationId);
    await expect.poll(stays.signals).toEqual(["ann typing"]);
    await expect.poll(() => removed.failures.length).toBe(1);
    expect(removed.signals()).toEqual([]);
    expect(everything.signals()).toEqual([]);
    await stays.close();
    await everything.close();
  });

  test("sends none either", async () => {
    const { ann, bob, conversationId } = await begin();
    await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
    expect(await failureOf(signal(bob, conversationId))).toMatchObject({ reason: "NOT_FOUND" });
    await ann.conversations.deleteConversation({ conversationId });
    expect(await failureOf(signal(ann, conversationId))).toMatchObject({ reason: "NOT_FOUND" });
  });
});

const FORMS: Record<string, (url: string) => Promise<Hints>> = {
  PostgreSQL: (url) => createHints({ carrier: createPostgresHints({ url, onError: () => {} }) }),
  NATS: () => createHints({ carrier: createNatsHints({ url: nats.url, onError: () => {} }) }),
};

describe.each(Object.entries(FORMS))("two servers with hints by %s", (_, makeHints) => {
  let one: StoreServer;
  let two: StoreServer;
  beforeAll(async () => {
    one = await startStoreServer({ makeHints });
    two = await startStoreServer({ beside: one, makeHints });
  });
  afterAll(async () => {
    await two.close();
    await one.close();
  });

  test("tell each other's signals once, with one limit for both", async () => {
    const { tenant, ann, bob, cy, conversationId } = await begin(one);
    const there = two.sameTenant(tenant);
    const far = follow(there.member("bob"), { conversationId });
    const near = follow(bob, { conversationId });
    const all = follow(there.member("bob"), {});
    await far.until(3);
    await near.until(3);
    await all.until(1);
    // The carriers connect after the start.
    const heard = async () => {
      await signal(cy, conversationId, "typing").catch(() => {});
      return far.signals().length;
    };
    await expect.poll(heard, { timeout: 45_000, interval: 500 }).toBeGreaterThan(0);
    const long = { note: "ü".repeat(500) };
    await signal(ann, conversationId, "a".repeat(64), { data: long });
    await expect.poll(() => far.signals().at(-1)).toBe(`ann ${"a".repeat(64)}`);
    expect(far.answers.at(-1)?.signal?.data).toEqual(long);
    await expect.poll(() => all.signals().at(-1)).toBe(`ann ${"a".repeat(64)}`);
    await expect.poll(() => near.signals().at(-1)).toBe(`ann ${"a".repeat(64)}`);
    expect(near.signals().filter((text) => text.startsWith("ann"))).toHaveLength(1);
    expect(await failureOf(signal(there.member("ann"), conversationId))).toMatchObject({ reason: "RATE_LIMITED" });
    for (const each of [far, near, all]) await each.close();
  });
});

describe("the published client", () => {
  test("gives signals beside the entries, and goes on after the last entry when its connection breaks", async () => {
    const { tenant, ann, conversationId } = await begin();
    const client = createClient({ baseUrl: server.url, interceptors: [tenant.introduce("bob")] });
    const stop = new AbortController();
    const active = new ActiveSignals();
    const seen: string[] = [];
    const running = (async () => {
      const options = { conversationId, signal: stop.signal, onSignal: (one: Signal) => active.onSignal(one) };
      for await (const { event } of client.subscribe(options)) {
        active.onEvent(event);
        seen.push(event.change.case ?? "");
      }
    })().catch(() => {});
    await expect.poll(() => seen.length).toBe(3);
    await client.signals.sendSignal({ conversationId, name: "typing" });
    await signal(ann, conversationId);
    await expect.poll(() => active.signals.map(told)).toEqual(["bob typing", "ann typing"]);
    await send(ann, conversationId, "here");
    await expect.poll(() => active.signals.map(told)).toEqual(["bob typing"]);
    stop.abort();
    await running;
    active.clear();
  });
});
