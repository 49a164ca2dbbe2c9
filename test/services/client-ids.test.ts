// Ids that clients give to conversations and messages: a repeat acts once, without a time limit.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageKind, MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { exported, imported, messageLine, moment } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

async function begin(...others: string[]) {
  const tenant = await server.tenant("ann", ...others);
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ participantIds: others });
  return { tenant, ann, conversationId: conversation?.id ?? "" };
}

const listed = async ({ messages }: Clients, conversationId: string) =>
  (await messages.listMessages({ conversationId })).messages.map(({ content, clientId }) => [content, clientId]);

const countsOf = async ({ conversations }: Clients, conversationId: string) => {
  const { conversation } = await conversations.getConversation({ conversationId });
  return [conversation?.messageCount, conversation?.lastSeq];
};

const TAKEN = "another message of the conversation has it, with other content or another sender";

describe("a message with a client id", () => {
  test("is stored once, and returned as it is now to whoever sends it again", async () => {
    const { ann, conversationId } = await begin();
    const message = {
      content: "hi",
      clientId: "m-1 ü",
      metadata: { n: 1 },
      parts: [{ content: { case: "text" as const, value: { text: "hi" } } }],
    };
    const first = await ann.messages.sendMessage({ conversationId, message });
    expect(first.message).toMatchObject({ clientId: "m-1 ü", content: "hi", revision: 0 });
    const before = await countsOf(ann, conversationId);
    expect(await ann.messages.sendMessage({ conversationId, message })).toEqual(first);
    expect(await ann.messages.getMessage({ messageId: first.message?.id ?? "" })).toMatchObject({
      message: first.message,
    });
    expect(await countsOf(ann, conversationId)).toEqual(before);

    await ann.messages.updateMessage({ messageId: first.message?.id ?? "", message: { content: "hello" } });
    await ann.messages.updateMessage({ messageId: first.message?.id ?? "", message: { content: "hello!" } });
    const edited = await ann.messages.sendMessage({ conversationId, message, requestId: "r1" });
    expect(edited.message).toMatchObject({ id: first.message?.id, content: "hello!", revision: 2, clientId: "m-1 ü" });
    expect(await ann.messages.sendMessage({ conversationId, message, requestId: "r1" })).toEqual(edited);
    await ann.messages.deleteMessage({ messageId: first.message?.id ?? "" });
    const deleted = await ann.messages.sendMessage({ conversationId, message });
    expect(deleted.message?.id).toBe(first.message?.id);
    expect(deleted.message?.deleteTime).toBeDefined();
    await ann.conversations.updateConversation({ conversationId, conversation: { status: 3 } });
    expect((await ann.messages.sendMessage({ conversationId, message })).message?.id).toBe(first.message?.id);
    expect(await failureOf(ann.messages.sendMessage({ conversationId, message: { clientId: "new" } }))).toMatchObject({
      reason: "CONVERSATION_CLOSED",
    });
  });

  test.each<[string, object]>([
    ["another text", { content: "other" }],
    ["another role", { content: "hi", role: MessageRole.SYSTEM }],
    ["another kind", { content: "hi", kind: MessageKind.ITEM }],
    ["metadata", { content: "hi", metadata: { a: 1 } }],
    ["a client time", { content: "hi", clientTime: { seconds: 1n } }],
    ["parts", { content: "hi", parts: [{ content: { case: "text", value: { text: "hi" } }, id: "p" }] }],
  ])("is refused with %s, and nothing is added", async (_, other) => {
    const { ann, conversationId } = await begin();
    await ann.messages.sendMessage({ conversationId, message: { content: "hi", clientId: "a" } });
    const before = await countsOf(ann, conversationId);
    const wanted = { code: "AlreadyExists", reason: "ALREADY_EXISTS", message: `message.client_id: ${TAKEN}` };
    const again = { conversationId, message: { ...other, clientId: "a" } };
    expect(await failureOf(ann.messages.sendMessage({ ...again, requestId: "r" }))).toEqual(wanted);
    expect(await failureOf(ann.messages.sendMessage({ ...again, requestId: "r" }))).toEqual(wanted);
    expect(await countsOf(ann, conversationId)).toEqual(before);
  });

  test("is another one for another sender, and in another conversation", async () => {
    const { ann, tenant, conversationId } = await begin("bob");
    const message = { content: "hi", clientId: "1" };
    await ann.messages.sendMessage({ conversationId, message });
    expect(await failureOf(tenant.member("bob").messages.sendMessage({ conversationId, message }))).toMatchObject({
      reason: "ALREADY_EXISTS",
    });
    const { conversation } = await ann.conversations.createConversation({});
    const elsewhere = await ann.messages.sendMessage({ conversationId: conversation?.id ?? "", message });
    expect(elsewhere.message?.conversationId).toBe(conversation?.id);
  });

  test("tells nothing to who does not see the conversation", async () => {
    const { ann, tenant, conversationId } = await begin();
    await ann.messages.sendMessage({ conversationId, message: { content: "hi", clientId: "1" } });
    await tenant.addMembers({ eve: {} });
    for (const content of ["hi", "other"]) {
      const sent = tenant.member("eve").messages.sendMessage({ conversationId, message: { content, clientId: "1" } });
      expect(await failureOf(sent)).toEqual({
        code: "NotFound",
        reason: "NOT_FOUND",
        message: "conversation not found",
      });
    }
  });

  test("is added once, whoever sends it at the same time", async () => {
    const { ann, conversationId } = await begin();
    const contents = Array.from({ length: 60 }, (_, n) => `text ${n % 3}`);
    const sent = await Promise.all(
      contents.map((content) =>
        ann.messages.sendMessage({ conversationId, message: { content, clientId: `id of ${content}` } }),
      ),
    );
    expect(new Set(sent.map(({ message }) => message?.id)).size).toBe(3);
    expect((await listed(ann, conversationId)).toSorted()).toEqual(
      [0, 1, 2].map((n) => [`text ${n}`, `id of text ${n}`]),
    );
    const { events } = await ann.events.listEvents({ conversationId, pageSize: 200 });
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => BigInt(index + 1)));
  });

  test("is found by it", async () => {
    const { ann, conversationId } = await begin();
    await ann.messages.batchSendMessages({
      conversationId,
      messages: [{ content: "a", clientId: "1" }, { content: "b" }, { content: "c", clientId: "2" }],
    });
    const found = async (clientId: string) =>
      (await ann.messages.listMessages({ conversationId, clientId, includeTotalSize: true })).messages.map(
        (m) => m.content,
      );
    expect([await found("1"), await found("2"), await found("3")]).toEqual([["a"], ["c"], []]);
    const everywhere = { conversationId: "-", deleted: DeletedFilter.ONLY, clientId: "1" };
    expect(await failureOf(ann.messages.listMessages(everywhere))).toMatchObject({
      message: 'client_id: must be empty with conversation_id "-"',
    });
  });
});

