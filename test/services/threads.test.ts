// Replies in threads, and mentions of members.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageOrder } from "../../gen/colloquy/v1/message_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

async function begin(...participantIds: string[]) {
  const tenant = await server.tenant("ann", "bob", "cy", "eve", ...participantIds);
  const ann = tenant.member("ann");
  const members = ["bob", "cy", ...participantIds];
  const { conversation } = await ann.conversations.createConversation({ participantIds: members });
  const conversationId = conversation?.id ?? "";
  const ids: Record<string, string> = {};
  const say = async (content: string, more: object = {}, by: Clients = ann) => {
    const { message } = await by.messages.sendMessage({ conversationId, message: { content, ...more } });
    ids[content] = message?.id ?? "";
    return message;
  };
  const reply = (content: string, to: string, more: object = {}) => say(content, { replyTo: ids[to] ?? to, ...more });
  const thread = async (of: string, more: object = {}) =>
    (await ann.messages.listReplies({ messageId: ids[of] ?? of, ...more })).messages
      .map(({ content }) => content)
      .join(" ");
  /** Both ways of counting must agree. */
  const counted = async (of: string) => {
    const { message } = await ann.messages.getMessage({ messageId: ids[of] ?? "", deleted: DeletedFilter.INCLUDE });
    const { messages } = await ann.messages.listReplies({ messageId: ids[of] ?? "" });
    const last = messages.at(-1)?.createTime;
    expect([message?.replyCount, message?.lastReplyTime]).toEqual([messages.length, last]);
    return message?.replyCount;
  };
  return {
    tenant,
    ann,
    bob: tenant.member("bob"),
    cy: tenant.member("cy"),
    conversationId,
    ids,
    say,
    reply,
    thread,
    counted,
  };
}

describe("a thread", () => {
  test("says how many replies of others are unread, in every page, by the read mark of the conversation", async () => {
    const { tenant, ann, bob, cy, conversationId, ids, say } = await begin();
    await say("a");
    const unread = async ({ messages }: Clients, more: object = {}) => {
      const page = await messages.listReplies({ messageId: ids.a ?? "", ...more });
      return [page.messages.length, page.unreadCount];
    };
    expect(await unread(bob)).toEqual([0, 0]);
    for (const content of ["b", "c"]) await say(content, { replyTo: ids.a });
    await say("beside");
    await say("d", { replyTo: ids.a }, bob);
    expect([await unread(ann), await unread(bob), await unread(cy)]).toEqual([
      [3, 1],
      [3, 2],
      [3, 3],
    ]);
    expect(await unread(cy, { pageSize: 1, order: MessageOrder.NEWEST_FIRST })).toEqual([1, 3]);
    const { message } = await ann.messages.getMessage({ messageId: ids.c ?? "" });
    await bob.participants.markRead({ conversationId, readSeq: message?.seq ?? 0n });
    expect(await unread(bob)).toEqual([3, 0]);
    await say("e", { replyTo: ids.a });
    await ann.messages.deleteMessage({ messageId: ids.b ?? "" });
    expect([await unread(bob), await unread(cy)]).toEqual([
      [3, 1],
      [3, 3],
    ]);
    expect(await unread(tenant.key())).toEqual([3, 0]);
  });
});

