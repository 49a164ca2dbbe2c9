// Faults of typing, presence, drafts and scheduled messages in other products, tried here. Each names the report that showed it.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ScheduledMessageState } from "../../gen/colloquy/v1/draft_pb.ts";
import type { SubscribeRequest, SubscribeResponse } from "../../gen/colloquy/v1/event_service_pb.ts";
import { MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { PresenceMode, PresenceState } from "../../gen/colloquy/v1/presence_pb.ts";
import { ActiveSignals } from "../../src/client/index.ts";
import { createHints } from "../../src/live/hints/hints.ts";
import { createPostgresHints } from "../../src/live/hints/postgres.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/store-server.ts";

let server: StoreServer;
let beside: StoreServer;
beforeAll(async () => {
  const makeHints = (url: string) => createHints({ carrier: createPostgresHints({ url, onError: () => {} }) });
  server = await startStoreServer({ presence: {}, schedules: true, makeHints });
  beside = await startStoreServer({ beside: server, presence: {}, schedules: true, makeHints });
});
afterAll(async () => {
  await beside.close();
  await server.close();
});

async function begin() {
  const tenant = await server.tenant("ann", "bob");
  const [ann, bob] = [tenant.member("ann"), tenant.member("bob")];
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
  const conversationId = conversation?.id ?? "";
  const schedule = async (content: string, ms: number, by: Clients = bob) => {
    const wish = { message: { content }, sendTime: timestampFromMs(Date.now() + ms) };
    return (await by.drafts.scheduleMessage({ conversationId, scheduledMessage: wish })).scheduledMessage?.id ?? "";
  };
  const said = async () => (await ann.messages.listMessages({ conversationId })).messages.map(({ content }) => content);
  const state = async (memberId: string, by: Clients = ann) =>
    (await by.presence.batchGetPresence({ memberIds: [memberId] })).presences[0]?.state;
  const becomes = (memberId: string, expected: PresenceState) =>
    expect.poll(() => state(memberId), { timeout: 45_000 }).toBe(expected);
  return { tenant, ann, bob, conversationId, schedule, said, state, becomes };
}

function follow(clients: Clients, request: Partial<SubscribeRequest> = {}) {
  const controller = new AbortController();
  const answers: SubscribeResponse[] = [];
  const running = (async () => {
    for await (const answer of clients.events.subscribe(request as SubscribeRequest, { signal: controller.signal })) {
      answers.push(answer);
    }
  })().catch(() => {});
  return {
    answers,
    begun: () => expect.poll(() => answers.length, { timeout: 45_000 }).toBeGreaterThan(0),
    async close() {
      controller.abort();
      await running;
    },
  };
}

describe("typing", () => {
  test("webex/react-widgets#53, botpress/v12#1465, mitodl/release-script#137: is over with a message of any kind, however it was sent", async () => {
    const { ann, bob, conversationId } = await begin();
    const stream = follow(ann, { conversationId, includeSignals: true });
    await bob.signals.sendSignal({ conversationId, name: "typing" });
    await expect.poll(() => stream.answers.some(({ signal }) => signal), { timeout: 45_000 }).toBe(true);
    const active = new ActiveSignals();
    for (const { signal } of stream.answers) if (signal) active.onSignal(signal);
    expect(active.signals.map(({ name }) => name)).toEqual(["typing"]);
    const message = create(MessageSchema, { parts: [{ content: { case: "text", value: { text: "a part" } } }] });
    await bob.messages.sendMessage({ conversationId, message });
    const sent = () => stream.answers.findLast(({ event }) => event?.change.case === "messageSent")?.event;
    await expect.poll(sent, { timeout: 45_000 }).toBeDefined();
    for (const { event } of stream.answers) if (event) active.onEvent(event);
    expect(active.signals).toEqual([]);
    await stream.close();
  });

  test("open-chat-labs/open-chat#947, conversejs/converse.js#508: says by itself when it is over, should nobody say so", async () => {
    const { bob, conversationId } = await begin();
    const { signal } = await bob.signals.sendSignal({ conversationId, name: "typing" });
    expect(Number(signal?.expireTime?.seconds) - Number(signal?.createTime?.seconds)).toBe(8);
  });
});

describe("presence", () => {
  test("conversejs/converse.js#1117: two devices of which one goes away do not flap", async () => {
    const { ann, bob, becomes } = await begin();
    const watcher = follow(ann, { includePresence: true, background: true });
    await watcher.begun();
    const devices = [follow(bob), follow(bob)];
    const told = () => watcher.answers.flatMap(({ presence }) => (presence ? [presence.state] : []));
    await expect.poll(told, { timeout: 45_000 }).toEqual([PresenceState.ONLINE]);
    await bob.presence.setPresence({ mode: PresenceMode.AWAY });
    const third = follow(bob);
    await third.begun();
    await expect.poll(told, { timeout: 45_000 }).toEqual([PresenceState.ONLINE, PresenceState.AWAY]);
    for (const device of [...devices, third]) await device.close();
    await becomes("bob", PresenceState.OFFLINE);
    await expect.poll(() => told().slice(2), { timeout: 45_000 }).toEqual([PresenceState.OFFLINE]);
    await watcher.close();
  });

  test("krille-chan/fluffychat#332: a device that synchronizes in the background does not make its owner online", async () => {
    const { ann, bob, state, becomes } = await begin();
    const quiet = follow(bob, { background: true });
    await quiet.begun();
    const here = follow(ann);
    await becomes("ann", PresenceState.ONLINE);
    expect(await state("bob")).toBe(PresenceState.OFFLINE);
    await quiet.close();
    await here.close();
  });

  test("RocketChat/Rocket.Chat#41585: who is away stays so when its device connects again", async () => {
    const { bob, becomes } = await begin();
    const first = follow(bob);
    await bob.presence.setPresence({ mode: PresenceMode.AWAY });
    await becomes("bob", PresenceState.AWAY);
    await first.close();
    await becomes("bob", PresenceState.OFFLINE);
    const second = follow(bob);
    await becomes("bob", PresenceState.AWAY);
    await second.close();
  });
});

describe("a scheduled message", () => {
  test("klinker-apps/pulse-sms-issues#682, quik-sms/quik#669: is sent once, also where several servers go for it", async () => {
    const { schedule, said, bob } = await begin();
    const wanted = Array.from({ length: 8 }, (_, number) => `m${number}`);
    for (const content of wanted) await schedule(content, 3_000);
    await expect.poll(async () => (await said()).length, { timeout: 30_000 }).toBeGreaterThanOrEqual(8);
    await schedule("last", 3_000);
    await expect.poll(said, { timeout: 30_000 }).toContain("last");
    expect((await said()).toSorted()).toEqual(["last", ...wanted]);
    expect((await bob.drafts.listScheduledMessages({})).scheduledMessages).toEqual([]);
  });

  test("slackhq/slack-api-docs#107, slackapi/bolt-js#1000: is not sent once it was cancelled", async () => {
    const { schedule, said, bob } = await begin();
    const scheduledMessageId = await schedule("cancelled", 4_000);
    await bob.drafts.cancelScheduledMessage({ scheduledMessageId });
    await schedule("later", 4_500);
    await expect.poll(said, { timeout: 30_000 }).toEqual(["later"]);
  });

  test("ncvgl/slawk#50, RocketChat/Rocket.Chat#40310: of who was removed meanwhile is not sent, and stays, with the reason", async () => {
    const { schedule, said, ann, bob, conversationId } = await begin();
    await schedule("mine", 3_000);
    await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
    const failed = async () =>
      (await bob.drafts.listScheduledMessages({ state: ScheduledMessageState.FAILED })).scheduledMessages;
    await expect.poll(async () => (await failed()).length, { timeout: 30_000 }).toBe(1);
    const [row] = await failed();
    expect([row?.message?.content, row?.failure]).toEqual(["mine", "NOT_FOUND: conversation not found"]);
    expect(await said()).toEqual([]);
  });
});

describe("a draft", () => {
  test("telegramdesktop/tdesktop#8595, #29111: is not written over by a device that has an older one", async () => {
    const { bob, conversationId } = await begin();
    const { draft } = await bob.drafts.setDraft({ conversationId, message: { content: "from the phone" } });
    const etag = draft?.etag ?? "";
    await bob.drafts.setDraft({ conversationId, message: { content: "a long one, at the desk" }, etag });
    const stale = bob.drafts.setDraft({ conversationId, message: { content: "from the phone again" }, etag });
    expect(await failureOf(stale)).toMatchObject({ reason: "ETAG_MISMATCH" });
    expect((await bob.drafts.getDraft({ conversationId })).draft?.message?.content).toBe("a long one, at the desk");
  });

  test("klinker-apps/pulse-sms-issues#991, tutao/tutanota#10522: that was sent elsewhere does not come back by a device that is late", async () => {
    const { bob, conversationId } = await begin();
    const { draft } = await bob.drafts.setDraft({ conversationId, message: { content: "Hey!" } });
    await bob.drafts.deleteDraft({ conversationId });
    const late = bob.drafts.setDraft({ conversationId, message: { content: "Hey! I" }, etag: draft?.etag ?? "" });
    expect(await failureOf(late)).toMatchObject({ reason: "ETAG_MISMATCH" });
    expect((await bob.drafts.listDrafts({})).drafts).toEqual([]);
  });

  test("telegramdesktop/tdesktop#4060: stays when something else is sent from another device", async () => {
    const { bob, conversationId } = await begin();
    await bob.drafts.setDraft({ conversationId, message: { content: "a long one" } });
    await bob.messages.sendMessage({ conversationId, message: { content: "quick" } });
    expect((await bob.drafts.getDraft({ conversationId })).draft?.message?.content).toBe("a long one");
  });
});