describe("a batch", () => {
  test("adds what is not there, and returns what is", async () => {
    const { ann, conversationId } = await begin();
    const message = (name: string) => ({ content: name, clientId: name });
    const send = (...names: string[]) =>
      ann.messages.batchSendMessages({ conversationId, messages: names.map(message), requestId: names.join() });
    const first = await send("a", "b");
    const second = await send("x", "b", "y", "a");
    expect(second.messages.map(({ content, seq }) => [content, seq])).toEqual([
      ["x", 4n],
      ["b", 3n],
      ["y", 5n],
      ["a", 2n],
    ]);
    expect(second.messages[3]).toEqual(first.messages[0]);
    expect(await send("x", "b", "y", "a")).toEqual(second);
    const other = { conversationId, messages: [message("z"), { content: "other", clientId: "b" }] };
    expect(await failureOf(ann.messages.batchSendMessages(other))).toMatchObject({
      message: `messages[1].client_id: ${TAKEN}`,
    });
    const twice = { conversationId, messages: [message("z"), message("z")] };
    expect(await failureOf(ann.messages.batchSendMessages(twice))).toMatchObject({
      message: "messages[1].client_id: must be unique in the request",
    });
    expect(await countsOf(ann, conversationId)).toEqual([4n, 5n]);
  });
});

