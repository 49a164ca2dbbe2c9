// Faults of reactions, threads, mentions and receipts in other products, tried here. Each names the report that showed
// it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MessageOrder } from "../../gen/colloquy/v1/message_service_pb.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

async function begin() {
  const tenant = await server.tenant("ann", "bob", "cy");
  const [ann, bob] = [tenant.member("ann"), tenant.member("bob")];
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob", "cy"] });
  const conversationId = conversation?.id ?? "";
  const send = async (content: string, more: object = {}, by: Clients = ann) =>
    (await by.messages.sendMessage({ conversationId, message: { content, ...more } })).message?.id ?? "";
  const counts = async (messageId: string, by: Clients = ann) =>
    ((await by.messages.getMessage({ messageId })).message?.reactions ?? []).map(
      ({ reaction, count, mine }) => `${reaction} ${count}${mine ? " mine" : ""}`,
    );
  const replies = async (messageId: string) => {
    const { message } = await ann.messages.getMessage({ messageId });
    return [
      message?.replyCount,
      (await ann.messages.listReplies({ messageId })).messages.map(({ content }) => content),
    ];
  };
  const view = async (by: Clients) =>
    (await by.conversations.getConversation({ conversationId })).conversation?.memberView;
  return { tenant, ann, bob, conversationId, send, counts, replies, view };
}

describe("F-CHAT: reactions", () => {
  test("element-hq/element-web#23752, #27331, element-hq/element-x-android#1209: the same emoji with and without a selector counts as one", async () => {
    const { ann, bob, send, counts } = await begin();
    const messageId = await send("a");
    for (const [by, sent] of [
      [ann, "👍"],
      [bob, "👍\uFE0F"],
    ] as const) {
      await by.reactions.addReaction({ messageId, reaction: sent });
    }
    await ann.reactions.addReaction({ messageId, reaction: "❤" });
    await ann.reactions.addReaction({ messageId, reaction: "❤\uFE0F" });
    expect(await counts(messageId)).toEqual(["👍 2 mine", "❤\uFE0F 1 mine"]);
    await ann.reactions.removeReaction({ messageId, reaction: "👍\uFE0F" });
    expect(await counts(messageId)).toEqual(["👍 1", "❤\uFE0F 1 mine"]);
  });

  test("discord/discord-api-docs#2469: one message read by itself has the counts that the list has", async () => {
    const { ann, bob, conversationId, send, counts } = await begin();
    const messageId = await send("a");
    for (const by of [ann, bob]) await by.reactions.addReaction({ messageId, reaction: ":upvote:" });
    const { messages } = await bob.messages.listMessages({ conversationId });
    const listed = messages.find(({ id }) => id === messageId)?.reactions[0];
    expect([await counts(messageId, bob), listed?.count, listed?.mine]).toEqual([[":upvote: 2 mine"], 2, true]);
  });

  test("GetStream/stream-chat-android#5106, stream-chat-swift#1677: the caller's own ones are told in threads and after a change by others", async () => {
    const { ann, bob, send } = await begin();
    const root = await send("a");
    const reply = await send("b", { replyTo: root });
    await ann.reactions.addReaction({ messageId: reply, reaction: "🎉" });
    await bob.reactions.addReaction({ messageId: reply, reaction: "🎉" });
    const mineOf = async ({ messages }: Clients) =>
      (await messages.listReplies({ messageId: root })).messages[0]?.reactions.map(({ mine }) => mine);
    await bob.reactions.removeReaction({ messageId: reply, reaction: "🎉" });
    expect([await mineOf(ann), await mineOf(bob)]).toEqual([[true], [false]]);
  });

  test("ouwou/acheron#69: an edit leaves the reactions, in its answer too", async () => {
    const { ann, bob, send, counts } = await begin();
    const messageId = await send("a");
    await bob.reactions.addReaction({ messageId, reaction: "👍" });
    const { message } = await ann.messages.updateMessage({ messageId, message: { content: "b" } });
    expect([message?.reactions.length, await counts(messageId)]).toEqual([1, ["👍 1"]]);
  });

  test("Expensify/App#33533: skin tones are reactions of their own, and go one at a time", async () => {
    const { ann, send, counts } = await begin();
    const messageId = await send("a");
    for (const reaction of ["👍", "👍🏽", "👍🏿"]) await ann.reactions.addReaction({ messageId, reaction });
    await ann.reactions.removeReaction({ messageId, reaction: "👍🏽" });
    expect(await counts(messageId)).toEqual(["👍 1 mine", "👍🏿 1 mine"]);
  });

  test("mattermost/mattermost#8145: once the last reaction is gone, the message says so", async () => {
    const { ann, send, counts } = await begin();
    const messageId = await send("a");
    await ann.reactions.addReaction({ messageId, reaction: ":pizza:" });
    const { reactions } = await ann.reactions.removeReaction({ messageId, reaction: ":pizza:" });
    expect([reactions, await counts(messageId)]).toEqual([[], []]);
  });

  test("fluxerapp/fluxer#794: adding and removing over and over counts by one, also for those who follow the log", async () => {
    const { ann, bob, conversationId, send, counts } = await begin();
    const messageId = await send("a");
    for (let n = 0; n < 5; n++) {
      await bob.reactions.addReaction({ messageId, reaction: "👍" });
      await bob.reactions.removeReaction({ messageId, reaction: "👍" });
    }
    await Promise.all([1, 2, 3].map(() => bob.reactions.addReaction({ messageId, reaction: "👍" })));
    const { events } = await ann.events.listEvents({ conversationId });
    const sum = events.reduce((count, { change }) => {
      const step = { reactionAdded: 1, reactionRemoved: -1 }[change.case as string] ?? 0;
      return count + step;
    }, 0);
    expect([await counts(messageId), sum]).toEqual([["👍 1"], 1]);
  });

  test("Freecey/Bulletin-Board-Project#131: nobody removes the reaction of another", async () => {
    const { ann, bob, send, counts } = await begin();
    const messageId = await send("a");
    await bob.reactions.addReaction({ messageId, reaction: "👍" });
    await ann.reactions.removeReaction({ messageId, reaction: "👍" });
    expect(await counts(messageId)).toEqual(["👍 1"]);
  });
});