describe("a reply", () => {
  test("names its message, is listed with the others in order, and counted there", async () => {
    const { ann, conversationId, ids, say, reply, thread, counted } = await begin();
    await say("a");
    expect((await reply("b", "a"))?.replyTo).toBe(ids.a);
    await reply("c", "b");
    await reply("d", "a");
    expect([await thread("a"), await thread("b"), await thread("c")]).toEqual(["b d", "c", ""]);
    expect([await counted("a"), await counted("b"), await counted("c")]).toEqual([2, 1, 0]);
    expect(await thread("a", { order: MessageOrder.NEWEST_FIRST })).toBe("d b");
    const { messages } = await ann.messages.listMessages({ conversationId });
    expect(messages.map(({ content, replyTo, replyCount }) => [content, replyTo, replyCount])).toEqual([
      ["a", "", 2],
      ["b", ids.a, 1],
      ["c", ids.b, 0],
      ["d", ids.a, 0],
    ]);
    const first = await ann.messages.listReplies({ messageId: ids.a ?? "", pageSize: 1 });
    const second = await ann.messages.listReplies({
      messageId: ids.a ?? "",
      pageSize: 1,
      pageToken: first.nextPageToken,
    });
    expect([first, second].map((page) => page.messages[0]?.content)).toEqual(["b", "d"]);
    expect(second.nextPageToken).toBe("");
  });

  test("that is deleted is not counted, and counted again once it is restored", async () => {
    const { ann, ids, say, reply, thread, counted, conversationId } = await begin();
    await say("a");
    for (const text of ["b", "c", "d"]) await reply(text, "a");
    await ann.messages.deleteMessage({ messageId: ids.d ?? "" });
    expect([await thread("a"), await counted("a")]).toEqual(["b c", 2]);
    await ann.messages.deleteMessage({ messageId: ids.b ?? "" });
    await ann.messages.deleteMessage({ messageId: ids.c ?? "" });
    expect(await counted("a")).toBe(0);
    await ann.messages.restoreMessage({ messageId: ids.c ?? "" });
    expect([await thread("a"), await counted("a")]).toEqual(["c", 1]);
    await ann.messages.deleteAllMessages({ conversationId });
    expect([await thread("a"), await counted("a")]).toEqual(["", 0]);
    await ann.messages.restoreAllMessages({ conversationId });
    expect([await thread("a"), await counted("a")]).toEqual(["b c d", 3]);
    await ann.messages.replaceMessages({ conversationId, messages: [{ content: "a" }, { content: "b" }] });
    expect([await thread("a"), await counted("a")]).toEqual(["b", 1]);
  });

  test("stays when its message is deleted, and is still listed there", async () => {
    const { ann, ids, say, reply, thread } = await begin();
    await say("a");
    await reply("b", "a");
    await ann.messages.deleteMessage({ messageId: ids.a ?? "" });
    expect((await ann.messages.getMessage({ messageId: ids.b ?? "" })).message?.replyTo).toBe(ids.a);
    expect(await thread("a")).toBe("b");
    expect(await failureOf(reply("c", "a"))).toMatchObject({
      reason: "UNKNOWN_REFERENCE",
      message: "message.reply_to: is not a message of the conversation",
    });
  });

  test("to what is not in the conversation is refused, and nothing is sent", async () => {
    const one = await begin();
    const other = await begin();
    await one.say("a");
    await other.say("x");
    for (const to of [other.ids.x ?? "", newId(), "nothing", one.conversationId]) {
      expect((await failureOf(one.reply("b", to))).reason).toBe("UNKNOWN_REFERENCE");
    }
    const batch = {
      conversationId: one.conversationId,
      messages: [{ content: "b" }, { content: "c", replyTo: newId() }],
    };
    expect((await failureOf(one.ann.messages.batchSendMessages(batch))).message).toBe(
      "messages[1].reply_to: is not a message of the conversation",
    );
    const { conversation } = await one.ann.conversations.getConversation({ conversationId: one.conversationId });
    expect(conversation?.messageCount).toBe(1n);
  });

  test("is sent once with a request id or a client id, and counted once", async () => {
    const { ann, conversationId, ids, say, counted } = await begin();
    await say("a");
    const message = { content: "b", replyTo: ids.a ?? "" };
    const asked = { conversationId, message, requestId: newId() };
    const [one, two] = [await ann.messages.sendMessage(asked), await ann.messages.sendMessage(asked)];
    expect(one.message?.id).toBe(two.message?.id);
    const named = { conversationId, message: { ...message, clientId: "c1" } };
    const [three, four] = [await ann.messages.sendMessage(named), await ann.messages.sendMessage(named)];
    expect(three.message?.id).toBe(four.message?.id);
    expect(await counted("a")).toBe(2);
  });

  test("in a fork may be to what the fork inherits", async () => {
    const { ann, ids, say, conversationId, counted } = await begin();
    await say("a");
    const { conversation } = await ann.conversations.forkConversation({ conversationId });
    const fork = conversation?.id ?? "";
    const { message } = await ann.messages.sendMessage({
      conversationId: fork,
      message: { content: "b", replyTo: ids.a ?? "" },
    });
    expect(message?.replyTo).toBe(ids.a);
    expect(await counted("a")).toBe(0);
  });

  test("of 32 at once each is counted", async () => {
    const { reply, say, counted } = await begin();
    await say("a");
    await Promise.all(Array.from({ length: 32 }, (_, n) => reply(`r${n}`, "a")));
    expect(await counted("a")).toBe(32);
  });
});

