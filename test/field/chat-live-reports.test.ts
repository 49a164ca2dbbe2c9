// Faults of typing, presence, drafts and scheduled messages in other products, tried here. Each names the report that
// showed it.
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ScheduledMessageState } from "../../gen/colloquy/v1/draft_pb.ts";
import { PresenceMode, PresenceState } from "../../gen/colloquy/v1/presence_pb.ts";
import { ActiveSignals } from "../../src/client/index.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({ presence: {}, schedules: true });
});
afterAll(() => server.close());
afterEach(() => void vi.useRealTimers());

async function begin() {
  const tenant = await server.tenant("ann", "bob");
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
  return { tenant, ann, bob: tenant.member("bob"), conversationId: conversation?.id ?? "" };
}

const contents = async ({ messages }: Clients, conversationId: string) =>
  (await messages.listMessages({ conversationId })).messages.map(({ content }) => content);

describe("F-LIVE: typing", () => {
  const typing = { conversationId: "c", actor: { type: 1, id: "bob" }, name: "typing" };
  const names = (signals: ActiveSignals) => signals.signals.map(({ actor, name }) => `${actor?.id} ${name}`);

  test("open-chat-labs/open-chat#947, conversejs/converse.js#508: it ends by itself if nobody says that it is over", () => {
    vi.useFakeTimers();
    const signals = new ActiveSignals();
    signals.onSignal(typing as never);
    vi.advanceTimersByTime(7_999);
    expect(names(signals)).toEqual(["bob typing"]);
    vi.advanceTimersByTime(1);
    expect(names(signals)).toEqual([]);
  });

  test("webex/react-widgets#53, element-hq/element-web#2625: it is over once the message has come, or its sender says so", () => {
    const signals = new ActiveSignals();
    const sent = (id: string) => ({ conversationId: "c", actor: { type: 1, id }, change: { case: "messageSent" } });
    signals.onSignal(typing as never);
    signals.onEvent(sent("ann") as never);
    expect(names(signals)).toEqual(["bob typing"]);
    signals.onEvent(sent("bob") as never);
    expect(names(signals)).toEqual([]);
    signals.onSignal(typing as never);
    signals.onSignal({ ...typing, ended: true } as never);
    expect(names(signals)).toEqual([]);
  });

  test("zhukov/webogram#1201, telegramdesktop/tdesktop#7129: of who was thrown out nobody is told that it types", async () => {
    const { ann, bob, conversationId } = await begin();
    await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
    expect((await failureOf(bob.signals.sendSignal({ conversationId, name: "typing" }))).reason).toBe("NOT_FOUND");
    const signals = new ActiveSignals();
    signals.onSignal(typing as never);
    signals.onEvent({
      conversationId: "c",
      change: { case: "participantRemoved", value: { memberId: "bob" } },
    } as never);
    expect(names(signals)).toEqual([]);
  });
});

describe("F-LIVE: presence", () => {
  const seen = async ({ presence }: Clients, memberId = "bob") =>
    (await presence.batchGetPresence({ memberIds: [memberId] })).presences[0];
  const becomes = (by: Clients, state: PresenceState, memberId?: string) =>
    expect.poll(async () => (await seen(by, memberId))?.state, { timeout: 45_000 }).toBe(state);
  const open = ({ events }: Clients) => {
    const controller = new AbortController();
    const running = (async () => {
      for await (const _ of events.subscribe({}, { signal: controller.signal }));
    })().catch(() => {});
    return async () => {
      controller.abort();
      await running;
    };
  };

  test("Longwelwind/swords-and-ravens#1976, ita-social-projects/SpaceToStudy-BackEnd#938, Sharkord/sharkord#189: of two tabs one may close", async () => {
    const { ann, bob } = await begin();
    const [one, two] = [open(bob), open(bob)];
    await becomes(ann, PresenceState.ONLINE);
    await one();
    // By the time that one who left later is offline, what was closed has been noticed.
    const later = open(ann);
    await becomes(bob, PresenceState.ONLINE, "ann");
    await later();
    await becomes(bob, PresenceState.OFFLINE, "ann");
    expect((await seen(ann))?.state).toBe(PresenceState.ONLINE);
    await two();
    await becomes(ann, PresenceState.OFFLINE);
  });

  test("element-hq/element-web#23165, tinode/webapp#48: with the last session the member is offline", async () => {
    const { ann, bob } = await begin();
    const close = open(bob);
    await becomes(ann, PresenceState.ONLINE);
    await close();
    await becomes(ann, PresenceState.OFFLINE);
  });

  test("NodeBB/NodeBB#4051, FightPandemics/FightPandemics#1924, element-hq/element-web#165: last seen is told of who is offline, is later each time, and is never told of who hides", async () => {
    const { ann, bob } = await begin();
    const times: number[] = [];
    for (let visit = 0; visit < 2; visit++) {
      const close = open(bob);
      await becomes(ann, PresenceState.ONLINE);
      expect((await seen(ann))?.lastSeenTime).toBeUndefined();
      await close();
      await becomes(ann, PresenceState.OFFLINE);
      const time = (await seen(ann))?.lastSeenTime;
      times.push(time === undefined ? 0 : timestampMs(time));
    }
    expect(times[0]).toBeGreaterThan(0);
    expect(times[1]).toBeGreaterThan(times[0] ?? 0);
    await bob.presence.setPresence({ mode: PresenceMode.HIDDEN });
    expect(await seen(ann)).toMatchObject({ state: PresenceState.OFFLINE });
    expect((await seen(ann))?.lastSeenTime).toBeUndefined();
  });
});

