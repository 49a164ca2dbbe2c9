// What is activity in a conversation, and moves `update_time` and its place in lists; and what only marks it.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationOrder } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { nextWindow } from "../../src/store/erasure/walk-statements.ts";
import { replayConversations } from "../../src/store/webhooks/entries.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { look } from "../support/errors.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

const order = ConversationOrder.LATEST_ACTIVITY_FIRST;
const NAMES = ["one", "two", "three", "four"];

/** Ann's conversations with bob, each with a message. */
async function begin() {
  const tenant = await server.tenant("ann", "bob", "eve");
  const [ann, bob] = [tenant.member("ann"), tenant.member("bob")];
  const places: { conversationId: string; messageId: string }[] = [];
  for (const title of NAMES) {
    const { conversation } = await ann.conversations.createConversation({
      conversation: { title },
      participantIds: ["bob"],
    });
    const conversationId = conversation?.id ?? "";
    const { message } = await ann.messages.sendMessage({ conversationId, message: { content: title } });
    places.push({ conversationId, messageId: message?.id ?? "" });
  }
  const read = async (conversationId: string) => {
    const { conversation } = await bob.conversations.getConversation({ conversationId });
    if (conversation?.updateTime === undefined) throw new Error("it has no time");
    return { time: timestampMs(conversation.updateTime), lastSeq: conversation.lastSeq, etag: conversation.etag };
  };
  return { tenant, ann, bob, places, read };
}

type Begun = Awaited<ReturnType<typeof begin>>;
type Act = (begun: Begun, place: Begun["places"][number]) => Promise<unknown>;

/** What changes the conversation, or what was said in it. */
const ACTIVITY: Readonly<Record<string, Act>> = {
  "a message": ({ bob }, { conversationId }) =>
    bob.messages.sendMessage({ conversationId, message: { content: "hi" } }),
  "an edit": ({ ann }, { messageId }) =>
    ann.messages.updateMessage({ messageId, message: { content: `edit ${performance.now()}` } }),
  "a message deleted and restored": async ({ ann }, { messageId }) => {
    await ann.messages.deleteMessage({ messageId });
    await ann.messages.restoreMessage({ messageId });
  },
  "a title": ({ ann }, { conversationId }) =>
    ann.conversations.updateConversation({ conversationId, conversation: { title: `t ${performance.now()}` } }),
  "a participant who comes and goes": async ({ ann }, { conversationId }) => {
    await ann.participants.addParticipants({ conversationId, memberIds: ["eve"] });
    await ann.participants.removeParticipant({ conversationId, memberId: "eve" });
  },
};

/** What marks it; those in the log. */
const LOGGED_MARKS: Readonly<Record<string, Act>> = {
  "a read mark": async ({ bob, read }, { conversationId }) =>
    bob.participants.markRead({ conversationId, readSeq: (await read(conversationId)).lastSeq }),
  "a reaction that comes": ({ bob }, { messageId }) => bob.reactions.addReaction({ messageId, reaction: "👍" }),
  "a reaction that goes": ({ bob }, { messageId }) => bob.reactions.removeReaction({ messageId, reaction: "👍" }),
};
const MARKS: Readonly<Record<string, Act>> = {
  ...LOGGED_MARKS,
  "a view": ({ bob }, { conversationId }) =>
    bob.participants.setMemberView({ conversationId, pinned: true, archived: true }),
  "a draft": ({ bob }, { conversationId }) => bob.drafts.setDraft({ conversationId, message: { content: "not yet" } }),
  // One that comes too soon after another is refused, and marks nothing either.
  "a signal": ({ bob }, { conversationId }) =>
    bob.signals.sendSignal({ conversationId, name: "typing" }).catch((error) => {
      // One that comes too soon after another marks nothing either.
      if (look(error).reason !== "RATE_LIMITED") throw error;
    }),
};
const ACTS = { ...ACTIVITY, ...MARKS };

test("F-BUMP: a list by latest activity is in the order of the latest activity, whatever marks come between", async () => {
  const step = fc.tuple(fc.constantFrom(...Object.keys(ACTS)), fc.nat(NAMES.length - 1));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 12 }), async (steps) => {
      const begun = await begin();
      const times = new Map<string, number>();
      for (const { conversationId } of begun.places) times.set(conversationId, (await begun.read(conversationId)).time);
      for (const [name, at] of steps) {
        const place = begun.places[at] ?? expect.fail();
        const before = await begun.read(place.conversationId);
        await ACTS[name]?.(begun, place);
        const after = await begun.read(place.conversationId);
        if (name in MARKS) expect([name, after.time]).toEqual([name, before.time]);
        else expect(after.time, name).toBeGreaterThanOrEqual(Math.max(...times.values()));
        times.set(place.conversationId, after.time);
        const { conversations } = await begun.bob.conversations.listConversations({ order });
        const expected = [...times].sort(([a, at], [b, bt]) => bt - at || (a < b ? 1 : -1)).map(([id]) => id);
        expect(conversations.map(({ id }) => id)).toEqual(expected);
      }
    }),
    { numRuns: 2, endOnFailure: true },
  );
});

test("F-BUMP: what marks a conversation is still in its log, in its etag, and in what is found by time", async () => {
  for (const [name, act] of Object.entries(LOGGED_MARKS)) {
    const begun = await begin();
    const { tenant, bob, places, read } = begun;
    const [place] = places;
    if (place === undefined) throw new Error("nothing was made");
    const { conversationId } = place;
    if (name === "a reaction that goes")
      await bob.reactions.addReaction({ messageId: place.messageId, reaction: "👍" });
    await server.database.query(
      {
        name: "test_long_ago",
        text: `update conversation set update_time = '2024-01-01', last_message_time = '2024-01-01', mark_time = null
          where tenant_id = $1`,
      },
      [tenant.id],
    );
    const since = new Date("2025-01-01");
    const found = async () => {
      const { database } = server;
      const until = { position: 0n, seq: 0n, since };
      const replayed = await replayConversations(database, tenant.id, undefined, 10, until);
      const [erasable] = await database.query(nextWindow, [tenant.id, NOBODY, "bob", since, 10]);
      return [replayed.map(({ id }) => id), erasable?.ids ?? []];
    };
    expect(await found()).toEqual([[], []]);
    const before = await read(conversationId);
    await act(begun, place);
    const after = await read(conversationId);
    expect([name, after.time, after.lastSeq]).toEqual([name, before.time, before.lastSeq + 1n]);
    expect(after.etag).not.toBe(before.etag);
    expect(await found()).toEqual([[conversationId], [conversationId]]);
    const { events } = await bob.events.listEvents({ conversationId, afterSeq: before.lastSeq });
    expect(timestampMs(events[0]?.createTime ?? expect.fail())).toBeGreaterThan(since.getTime());
  }
});
const NOBODY = "00000000-0000-0000-0000-000000000000";

test("F-BUMP: an import leaves conversations where they were, read or not", async () => {
  const begun = await begin();
  for (const place of begun.places.slice(0, 2)) {
    for (const act of Object.values(LOGGED_MARKS)) await act(begun, place);
  }
  const lines = await exported(begun.tenant.key());
  const other = await server.tenant("ann", "bob", "eve");
  expect(await imported(other.key(), lines)).toMatchObject({ errorCount: 0n });
  const listed = async ({ tenant }: Pick<Begun, "tenant">) =>
    (await tenant.key().conversations.listConversations({ order })).conversations.map(
      ({ title, updateTime, lastSeq }) => [title, updateTime, lastSeq],
    );
  expect(await listed({ tenant: other })).toEqual(await listed(begun));
});