describe("a replaced list", () => {
  test("takes messages for the same by their client ids", async () => {
    const { ann, conversationId } = await begin();
    const message = (name: string, content = name) => ({ content, clientId: name });
    const replace = (messages: object[]) => ann.messages.replaceMessages({ conversationId, messages });
    await replace([message("a"), message("b"), message("c")]);
    expect(await replace([message("a", "A"), { content: "b" }, message("c")])).toMatchObject({
      unchangedCount: 2,
      editedCount: 1,
    });
    const counts = await replace([message("a", "A"), message("c"), message("b")]);
    expect(counts).toMatchObject({ unchangedCount: 1, deletedCount: 2, addedCount: 2 });
    expect(await listed(ann, conversationId)).toEqual([
      ["A", "a"],
      ["c", "c"],
      ["b", "b"],
    ]);
    await ann.messages.sendMessage({ conversationId, message: { kind: MessageKind.ITEM, clientId: "i" } });
    expect(await failureOf(replace([message("i")]))).toMatchObject({ reason: "ALREADY_EXISTS" });
    await ann.messages.restoreAllMessages({ conversationId });
    expect((await listed(ann, conversationId)).toSorted()).toEqual([
      ["A", "a"],
      ["b", ""],
      ["b", "b"],
      ["c", ""],
      ["c", "c"],
    ]);
  });
});

describe("a conversation with a client id", () => {
  test("is created once for its owner", async () => {
    const { ann, tenant } = await begin("bob");
    const request = {
      conversation: { title: "one", clientId: "chat-1" },
      messages: [{ content: "hi", clientId: "1" }],
    };
    const { conversation: first } = await ann.conversations.createConversation(request);
    expect(first?.clientId).toBe("chat-1");
    const conversationId = first?.id ?? "";
    await ann.conversations.updateConversation({ conversationId, conversation: { title: "two" } });
    const { conversation: again } = await ann.conversations.createConversation({ ...request, requestId: "r" });
    expect(again).toMatchObject({ id: conversationId, title: "two", messageCount: 1n });
    const other = { conversation: { title: "other", clientId: "chat-1" } };
    expect(await failureOf(ann.conversations.createConversation(other))).toEqual({
      code: "AlreadyExists",
      reason: "ALREADY_EXISTS",
      message: "conversation.client_id: another conversation of its owner has it, which another request created",
    });
    const { conversation: bobs } = await tenant.member("bob").conversations.createConversation(request);
    expect(bobs?.id).not.toBe(conversationId);
    const find = async ({ conversations }: Clients) =>
      (await conversations.listConversations({ clientId: "chat-1" })).conversations.map(({ id }) => id);
    expect([await find(ann), await find(tenant.member("bob"))]).toEqual([[conversationId], [bobs?.id]]);
    expect((await find(tenant.key())).toSorted()).toEqual([conversationId, bobs?.id].toSorted());

    await ann.conversations.deleteConversation({ conversationId });
    const deleted = await ann.conversations.createConversation(request);
    expect([deleted.conversation?.id, deleted.conversation?.deleteTime !== undefined]).toEqual([conversationId, true]);
    await tenant.key().conversations.purgeConversation({ conversationId });
    expect((await ann.conversations.createConversation(request)).conversation?.id).not.toBe(conversationId);
  });

  test("is created once by calls at the same time, and once for all keys without an owner", async () => {
    const { tenant } = await begin();
    const request = { conversation: { clientId: "c" }, messages: [{ content: "hi" }] };
    const made = await Promise.all(
      Array.from({ length: 12 }, () => tenant.key().conversations.createConversation(request)),
    );
    expect(new Set(made.map(({ conversation }) => conversation?.id)).size).toBe(1);
    expect(made.every(({ conversation }) => conversation?.messageCount === 1n)).toBe(true);
  });

  test("cannot be given to an owner that has another one with it", async () => {
    const { ann, tenant } = await begin("bob");
    const request = { conversation: { clientId: "c" }, participantIds: ["bob"] };
    const { conversation } = await ann.conversations.createConversation(request);
    await tenant.member("bob").conversations.createConversation({ conversation: { clientId: "c" } });
    const conversationId = conversation?.id ?? "";
    const give = tenant.key().conversations.updateConversation({ conversationId, conversation: { ownerId: "bob" } });
    expect(await failureOf(give)).toMatchObject({
      reason: "ALREADY_EXISTS",
      message: "conversation.client_id: another conversation of the new owner has it",
    });
    const kept = await ann.conversations.updateConversation({
      conversationId,
      conversation: { clientId: "x", title: "t" },
    });
    expect(kept.conversation).toMatchObject({ clientId: "c", title: "t" });
  });
});

