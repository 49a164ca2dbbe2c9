// Forks: conversations that show another one up to an entry, and go on by themselves.
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

async function begin(...texts: string[]) {
  const tenant = await server.tenant("ann", "bob");
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ conversation: { title: "Trip", agent: "x" } });
  const conversationId = conversation?.id ?? "";
  const sent = await ann.messages.batchSendMessages({
    conversationId,
    messages: texts.map((content) => ({ content })),
  });
  const fork = async (more: object = {}, who = ann, id = conversationId) =>
    (await who.conversations.forkConversation({ conversationId: id, ...more })).conversation;
  return { tenant, ann, bob: tenant.member("bob"), conversationId, sent: sent.messages, fork };
}

/** A page at a time, so that pages cross the border. */
async function texts({ messages }: Clients, conversationId = "", more: object = {}) {
  const found: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await messages.listMessages({ conversationId, pageSize: 2, pageToken, ...more });
    found.push(...page.messages.map(({ content }) => content));
    if (page.nextPageToken === "") return found.join(" ");
    pageToken = page.nextPageToken;
  }
}

describe("a fork", () => {
  test("that is asked for with some fields has those, and the others of the other conversation", async () => {
    const { ann, fork, conversationId } = await begin("a");
    await ann.conversations.updateConversation({
      conversationId,
      conversation: { labels: { team: "a" }, metadata: { n: 1 }, pinned: true },
    });
    const titled = await fork({ conversation: { metadata: { n: 2 }, maxContextLength: 7 } });
    expect(titled).toMatchObject({
      title: "Trip",
      agent: "x",
      labels: { team: "a" },
      metadata: { n: 2 },
      maxContextLength: 7,
      pinned: false,
    });
    expect(await fork({ conversation: { title: "Other" } })).toMatchObject({ title: "Other", agent: "x" });
  });

  test("shows each entry that it inherits by its id, as it was, to those who do not see the origin", async () => {
    const { ann, bob, sent, fork, conversationId } = await begin("apple", "pear", "later");
    const [apple, pear, later] = sent;
    const id = (await fork({ seq: 3n }))?.id ?? "";
    await ann.participants.addParticipants({ conversationId: id, memberIds: ["bob"] });
    await ann.messages.updateMessage({ messageId: apple?.id ?? "", message: { content: "plum" } });
    const get = async (messageId = "", where = id, { messages } = bob) =>
      (await messages.getMessage({ messageId, conversationId: where })).message?.content;
    expect([await get(apple?.id), await get(pear?.id), await get(apple?.id, id, ann)]).toEqual([
      "apple",
      "pear",
      "apple",
    ]);
    expect(await get(apple?.id, conversationId, ann)).toBe("plum");
    const missing = { code: "NotFound", reason: "NOT_FOUND", message: "message not found" };
    const asked = [[later?.id], [apple?.id, conversationId], [apple?.id, ""], [newId()], [apple?.id, newId()]] as const;
    for (const [messageId, where] of asked) expect(await failureOf(get(messageId, where))).toEqual(missing);
    const { message: own } = await bob.messages.sendMessage({ conversationId: id, message: { content: "own" } });
    expect(await get(own?.id)).toBe("own");
    expect(await failureOf(get(own?.id, conversationId, ann))).toEqual(missing);
    await ann.messages.deleteMessage({ messageId: pear?.id ?? "" });
    expect(await failureOf(get(pear?.id))).toEqual(missing);
  });

  test("finds and counts its own entries alone; one that it inherits is read by id where its origin is seen", async () => {
    const { ann, bob, sent, fork, conversationId } = await begin("apple", "pear");
    const id = (await fork())?.id ?? "";
    await ann.participants.addParticipants({ conversationId: id, memberIds: ["bob"] });
    await ann.messages.sendMessage({ conversationId: id, message: { content: "apple pie" } });
    const found = async ({ messages }: Clients, within = "") =>
      (await messages.searchMessages({ query: "apple", conversationId: within })).matches.map(
        ({ message }) => message?.content,
      );
    expect([await found(bob), await found(bob, id), await found(ann, id)]).toEqual([
      ["apple pie"],
      ["apple pie"],
      ["apple pie"],
    ]);
    expect((await found(ann)).toSorted()).toEqual(["apple", "apple pie"]);
    expect(await found(ann, conversationId)).toEqual(["apple"]);
    const { conversation } = await bob.conversations.getConversation({ conversationId: id });
    expect([conversation?.messageCount, conversation?.memberView?.unreadCount]).toEqual([1n, 1]);
    expect(await texts(bob, id)).toBe("apple pear apple pie");
    const messageId = sent[0]?.id ?? "";
    expect((await ann.messages.getMessage({ messageId })).message?.conversationId).toBe(conversationId);
    expect((await failureOf(bob.messages.getMessage({ messageId }))).reason).toBe("NOT_FOUND");
  });

  test("shows the history up to an entry and goes on by itself", async () => {
    const { ann, conversationId, sent, fork } = await begin("a", "b", "c");
    const made = await fork({ seq: sent[1]?.seq });
    const id = made?.id ?? "";
    expect(made).toMatchObject({
      title: "Trip",
      agent: "x",
      ownerId: "ann",
      messageCount: 0n,
      origin: { conversationId, seq: 3n },
      lastSeq: 4n,
    });
    expect(await texts(ann, id)).toBe("a b");
    await ann.messages.sendMessage({ conversationId: id, message: { content: "d" } });
    await ann.messages.sendMessage({ conversationId, message: { content: "e" } });
    expect([await texts(ann, id), await texts(ann, conversationId)]).toEqual(["a b d", "a b c e"]);
    expect(await texts(ann, id, { order: MessageOrder.NEWEST_FIRST })).toBe("d b a");
    const list = await ann.messages.listMessages({ conversationId: id, includeTotalSize: true });
    expect([list.totalSize, list.messages.map(({ seq }) => seq)]).toEqual([3n, [2n, 3n, 5n]]);
    const batch = await ann.messages.batchListMessages({ conversationIds: [id, conversationId] });
    expect(batch.conversations.map(({ messages }) => messages.map((m) => m.content).join(" "))).toEqual([
      "a b d",
      "a b c e",
    ]);
    const { events } = await ann.events.listEvents({ conversationId: id });
    expect(events.map(({ seq, change }) => [seq, change.case])).toEqual([
      [4n, "participantAdded"],
      [5n, "messageSent"],
    ]);
    const { branches } = await ann.messages.listBranches({ conversationId: id });
    expect(branches).toMatchObject([{ messageSeq: 5n, live: true }]);
  });

  test("has permissions of its own, and shows what it inherits as it was", async () => {
    const { ann, bob, conversationId, sent, fork } = await begin("a", "b", "c");
    const made = await fork({ participantIds: ["bob"], conversation: { title: "Shared" } });
    const id = made?.id ?? "";
    await ann.messages.updateMessage({ messageId: sent[0]?.id ?? "", message: { content: "A" } });
    expect([await texts(bob, id), await texts(ann, conversationId)]).toEqual(["a b c", "A b c"]);
    const later = await fork();
    await ann.messages.updateMessage({ messageId: sent[0]?.id ?? "", message: { content: "AA" } });
    expect([await texts(bob, id), await texts(ann, later?.id), await texts(ann, conversationId)]).toEqual([
      "a b c",
      "A b c",
      "AA b c",
    ]);
    const inherited = await bob.messages.listMessages({ conversationId: id });
    expect(inherited.messages[0]).toMatchObject({ content: "a", revision: 0, conversationId });
    expect(inherited.messages[0]?.editTime).toBeUndefined();
    const asked = failureOf(bob.messages.listMessages({ conversationId }));
    expect((await asked).reason).toBe("NOT_FOUND");
    const edit = bob.messages.updateMessage({ messageId: sent[0]?.id ?? "", message: { content: "!" } });
    expect((await failureOf(edit)).reason).toBe("NOT_FOUND");
  });

  test("loses what is deleted, hidden or purged in the origin", async () => {
    const { tenant, ann, bob, conversationId, sent, fork } = await begin("a", "b", "c");
    const id = (await fork({ participantIds: ["bob"] }))?.id ?? "";
    await bob.messages.sendMessage({ conversationId: id, message: { content: "d" } });
    await ann.messages.deleteMessage({ messageId: sent[1]?.id ?? "" });
    // Not even to those who may see what is deleted in the fork.
    for (const deleted of [DeletedFilter.INCLUDE, DeletedFilter.ONLY]) {
      const { messages } = await tenant.key().messages.listMessages({ conversationId: id, deleted });
      expect(messages.filter(({ content }) => content === "b")).toEqual([]);
    }
    expect(await texts(bob, id)).toBe("a c d");
    await ann.messages.restoreMessage({ messageId: sent[1]?.id ?? "" });
    expect(await texts(bob, id)).toBe("a b c d");
    await ann.conversations.deleteConversation({ conversationId });
    expect(await texts(bob, id)).toBe("d");
    await ann.conversations.restoreConversation({ conversationId });
    expect(await texts(bob, id)).toBe("a b c d");
    await tenant.key().conversations.purgeConversation({ conversationId });
    expect(await texts(bob, id)).toBe("d");
    await bob.messages.sendMessage({ conversationId: id, message: { content: "e" } });
    expect(await texts(bob, id)).toBe("d e");
  });

  test("can be forked, branched, replaced and emptied without touching the origin", async () => {
    const { ann, conversationId, sent, fork } = await begin("a", "b", "c");
    const id = (await fork({ seq: sent[1]?.seq }))?.id ?? "";
    await ann.messages.sendMessage({ conversationId: id, message: { content: "d" } });
    const other = await fork({}, ann, id);
    await ann.messages.sendMessage({ conversationId: other?.id ?? "", message: { content: "e" } });
    expect(await texts(ann, other?.id)).toBe("a b d e");
    const branched = { content: "x", parentId: sent[0]?.id ?? "" };
    await ann.messages.sendMessage({ conversationId: id, message: branched });
    expect([await texts(ann, id), await texts(ann, other?.id), await texts(ann, conversationId)]).toEqual([
      "a x",
      "a b d e",
      "a b c",
    ]);
    await ann.messages.selectBranch({ conversationId: id, messageId: sent[1]?.id ?? "" });
    expect(await texts(ann, id)).toBe("a b d");
    await ann.messages.replaceMessages({
      conversationId: id,
      messages: ["a", "b", "D", "n"].map((content) => ({ content })),
    });
    expect(await texts(ann, id)).toBe("a b D n");
    await ann.messages.deleteAllMessages({ conversationId: id });
    expect([await texts(ann, id), await texts(ann, conversationId)]).toEqual(["a b", "a b c"]);
  });

  test("is replaced by the list that it shows without a change, and by no list that begins with other messages", async () => {
    const { ann, fork } = await begin("a", "b");
    const conversationId = (await fork())?.id ?? "";
    await ann.messages.sendMessage({ conversationId, message: { content: "own" } });
    const { messages } = await ann.messages.listMessages({ conversationId });
    expect(await ann.messages.replaceMessages({ conversationId, messages })).toMatchObject({
      unchangedCount: 3,
      editedCount: 0,
      deletedCount: 0,
      addedCount: 0,
    });
    const replace = (...contents: string[]) =>
      failureOf(ann.messages.replaceMessages({ conversationId, messages: contents.map((content) => ({ content })) }));
    const rule = (seq: number) =>
      `must be entry ${seq}, which the conversation inherits: it can be changed in its origin only`;
    expect(await replace("a", "B")).toMatchObject({ message: `messages[1]: ${rule(3)}` });
    expect(await replace("a")).toMatchObject({ message: `messages[1]: ${rule(3)}` });
    expect(await replace()).toMatchObject({ message: `messages[0]: ${rule(2)}` });
    expect(await texts(ann, conversationId)).toBe("a b own");
  });

  test("of a conversation with branches shows the same after an export and an import", async () => {
    const { tenant, ann, conversationId, sent, fork } = await begin("a", "b");
    await ann.messages.sendMessage({ conversationId, message: { content: "x", parentId: sent[0]?.id ?? "" } });
    const id = (await fork())?.id ?? "";
    await ann.messages.sendMessage({ conversationId: id, message: { content: "in fork" } });
    const again = (await fork({}, ann, id))?.id ?? "";
    await ann.messages.sendMessage({ conversationId: again, message: { content: "y", parentId: sent[0]?.id ?? "" } });
    await ann.messages.selectBranch({ conversationId, messageId: sent[1]?.id ?? "" });
    const shown = async (who: Clients) => Promise.all([conversationId, id, again].map((each) => texts(who, each)));
    expect(await shown(ann)).toEqual(["a b", "a x in fork", "a y"]);
    const copy = await server.tenant("ann", "bob");
    expect((await imported(copy.key(), await exported(tenant.key()))).errors).toEqual([]);
    expect(await shown(copy.member("ann"))).toEqual(["a b", "a x in fork", "a y"]);
  });

  test("is refused past the end, of what is not seen, and is made once", async () => {
    const { ann, bob, conversationId, fork } = await begin("a");
    expect(await failureOf(fork({ seq: 3n }))).toMatchObject({
      reason: "INVALID_FIELD",
      message: "seq: must be at most 2, the last entry of the conversation",
    });
    for (const id of [conversationId, newId(), "x"]) {
      expect((await failureOf(bob.conversations.forkConversation({ conversationId: id }))).reason).toBe("NOT_FOUND");
    }
    const first = await fork({ requestId: "r" });
    expect((await fork({ requestId: "r" }))?.id).toBe(first?.id);
    const named = { conversation: { clientId: "c" } };
    expect((await fork(named))?.id).toBe((await fork(named))?.id);
    expect((await failureOf(fork({ ...named, seq: 1n }))).reason).toBe("ALREADY_EXISTS");
    expect(await texts(ann, first?.id)).toBe("a");
  });

  test("goes with exports and imports, next to its origin or without it", async () => {
    const { tenant, ann, conversationId, sent, fork } = await begin("a", "b", "c");
    const id = (await fork({ seq: sent[1]?.seq }))?.id ?? "";
    await ann.messages.sendMessage({ conversationId: id, message: { content: "d" } });
    await ann.messages.sendMessage({ conversationId: id, message: { content: "x", parentId: sent[0]?.id ?? "" } });
    const lines = await exported(tenant.key());
    const copy = await server.tenant("ann", "bob");
    expect((await imported(copy.key(), lines)).errors).toEqual([]);
    const renamed = lines.map((line) => line.replaceAll(tenant.id, copy.id));
    expect((await exported(copy.key())).toSorted()).toEqual(renamed.toSorted());
    expect([await texts(copy.member("ann"), id), await texts(copy.member("ann"), conversationId)]).toEqual([
      "a x",
      "a b c",
    ]);
    const alone = await server.tenant("ann", "bob");
    expect((await imported(alone.key(), await exported(tenant.key(), id))).errors).toHaveLength(1);
    expect(await texts(alone.member("ann"), id)).toBe("d");
  });

  test("of a long conversation costs what one of a short one does", async () => {
    const { tenant, ann, conversationId, fork } = await begin("a");
    const text = `insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
      select c.tenant_id, c.id, n, gen_random_uuid(), 1, 'ann', 'm' || n from conversation c, generate_series(3, 20000) n
      where c.tenant_id = $2 and c.id = $1`;
    const end = "update conversation set last_seq = 20000, message_count = 19999 where tenant_id = $2 and id = $1";
    await server.database.query({ name: "test_fill", text }, [conversationId, tenant.id]);
    await server.database.query({ name: "test_end", text: end }, [conversationId, tenant.id]);
    const id = (await fork({ seq: 19_999n }))?.id ?? "";
    const rows = {
      name: "test_rows",
      text: "select count(*)::int as count from message where tenant_id = $2 and conversation_id = $1",
    };
    expect(await server.database.query(rows, [id, tenant.id])).toEqual([{ count: 0 }]);
    const page = await ann.messages.listMessages({ conversationId: id, order: MessageOrder.NEWEST_FIRST, pageSize: 2 });
    expect(page.messages.map(({ content }) => content)).toEqual(["m19999", "m19998"]);
  });
});