describe("F-CHAT: threads", () => {
  test("RocketChat/Rocket.Chat#19964, GetStream/stream-chat-flutter#1149, #1409: deleted replies are not counted", async () => {
    const { ann, send, replies } = await begin();
    const root = await send("a");
    const [one] = [await send("b", { replyTo: root }), await send("c", { replyTo: root })];
    await ann.messages.deleteMessage({ messageId: one });
    expect(await replies(root)).toEqual([1, ["c"]]);
  });

  test("GetStream/stream-chat-react#155: the replies after a deleted one are still listed", async () => {
    const { ann, send, replies } = await begin();
    const root = await send("1");
    const ids: string[] = [];
    for (const text of ["2", "3", "4", "5"]) ids.push(await send(text, { replyTo: root }));
    await ann.messages.deleteMessage({ messageId: ids[1] ?? "" });
    expect(await replies(root)).toEqual([3, ["2", "4", "5"]]);
  });

  test("RocketChat/Rocket.Chat#16320: the replies to a deleted message stay and are found", async () => {
    const { ann, send } = await begin();
    const root = await send("a");
    const reply = await send("b", { replyTo: root });
    await ann.messages.deleteMessage({ messageId: root });
    const { messages } = await ann.messages.listReplies({ messageId: root });
    expect(messages.map(({ id, replyTo }) => [id, replyTo])).toEqual([[reply, root]]);
  });

  test("GetStream/stream-chat-swift#550, umputun/remark42#66: replies come page by page, in the order asked for, each once", async () => {
    const { ann, send } = await begin();
    const root = await send("0");
    for (const text of ["1", "2", "3", "4", "5"]) await send(text, { replyTo: root });
    const all = async (order: MessageOrder) => {
      const found: string[] = [];
      for (let pageToken = ""; ; ) {
        const page = await ann.messages.listReplies({ messageId: root, pageSize: 2, pageToken, order });
        found.push(...page.messages.map(({ content }) => content));
        if (page.nextPageToken === "") return found.join("");
        pageToken = page.nextPageToken;
      }
    };
    expect([await all(MessageOrder.OLDEST_FIRST), await all(MessageOrder.NEWEST_FIRST)]).toEqual(["12345", "54321"]);
  });

  test("mattermost/mattermost#22060, widelands/widelands-website#337: a thread that was read is read, and a deletion makes nothing unread", async () => {
    const { ann, bob, conversationId, send } = await begin();
    const root = await send("a");
    const ids = [await send("b", { replyTo: root }), await send("c", { replyTo: root })];
    const unread = async () => (await bob.messages.listReplies({ messageId: root })).unreadCount;
    expect(await unread()).toBe(2);
    await bob.participants.markRead({ conversationId });
    expect(await unread()).toBe(0);
    await ann.messages.deleteMessage({ messageId: ids[1] ?? "" });
    expect(await unread()).toBe(0);
  });

  test("GetStream/stream-chat-js#1328, NodeBB/NodeBB#4236: replies that were deleted are not unread, in the thread and in the conversation", async () => {
    const { ann, bob, send, view } = await begin();
    const root = await send("a", {}, bob);
    const reply = await send("b", { replyTo: root });
    await ann.messages.deleteMessage({ messageId: reply });
    expect((await bob.messages.listReplies({ messageId: root })).unreadCount).toBe(0);
    expect(await view(bob)).toMatchObject({ unreadCount: 0 });
  });

  test("hypothesis/h#1916: a reply names what it replies to also where that is deleted or on another page", async () => {
    const { ann, conversationId, send } = await begin();
    const root = await send("a");
    await send("b", { replyTo: root });
    await ann.messages.deleteMessage({ messageId: root });
    const { messages } = await ann.messages.listMessages({
      conversationId,
      order: MessageOrder.NEWEST_FIRST,
      pageSize: 1,
    });
    expect(messages.map(({ replyTo }) => replyTo)).toEqual([root]);
  });

  test("Expensify/App#66786: in threads of several levels each level counts its own", async () => {
    const { ann, send, replies } = await begin();
    const one = await send("1");
    const two = await send("2", { replyTo: one });
    const three = await send("3", { replyTo: two });
    await ann.messages.deleteMessage({ messageId: two });
    await ann.messages.deleteMessage({ messageId: three });
    expect(await replies(one)).toEqual([0, []]);
    await ann.messages.restoreMessage({ messageId: two });
    expect([await replies(one), await replies(two)]).toEqual([
      [1, ["2"]],
      [0, []],
    ]);
  });
});