describe("F-LIVE: drafts", () => {
  const draftOf = async ({ drafts }: Clients, conversationId: string) =>
    (await drafts.getDraft({ conversationId })).draft?.message?.content;

  test("telegramdesktop/tdesktop#8595, #29111, UnigramDev/Unigram#1679: a device that is late does not write over what another wrote", async () => {
    const { bob, conversationId } = await begin();
    const first = await bob.drafts.setDraft({ conversationId, message: { content: "short" } });
    const etag = first.draft?.etag ?? "";
    await bob.drafts.setDraft({ conversationId, message: { content: "a long essay" }, etag });
    const late = bob.drafts.setDraft({ conversationId, message: { content: "short, and old" }, etag });
    expect((await failureOf(late)).reason).toBe("ETAG_MISMATCH");
    expect(await draftOf(bob, conversationId)).toBe("a long essay");
  });

  test("deltachat/deltachat-android#2184, deltachat-desktop#582: each conversation keeps its own", async () => {
    const { ann, bob, conversationId } = await begin();
    const ids = [conversationId];
    for (let n = 0; n < 3; n++) {
      const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
      ids.push(conversation?.id ?? "");
    }
    for (const [n, id] of ids.entries()) {
      await bob.drafts.setDraft({ conversationId: id, message: { content: `draft ${n}` } });
    }
    expect(await Promise.all(ids.map((id) => draftOf(bob, id)))).toEqual(ids.map((_, n) => `draft ${n}`));
  });

  test("kontalk/androidclient#448, telegramdesktop/tdesktop#4060: it stays when a message comes, or is sent from another device", async () => {
    const { ann, bob, conversationId } = await begin();
    await bob.drafts.setDraft({ conversationId, message: { content: "I thi" } });
    for (const by of [ann, bob]) await by.messages.sendMessage({ conversationId, message: { content: "ok" } });
    expect(await draftOf(bob, conversationId)).toBe("I thi");
  });

  test("mattermost/mattermost#25484, #24022, #28402: the draft of a reply to what was deleted is still listed, and can be deleted", async () => {
    const { ann, bob, conversationId } = await begin();
    const { message } = await ann.messages.sendMessage({ conversationId, message: { content: "well?" } });
    const replyTo = message?.id ?? "";
    await bob.drafts.setDraft({ conversationId, message: { content: "yes", replyTo } });
    await ann.messages.deleteMessage({ messageId: replyTo });
    const listed = async () => (await bob.drafts.listDrafts({})).drafts.map((draft) => draft.message?.content);
    expect(await listed()).toEqual(["yes"]);
    await bob.drafts.deleteDraft({ conversationId });
    expect(await listed()).toEqual([]);
  });
});

describe("F-LIVE: scheduled messages", () => {
  const LATER = timestampFromMs(Date.now() + 24 * 3_600_000);
  const schedule = async ({ drafts }: Clients, conversationId: string, content: string) =>
    (await drafts.scheduleMessage({ conversationId, scheduledMessage: { message: { content }, sendTime: LATER } }))
      .scheduledMessage?.id ?? "";
  const waiting = async ({ drafts }: Clients) => (await drafts.listScheduledMessages({})).scheduledMessages;

  /** What waits is due now; the scheduler looks when another is scheduled. */
  async function becomeDue(tenantId: string, { drafts, conversations }: Clients) {
    const text = "/* test */ update scheduled_message set send_time = clock_timestamp() where tenant_id = $1";
    await server.database.query({ name: "test_due", text }, [tenantId]);
    const { conversation } = await conversations.createConversation({});
    const wish = { message: { content: "much later" }, sendTime: LATER };
    await drafts.scheduleMessage({ conversationId: conversation?.id ?? "", scheduledMessage: wish });
  }

  test("slackhq/slack-api-docs#107, Project-Caruso/MessagePro#25, #31: one that was cancelled is not sent, the others are, and leave the list", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    await schedule(bob, conversationId, "a");
    const scheduledMessageId = await schedule(bob, conversationId, "b");
    await schedule(bob, conversationId, "c");
    expect(await waiting(bob)).toHaveLength(3);
    await bob.drafts.cancelScheduledMessage({ scheduledMessageId });
    await becomeDue(tenant.id, ann);
    await expect.poll(() => waiting(bob), { timeout: 45_000 }).toEqual([]);
    expect((await contents(ann, conversationId)).toSorted()).toEqual(["a", "c"]);
  });

  test("zulip/zulip#25501, nextcloud/spreed#16777, GSA/notifications-admin#98: what could not be sent says why, keeps its time, and can be taken off", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    const scheduledMessageId = await schedule(bob, conversationId, "a");
    await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
    await becomeDue(tenant.id, ann);
    const { FAILED } = ScheduledMessageState;
    await expect.poll(async () => (await waiting(bob))[0]?.state, { timeout: 45_000 }).toBe(FAILED);
    const [failed] = await waiting(bob);
    expect(failed?.failure).toMatch(/^NOT_FOUND: /);
    expect([failed?.message?.content, failed?.sendTime === undefined]).toEqual(["a", false]);
    await bob.drafts.cancelScheduledMessage({ scheduledMessageId });
    expect(await waiting(bob)).toEqual([]);
  });

  test("medic/cht-core#3010, xmtplabs/converse-app#120: of many that are due together each is sent once", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    const names = Array.from({ length: 20 }, (_, n) => `m${n}`);
    await Promise.all(names.map((name) => schedule(bob, conversationId, name)));
    await becomeDue(tenant.id, ann);
    await expect.poll(() => waiting(bob), { timeout: 45_000 }).toEqual([]);
    expect((await contents(ann, conversationId)).toSorted()).toEqual(names.toSorted());
  });
});