describe("a chat", () => {
  test("attaches to the turn of a message that was sent before, and begins one where there is none", async () => {
    const { ann, tenant } = await begin();
    await tenant.key().agents.createAgent({ agent: { name: "echo", connector: { case: "echo", value: {} } } });
    const { conversation } = await ann.conversations.createConversation({ conversation: { agent: "echo" } });
    const conversationId = conversation?.id ?? "";
    const chat = async (message: object) => {
      const events = [];
      for await (const { event } of ann.turns.chat({ conversationId, message })) events.push(event);
      const [first] = events;
      const last = events.at(-1);
      const started = first?.case === "started" ? first.value : undefined;
      return [started?.turn?.id, started?.message?.id, last?.case === "ended" ? last.value.reply?.id : undefined];
    };
    const first = await chat({ content: "hi", clientId: "1" });
    expect(first.every(Boolean)).toBe(true);
    expect(await chat({ content: "hi", clientId: "1" })).toEqual(first);
    expect(await failureOf(chat({ content: "other", clientId: "1" }))).toMatchObject({ reason: "ALREADY_EXISTS" });

    const { message } = await ann.messages.sendMessage({ conversationId, message: { content: "yo", clientId: "2" } });
    const [turn, asked] = await chat({ content: "yo", clientId: "2" });
    expect([asked, turn === first[0]]).toEqual([message?.id, false]);
    expect((await listed(ann, conversationId)).map(([content]) => content)).toEqual(["hi", "hi", "yo", "yo"]);
  });
});

describe("an export", () => {
  test("carries client ids, and an import leaves out those that are taken", async () => {
    const { ann, tenant } = await begin();
    const request = {
      conversation: { clientId: "chat" },
      messages: [{ content: "a", clientId: "1" }, { content: "b" }],
    };
    const { conversation } = await ann.conversations.createConversation(request);
    const conversationId = conversation?.id ?? "";
    const lines = await exported(tenant.key(), conversationId);
    const other = await server.tenant("ann");
    await imported(other.key(), lines);
    expect(await listed(other.member("ann"), conversationId)).toEqual([
      ["a", "1"],
      ["b", ""],
    ]);
    const renamed = lines.map((line) => line.replaceAll(tenant.id, other.id));
    expect(await exported(other.key(), conversationId)).toEqual(renamed);
    const clash = messageLine(conversationId, "foreign", { content: "again", clientId: "1", createTime: moment(9) });
    await imported(other.key(), [...renamed, clash]);
    expect(await listed(other.member("ann"), conversationId)).toContainEqual(["again", ""]);
    const again = await other.member("ann").conversations.createConversation(request);
    expect(again.conversation?.id).toBe(conversationId);
    const repeat = { conversationId, message: { content: "a", clientId: "1" } };
    expect((await other.member("ann").messages.sendMessage(repeat)).message?.seq).toBe(2n);
  });
});