test("a subscription follows one thread", async () => {
  const { ann, bob, conversationId, ids, say, reply } = await begin();
  await say("a");
  await say("x");
  const stop = new AbortController();
  const asked = { conversationId, threadMessageId: ids.a ?? "" };
  const seen: string[] = [];
  const following = (async () => {
    for await (const { event } of ann.events.subscribe(asked, { signal: stop.signal })) {
      if (event?.change.case) seen.push(event.change.case);
      if (event?.change.case === "allMessagesDeleted") return;
    }
  })();
  await expect.poll(() => seen).toEqual(["messageSent"]);
  await reply("b", "a");
  await say("y");
  await reply("z", "x");
  await bob.reactions.addReaction({ messageId: ids.b ?? "", reaction: "👍" });
  await bob.reactions.addReaction({ messageId: ids.x ?? "", reaction: "👍" });
  await ann.messages.updateMessage({ messageId: ids.a ?? "", message: { content: "a!" } });
  await ann.messages.deleteMessage({ messageId: ids.b ?? "" });
  await ann.messages.deleteAllMessages({ conversationId });
  await following;
  expect(seen).toEqual([
    "messageSent",
    "messageSent",
    "reactionAdded",
    "messageEdited",
    "messageDeleted",
    "allMessagesDeleted",
  ]);
  stop.abort();
  const everywhere = ann.events.subscribe({ threadMessageId: ids.a ?? "" })[Symbol.asyncIterator]();
  expect((await failureOf(everywhere.next())).message).toBe(
    "thread_message_id: must be empty unless conversation_id is set",
  );
});

describe("a mention", () => {
  const mentions = async ({ messages }: Clients, more: object = {}) =>
    (await messages.listMentions(more)).messages.map(({ content }) => content).join(" ");
  const unread = async ({ conversations }: Clients, conversationId: string) => {
    const { conversation } = await conversations.getConversation({ conversationId });
    const list = await conversations.listConversations({});
    const view = conversation?.memberView;
    const listed = list.conversations.find(({ id }) => id === conversationId)?.memberView;
    expect(listed).toEqual(view);
    return [view?.unreadCount, view?.unreadMentionCount];
  };

  test("is counted beside what is unread, and listed across conversations, latest first", async () => {
    const { tenant, ann, bob, cy, conversationId, say } = await begin();
    await say("plain");
    expect(await unread(bob, conversationId)).toEqual([1, 0]);
    expect((await say("bob-1", { mentions: ["bob", "bob"] }))?.mentions).toEqual(["bob"]);
    await say("both", { mentions: ["bob", "cy"] });
    await say("self", { mentions: ["ann"] });
    expect([await unread(bob, conversationId), await unread(cy, conversationId)]).toEqual([
      [4, 2],
      [4, 1],
    ]);
    const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
    const elsewhere = conversation?.id ?? "";
    await ann.messages.sendMessage({ conversationId: elsewhere, message: { content: "there", mentions: ["bob"] } });
    expect([await mentions(bob), await mentions(bob, { conversationId })]).toEqual(["there both bob-1", "both bob-1"]);
    expect([await mentions(ann), await mentions(tenant.member("eve"))]).toEqual(["", ""]);
    const first = await bob.messages.listMentions({ pageSize: 2 });
    const rest = await bob.messages.listMentions({ pageSize: 2, pageToken: first.nextPageToken });
    expect([...first.messages, ...rest.messages].map(({ content }) => content)).toEqual(["there", "both", "bob-1"]);
    await bob.participants.markRead({ conversationId });
    expect(await unread(bob, conversationId)).toEqual([0, 0]);
    await ann.participants.removeParticipant({ conversationId: elsewhere, memberId: "bob" });
    expect(await mentions(bob)).toBe("both bob-1");
  });

  test("of who takes no part is refused, and @all is for those who manage", async () => {
    const { tenant, ann, bob, cy, conversationId, say } = await begin();
    expect(await failureOf(say("x", { mentions: ["bob", "eve"] }))).toMatchObject({
      reason: "UNKNOWN_REFERENCE",
      message: "message.mentions[1]: takes no part in the conversation",
    });
    expect((await failureOf(say("x", { mentions: ["@all"] }, bob))).reason).toBe("PERMISSION_DENIED");
    await say("all", { mentions: ["@all"] });
    expect([await mentions(bob), await mentions(cy), await mentions(ann)]).toEqual(["all", "all", ""]);
    expect(await unread(cy, conversationId)).toEqual([1, 1]);
    expect((await failureOf(tenant.key().messages.listMentions({}))).reason).toBe("PERMISSION_DENIED");
    const many = { mentions: Array.from({ length: 101 }, (_, n) => `m${n}`) };
    expect((await failureOf(say("x", many))).reason).toBe("INVALID_FIELD");
  });

  test("in a deleted message is neither listed nor counted, until it is restored", async () => {
    const { ann, bob, conversationId, ids, say } = await begin();
    await say("a", { mentions: ["bob"] });
    await ann.messages.deleteMessage({ messageId: ids.a ?? "" });
    expect([await mentions(bob), await unread(bob, conversationId)]).toEqual(["", [0, 0]]);
    await ann.messages.restoreMessage({ messageId: ids.a ?? "" });
    expect([await mentions(bob), await unread(bob, conversationId)]).toEqual(["a", [1, 1]]);
  });
});