describe("F-CHAT: mentions and receipts", () => {
  test("GetStream/stream-chat-js#601: messages and mentions in threads count as unread", async () => {
    const { bob, send, view } = await begin();
    const root = await send("a", {}, bob);
    await send("b", { replyTo: root, mentions: ["bob"] });
    expect(await view(bob)).toMatchObject({ unreadCount: 1, unreadMentionCount: 1 });
  });

  test("RocketChat/Rocket.Chat#16658: a message that mentions another is unread all the same, and no mention", async () => {
    const { bob, send, view } = await begin();
    await send("a", { mentions: ["cy"] });
    expect(await view(bob)).toMatchObject({ unreadCount: 1, unreadMentionCount: 0 });
  });

  test("zulip/zulip#25570: who is mentioned by name and with all is mentioned once", async () => {
    const { bob, send, view } = await begin();
    await send("a", { mentions: ["bob", "@all"] });
    expect(await view(bob)).toMatchObject({ unreadCount: 1, unreadMentionCount: 1 });
    expect((await bob.messages.listMentions({})).messages).toHaveLength(1);
  });

  test("GetStream/stream-chat-js#1045, zed-industries/zed#9847, nextcloud/spreed#6897: the mention of a deleted message is gone from count and list until it is restored", async () => {
    const { ann, bob, send, view } = await begin();
    const messageId = await send("a", { mentions: ["bob"] });
    const told = async () => [
      (await view(bob))?.unreadMentionCount,
      (await bob.messages.listMentions({})).messages.map(({ content }) => content),
    ];
    await ann.messages.deleteMessage({ messageId });
    expect(await told()).toEqual([0, []]);
    await ann.messages.restoreMessage({ messageId });
    expect(await told()).toEqual([1, ["a"]]);
  });

  test("zulip/zulip#14544, microcosm-cc/microweb#279: after an edit the message, the count and the list agree on who is mentioned", async () => {
    const { ann, bob, send, view } = await begin();
    const messageId = await send("a", { mentions: ["bob"] });
    const { message } = await ann.messages.updateMessage({ messageId, message: { content: "b" } });
    const { messages } = await bob.messages.listMentions({});
    expect([message?.mentions, (await view(bob))?.unreadMentionCount, messages.map(({ content }) => content)]).toEqual([
      ["bob"],
      1,
      ["b"],
    ]);
  });

  test("thelounge/thelounge#4436: who has left a conversation no longer finds its mentions there", async () => {
    const { ann, bob, conversationId, send } = await begin();
    await send("a", { mentions: ["bob"] });
    await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
    expect((await bob.messages.listMentions({})).messages).toEqual([]);
  });

  test("griffithlab/civic-client#511: the count is that of the listed ones after the read mark", async () => {
    const { bob, conversationId, send, view } = await begin();
    for (const text of ["a", "b", "c"]) await send(text, { mentions: ["bob"] });
    const { messages } = await bob.messages.listMentions({});
    const readSeq = messages.at(-1)?.seq ?? 0n;
    await bob.participants.markRead({ conversationId, readSeq });
    expect((await view(bob))?.unreadMentionCount).toBe(messages.filter(({ seq }) => seq > readSeq).length);
  });

  test("matrix-org/synapse#13196, element-hq/element-web#25420: what was read on one device is read on every other, threads included", async () => {
    const { tenant, bob, conversationId, send, view } = await begin();
    const root = await send("a");
    await send("b", { replyTo: root, mentions: ["bob"] });
    await bob.participants.markRead({ conversationId });
    expect(await view(tenant.key(["read"], "bob"))).toMatchObject({ unreadCount: 0, unreadMentionCount: 0 });
    const { conversations } = await bob.conversations.listConversations({});
    expect(conversations.map(({ memberView }) => memberView?.unreadCount)).toEqual([0]);
  });

  test("chatwoot/chatwoot#4376: when a member has read last is told", async () => {
    const { bob, conversationId, view } = await begin();
    expect((await view(bob))?.lastReadTime).toBeUndefined();
    await bob.participants.markRead({ conversationId });
    expect((await view(bob))?.lastReadTime).toBeDefined();
  });

  test("a mention of somebody who has left is refused before anything is sent", async () => {
    const { ann, conversationId, send } = await begin();
    await ann.participants.removeParticipant({ conversationId, memberId: "cy" });
    expect((await failureOf(send("a", { mentions: ["cy"] }))).reason).toBe("UNKNOWN_REFERENCE");
    expect((await ann.messages.listMessages({ conversationId })).messages).toEqual([]);
  });
});