test("an export holds replies and mentions, and an import counts them again", async () => {
  const { ann, conversationId, ids, say, reply } = await begin();
  await say("a");
  await reply("b", "a");
  await reply("c", "a", { mentions: ["@all"] });
  await ann.messages.deleteMessage({ messageId: ids.b ?? "" });
  await ann.reactions.addReaction({ messageId: ids.a ?? "", reaction: "👍" });
  const lines = await exported(ann, conversationId);
  const other = await server.tenant();
  expect(await imported(other.key(), lines)).toMatchObject({ errors: [] });
  const there = { ann: other.member("ann"), bob: other.member("bob") };
  const { message } = await there.ann.messages.getMessage({ messageId: ids.a ?? "" });
  expect([message?.replyCount, message?.reactions.length]).toEqual([1, 1]);
  const replies = await there.ann.messages.listReplies({ messageId: ids.a ?? "" });
  expect(replies.messages.map(({ content, mentions }) => [content, mentions])).toEqual([["c", ["@all"]]]);
  const mine = await there.bob.messages.listMentions({});
  expect(mine.messages.map(({ content }) => content)).toEqual(["c"]);
  expect(await exported(there.ann, conversationId)).toEqual(
    lines.map((line) => line.replaceAll(/"tenantId":"[^"]+"/g, `"tenantId":"${other.id}"`)),
  );
});

test("a purge erases reactions, counts and mentions with the messages", async () => {
  const { tenant, ann, conversationId, ids, say, reply } = await begin();
  await say("a");
  await reply("b", "a", { mentions: ["@all"] });
  await ann.reactions.addReaction({ messageId: ids.a ?? "", reaction: "👍" });
  const rows = async () => {
    const counts = ["reaction", "message_tally", "mention"].map(
      (table) => `(select count(*) from ${table} x where x.tenant_id = $1 and x.conversation_id = $2::uuid)`,
    );
    const text = `select ${counts.join(" + ")} as count`;
    const [row] = await server.database.query<{ count: bigint }>({ name: "test_left", text }, [
      tenant.id,
      conversationId,
    ]);
    return row?.count;
  };
  expect(await rows()).toBe(5n);
  await tenant.key().conversations.purgeConversation({ conversationId });
  expect(await rows()).toBe(0n);
});
