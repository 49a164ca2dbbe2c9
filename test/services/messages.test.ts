// What MessageService does with messages, over a real socket and a real database.
import { create as createMessage, type JsonObject } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CallType, ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import type { Event } from "../../gen/colloquy/v1/event_pb.ts";
import { MessageRole, MessageState } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, SendMessageRequestSchema } from "../../gen/colloquy/v1/message_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { apiKey, member } from "../support/actors.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

const { EXCLUDE, INCLUDE, ONLY } = DeletedFilter;

let server: StoreServer;
let tenant: TestTenant;
let alice: Clients;
let bob: Clients;
beforeAll(async () => {
  server = await startStoreServer();
  tenant = await server.tenant("alice", "bob", "eve");
  alice = tenant.member("alice");
  bob = tenant.member("bob");
});
afterAll(() => server.close());

async function start(...contents: string[]): Promise<{ conversationId: string; ids: string[] }> {
  const { conversation } = await alice.conversations.createConversation({ participantIds: ["bob"] });
  const conversationId = conversation?.id ?? "";
  if (contents.length === 0) return { conversationId, ids: [] };
  const messages = contents.map((content) => ({ content }));
  const sent = await alice.messages.batchSendMessages({ conversationId, messages });
  return { conversationId, ids: sent.messages.map(({ id }) => id) };
}

/** So many milliseconds after a time. */
const later = (time: Timestamp | undefined, ms: number) => timestampFromMs((time ? timestampMs(time) : 0) + ms);

async function contents(conversationId: string): Promise<string[]> {
  return (await alice.messages.listMessages({ conversationId })).messages.map(({ content }) => content);
}

describe("sending", () => {
  test("adds a message at the end of the log, with what was given and nothing else", async () => {
    const { conversationId } = await start();
    const { message } = await bob.messages.sendMessage({
      conversationId,
      message: {
        content: "Grüße 😀\n\u200b",
        metadata: { n: 1e300, s: "x", z: null, o: { k: [true] } },
        clientTime: timestampFromMs(1_500_000_000_123),
        id: "ignored",
        sender: member("eve"),
        seq: 99n,
        revision: 4,
      },
    });
    expect(message).toMatchObject({
      conversationId,
      seq: 3n,
      role: MessageRole.USER,
      sender: member("bob"),
      content: "Grüße 😀\n\u200b",
      metadata: { n: 1e300, s: "x", z: null, o: { k: [true] } },
      state: MessageState.COMPLETE,
      revision: 0,
    });
    expect(message?.clientTime && timestampMs(message.clientTime)).toBe(1_500_000_000_123);
    const read = await alice.messages.getMessage({ messageId: message?.id ?? "" });
    expect(read.message).toEqual(message);
    const { conversation } = await alice.conversations.getConversation({ conversationId });
    expect(conversation).toMatchObject({ lastSeq: 3n, messageCount: 1n, lastMessageTime: message?.createTime });
  });

  test("of several at once keeps them together and in order", async () => {
    const { conversationId } = await start();
    await Promise.all(
      ["a", "b", "c", "d"].map((name) =>
        alice.messages.batchSendMessages({
          conversationId,
          messages: [1, 2, 3].map((n) => ({ content: `${name}${n}`, role: MessageRole.ASSISTANT })),
        }),
      ),
    );
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => BigInt(index + 3)));
    const triples = [0, 3, 6, 9].map((at) => messages.slice(at, at + 3).map(({ content }) => content));
    expect(triples.map((triple) => triple.map((content) => content[1]).join(""))).toEqual(["123", "123", "123", "123"]);
    for (const triple of triples) expect(new Set(triple.map((content) => content[0])).size).toBe(1);
  });

  test("is for those who take part", async () => {
    const { conversationId } = await start();
    const message = { content: "x" };
    expect(await failureOf(tenant.member("eve").messages.sendMessage({ conversationId, message }))).toEqual({
      code: "NotFound",
      reason: "NOT_FOUND",
      message: "conversation not found",
    });
    const { message: sent } = await tenant.key(["write"], "bob").messages.sendMessage({ conversationId, message });
    expect(sent?.sender).toEqual(member("bob"));
    const { message: byKey } = await tenant.key().messages.sendMessage({ conversationId, message });
    expect(byKey?.sender).toEqual(apiKey(expect.stringMatching(/^[0-9a-f-]{36}$/)));
  });

  test("can be for those who take part alone: to its owner and to a key the conversation is not there", async () => {
    const { conversationId } = await start();
    const wanted = { conversationId, message: { content: "x" }, participantsOnly: true };
    const { message } = await bob.messages.sendMessage(wanted);
    expect(message).toMatchObject({ seq: 3n, sender: member("bob"), content: "x" });
    await alice.participants.removeParticipant({ conversationId, memberId: "alice" });
    const gone = { code: "NotFound", reason: "NOT_FOUND", message: "conversation not found" };
    for (const other of [alice, tenant.key(), tenant.key(["write"], "eve"), tenant.member("eve")]) {
      expect(await failureOf(other.messages.sendMessage(wanted))).toEqual(gone);
    }
    expect(await contents(conversationId)).toEqual(["x"]);
    await alice.messages.sendMessage({ ...wanted, participantsOnly: false });
    expect(await contents(conversationId)).toEqual(["x", "x"]);
  });

  test("ends when the conversation is closed, and goes on when it is active again", async () => {
    const { conversationId } = await start();
    const set = (status: ConversationStatus) =>
      alice.conversations.updateConversation({ conversationId, conversation: { status } });
    await set(ConversationStatus.CLOSED);
    expect(await failureOf(bob.messages.sendMessage({ conversationId, message: { content: "x" } }))).toEqual({
      code: "FailedPrecondition",
      reason: "CONVERSATION_CLOSED",
      message: "the conversation is closed; make it active to go on",
    });
    await set(ConversationStatus.ARCHIVED);
    await bob.messages.sendMessage({ conversationId, message: { content: "archived takes messages" } });
    expect(await contents(conversationId)).toEqual(["archived takes messages"]);
  });

  test("takes 256 KiB of text, and not a byte more", async () => {
    const { conversationId } = await start();
    const content = "é".repeat(131_072);
    const { message } = await alice.messages.sendMessage({ conversationId, message: { content } });
    const read = await alice.messages.getMessage({ messageId: message?.id ?? "" });
    expect(read.message?.content).toBe(content);
    const longer = alice.messages.sendMessage({ conversationId, message: { content: `${content}x` } });
    expect(await failureOf(longer)).toMatchObject({ code: "InvalidArgument", reason: "INVALID_FIELD" });
  });

  test("takes texts that are hard to index", async () => {
    const { conversationId } = await start();
    const words = Array.from({ length: 43_000 }, (_, n) => n.toString(36).padStart(5, "q")).join(" ");
    const texts = [words, "東".repeat(87_000), "x".repeat(262_144), "a\u0301\u0323".repeat(30_000), "'\\:*&|!()<->"];
    for (const content of texts) await alice.messages.sendMessage({ conversationId, message: { content } });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual(texts);
  });
});

describe("a request id", () => {
  test("makes a repeated send answer the first one, even after an edit", async () => {
    const { conversationId } = await start();
    const request = { conversationId, message: { content: "once", metadata: { a: 1 } }, requestId: newId() };
    const first = await alice.messages.sendMessage(request);
    await alice.messages.updateMessage({ messageId: first.message?.id ?? "", message: { content: "edited" } });
    expect(await alice.messages.sendMessage(request)).toEqual(first);
    expect(await contents(conversationId)).toEqual(["edited"]);
  });

  test("is another for another caller and another method", async () => {
    const { conversationId } = await start();
    const requestId = newId();
    const request = { conversationId, message: { content: "x" }, requestId };
    await alice.messages.sendMessage(request);
    await bob.messages.sendMessage(request);
    await alice.messages.batchSendMessages({ conversationId, messages: [{ content: "x" }], requestId });
    expect(await contents(conversationId)).toEqual(["x", "x", "x"]);
  });

  test("is refused with another request", async () => {
    const { conversationId } = await start();
    const requestId = newId();
    await alice.messages.sendMessage({ conversationId, message: { content: "one" }, requestId });
    const other = alice.messages.sendMessage({ conversationId, message: { content: "two" }, requestId });
    expect(await failureOf(other)).toMatchObject({ code: "InvalidArgument", reason: "REQUEST_ID_REUSED" });
    expect(await contents(conversationId)).toEqual(["one"]);
  });

  test("takes metadata for the same in whatever order it comes: many clients write maps in another one each time", async () => {
    const { conversationId } = await start();
    const requestId = newId();
    const sendWith = (metadata: JsonObject) =>
      alice.messages.sendMessage({ conversationId, message: { content: "once", metadata }, requestId });
    const first = await sendWith({ a: 1, b: { c: [{ d: 1, e: 2 }], f: 3 } });
    expect(await sendWith({ b: { f: 3, c: [{ e: 2, d: 1 }] }, a: 1 })).toEqual(first);
    expect(await failureOf(sendWith({ a: 1, b: { c: [{ d: 2, e: 1 }], f: 3 } }))).toMatchObject({
      reason: "REQUEST_ID_REUSED",
    });
  });

  test("makes many at once act once: each gets the first answer or is told to wait", async () => {
    const { conversationId } = await start();
    const request = { conversationId, message: { content: "once" }, requestId: newId() };
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        alice.messages.sendMessage(request).then(
          ({ message }) => message?.id ?? "",
          (error: unknown) => failureOf(Promise.reject(error)),
        ),
      ),
    );
    const answered = outcomes.filter((outcome) => typeof outcome === "string");
    expect(new Set(answered).size).toBe(1);
    for (const refused of outcomes.filter((outcome) => typeof outcome !== "string")) {
      expect(refused).toMatchObject({ code: "Aborted", reason: "REQUEST_IN_PROGRESS" });
    }
    expect(await contents(conversationId)).toEqual(["once"]);
  });

  test("of a call that failed may be used again", async () => {
    const { conversationId } = await start();
    const requestId = newId();
    const close = (status: ConversationStatus) =>
      alice.conversations.updateConversation({ conversationId, conversation: { status } });
    await close(ConversationStatus.CLOSED);
    const request = { conversationId, message: { content: "x" }, requestId };
    expect(await failureOf(alice.messages.sendMessage(request))).toMatchObject({ reason: "CONVERSATION_CLOSED" });
    await close(ConversationStatus.ACTIVE);
    await alice.messages.sendMessage(request);
    expect(await contents(conversationId)).toEqual(["x"]);
  });

  test("is answered as before after the conversation was closed, or is out of sight", async () => {
    const { conversationId } = await start();
    const request = { conversationId, message: { content: "x" }, requestId: newId() };
    const first = await bob.messages.sendMessage(request);
    await alice.conversations.updateConversation({
      conversationId,
      conversation: { status: ConversationStatus.CLOSED },
    });
    expect(await bob.messages.sendMessage(request)).toEqual(first);
    await alice.participants.removeParticipant({ conversationId, memberId: "bob" });
    expect(await bob.messages.sendMessage(request)).toEqual(first);
  });

  test("makes every other mutation act once too", async () => {
    const { conversationId, ids } = await start("a", "b");
    const requestId = newId();
    const [messageId = ""] = ids;
    const deletion = await alice.messages.deleteMessage({ messageId, requestId });
    expect(await alice.messages.deleteMessage({ messageId, requestId })).toEqual(deletion);
    const made = await alice.conversations.createConversation({ conversation: { title: "t" }, requestId });
    expect(await alice.conversations.createConversation({ conversation: { title: "t" }, requestId })).toEqual(made);
    const all = await alice.messages.deleteAllMessages({ conversationId, requestId });
    expect([
      all.deletedCount,
      (await alice.messages.deleteAllMessages({ conversationId, requestId })).deletedCount,
    ]).toEqual([1n, 1n]);
  });

  test("may come as a header, and says the same there", async () => {
    const { conversationId } = await start();
    const key = newId();
    const message = { content: "x" };
    const byField = await alice.messages.sendMessage({ conversationId, message, requestId: key });
    const headers = { "idempotency-key": key };
    expect(await alice.messages.sendMessage({ conversationId, message }, { headers })).toEqual(byField);
    const both = alice.messages.sendMessage(
      createMessage(SendMessageRequestSchema, { conversationId, message, requestId: "a" }),
      {
        headers,
      },
    );
    expect(await failureOf(both)).toMatchObject({ code: "InvalidArgument" });
  });
});

describe("a list of messages", () => {
  test("pages both ways without a skip or a repeat, while others write", async () => {
    const { conversationId } = await start(..."abcdefg");
    const walk = async (order: MessageOrder) => {
      const seen: string[] = [];
      let pageToken = "";
      do {
        const page = await alice.messages.listMessages({ conversationId, order, pageSize: 2, pageToken });
        seen.push(...page.messages.map(({ content }) => content));
        pageToken = page.nextPageToken;
        if (seen.length === 2) await bob.messages.sendMessage({ conversationId, message: { content: "new" } });
      } while (pageToken !== "");
      return seen.join("");
    };
    expect(await walk(MessageOrder.OLDEST_FIRST)).toBe("abcdefgnew");
    expect(await walk(MessageOrder.NEWEST_FIRST)).toBe("newgfedcba");
  });

  test("holds to its filters, and its total agrees", async () => {
    const { conversationId } = await start("a", "b");
    await bob.messages.sendMessage({ conversationId, message: { content: "c", role: MessageRole.SYSTEM } });
    const list = async (filter: object) => {
      const page = await alice.messages.listMessages({ conversationId, includeTotalSize: true, ...filter });
      return [page.messages.map(({ content }) => content).join(""), page.totalSize];
    };
    expect(await list({})).toEqual(["abc", 3n]);
    expect(await list({ sender: member("bob") })).toEqual(["c", 1n]);
    expect(await list({ role: MessageRole.USER })).toEqual(["ab", 2n]);
    expect(await list({ skip: 1 })).toEqual(["bc", 3n]);
    expect(await list({ skip: 9 })).toEqual(["", 3n]);
    const [, second] = (await alice.messages.listMessages({ conversationId })).messages;
    const seq = second?.seq ?? 0n;
    const plain = async (filter: object) =>
      (await alice.messages.listMessages({ conversationId, ...filter })).messages
        .map(({ content }) => content)
        .join("");
    expect(await plain({ afterSeq: seq })).toBe("c");
    expect(await plain({ beforeSeq: seq })).toBe("a");
    expect(await list({ afterSeq: seq })).toEqual(["c", 1n]);
    expect(await list({ beforeSeq: seq })).toEqual(["a", 1n]);
    expect(await list({ afterSeq: seq, beforeSeq: seq })).toEqual(["", 0n]);
  });

  test.each([MessageOrder.OLDEST_FIRST, MessageOrder.NEWEST_FIRST])(
    "counts the same on every page, in order %s",
    async (order) => {
      const { conversationId } = await start("a", "b", "c", "d", "e");
      const { messages } = await alice.messages.listMessages({ conversationId });
      const between = { afterSeq: messages[0]?.seq ?? 0n, beforeSeq: messages[4]?.seq ?? 0n };
      const totals: (bigint | undefined)[] = [];
      let pageToken = "";
      do {
        const asked = { conversationId, order, ...between, pageSize: 1, pageToken, includeTotalSize: true };
        const page = await alice.messages.listMessages(asked);
        totals.push(page.totalSize);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(totals).toEqual([3n, 3n, 3n]);
    },
  );

  test("of a conversation without messages is empty, not missing", async () => {
    const { conversationId } = await start();
    expect((await alice.messages.listMessages({ conversationId })).messages).toEqual([]);
  });
});

describe("editing", () => {
  test("keeps the text before as a revision", async () => {
    const { ids } = await start("one");
    const [messageId = ""] = ids;
    await alice.messages.updateMessage({ messageId, message: { content: "two", metadata: { a: 1 } } });
    const { message } = await alice.messages.updateMessage({ messageId, message: { content: "three" } });
    expect(message).toMatchObject({ content: "three", metadata: { a: 1 }, revision: 2, etag: "3" });
    const { revisions } = await alice.messages.listMessageRevisions({ messageId });
    expect(revisions.map((r) => [r.revision, r.content, r.metadata, r.editor?.id])).toEqual([
      [0, "one", undefined, "alice"],
      [1, "two", { a: 1 }, "alice"],
    ]);
    const page = await alice.messages.listMessageRevisions({ messageId, pageSize: 1 });
    const next = await alice.messages.listMessageRevisions({ messageId, pageSize: 1, pageToken: page.nextPageToken });
    expect(next.revisions.map((r) => r.content)).toEqual(["two"]);
    expect(next.nextPageToken).toBe("");
  });

  test("empties what the mask names and the message does not set", async () => {
    const { conversationId } = await start();
    const said = { content: "one", metadata: { a: 1 }, clientTime: timestampFromMs(5) };
    const { message } = await alice.messages.sendMessage({ conversationId, message: said });
    const messageId = message?.id ?? "";
    const without = async (...paths: string[]) => {
      await alice.messages.updateMessage({ messageId, message: {}, updateMask: { paths } });
      return (await alice.messages.getMessage({ messageId })).message;
    };
    const timeless = await without("client_time");
    expect([timeless?.clientTime, timeless?.metadata, timeless?.revision]).toEqual([undefined, { a: 1 }, 1]);
    const plain = await without("metadata");
    expect([plain?.metadata, plain?.content, plain?.revision]).toEqual([undefined, "one", 2]);
    expect((await without("metadata", "client_time"))?.revision).toBe(2);
  });

  test("that changes nothing makes no revision", async () => {
    const { conversationId, ids } = await start("one");
    const { message } = await alice.messages.updateMessage({ messageId: ids[0] ?? "", message: { content: "one" } });
    expect(message?.revision).toBe(0);
    expect((await alice.conversations.getConversation({ conversationId })).conversation?.lastSeq).toBe(3n);
  });

  test("is for the sender and the owner of the conversation", async () => {
    const { conversationId, ids } = await start("by alice");
    const { message } = await bob.messages.sendMessage({ conversationId, message: { content: "by bob" } });
    const edit = (clients: Clients, messageId = "") =>
      clients.messages.updateMessage({ messageId, message: { content: "edited" } });
    expect(await failureOf(edit(bob, ids[0]))).toMatchObject({ code: "PermissionDenied" });
    expect(await failureOf(edit(tenant.member("eve"), ids[0]))).toMatchObject({
      code: "NotFound",
      message: "message not found",
    });
    await edit(alice, message?.id);
    await edit(bob, message?.id);
    await edit(tenant.key(), ids[0]);
  });

  test("with a stale etag is refused", async () => {
    const { ids } = await start("one");
    const [messageId = ""] = ids;
    await alice.messages.updateMessage({ messageId, message: { content: "two" }, etag: "1" });
    const stale = alice.messages.updateMessage({ messageId, message: { content: "three" }, etag: "1" });
    expect(await failureOf(stale)).toMatchObject({ code: "Aborted", reason: "ETAG_MISMATCH" });
  });

  test("of two at once keeps both in the revisions", async () => {
    const { ids } = await start("0");
    const [messageId = ""] = ids;
    await Promise.all(
      ["a", "b", "c", "d"].map((content) => alice.messages.updateMessage({ messageId, message: { content } })),
    );
    const { message } = await alice.messages.getMessage({ messageId });
    const { revisions } = await alice.messages.listMessageRevisions({ messageId });
    expect(message?.revision).toBe(4);
    expect([...revisions.map((r) => r.content), message?.content].sort()).toEqual(["0", "a", "b", "c", "d"]);
  });
});

describe("deleting messages", () => {
  test("hides one until it is restored to its place", async () => {
    const { conversationId, ids } = await start("a", "b", "c");
    const [, messageId = ""] = ids;
    const { message } = await alice.messages.deleteMessage({ messageId });
    expect(message?.deleteTime).toBeDefined();
    expect(await contents(conversationId)).toEqual(["a", "c"]);
    expect(await failureOf(alice.messages.getMessage({ messageId }))).toMatchObject({ code: "NotFound" });
    expect((await alice.messages.getMessage({ messageId, deleted: INCLUDE })).message?.content).toBe("b");
    expect(await failureOf(alice.messages.deleteMessage({ messageId }))).toMatchObject({ code: "NotFound" });
    const list = async (deleted: DeletedFilter, more: object = {}) => {
      const page = await alice.messages.listMessages({ conversationId, deleted, includeTotalSize: true, ...more });
      return [page.messages.map(({ content }) => content).join(""), page.totalSize];
    };
    expect(await list(EXCLUDE)).toEqual(["ac", 2n]);
    expect(await list(ONLY)).toEqual(["b", 1n]);
    expect(await list(INCLUDE)).toEqual(["abc", 3n]);
    expect(await list(INCLUDE, { order: MessageOrder.NEWEST_FIRST })).toEqual(["cba", 3n]);
    expect(await list(ONLY, { sender: member("bob") })).toEqual(["", 0n]);
    const [first = ""] = ids;
    expect((await alice.messages.getMessage({ messageId, deleted: ONLY })).message?.content).toBe("b");
    expect(await failureOf(alice.messages.getMessage({ messageId: first, deleted: ONLY }))).toMatchObject({
      code: "NotFound",
    });
    await alice.messages.restoreMessage({ messageId });
    expect(await contents(conversationId)).toEqual(["a", "b", "c"]);
    expect(await failureOf(alice.messages.restoreMessage({ messageId }))).toMatchObject({ reason: "NOT_DELETED" });
  });

  test("all at once, and restoring all, marks each and counts them", async () => {
    const { conversationId } = await start("a", "b", "c");
    expect((await alice.messages.deleteAllMessages({ conversationId })).deletedCount).toBe(3n);
    expect(await contents(conversationId)).toEqual([]);
    expect((await alice.conversations.getConversation({ conversationId })).conversation?.messageCount).toBe(0n);
    expect((await alice.messages.deleteAllMessages({ conversationId })).deletedCount).toBe(0n);
    expect((await alice.messages.restoreAllMessages({ conversationId })).restoredCount).toBe(3n);
    expect(await contents(conversationId)).toEqual(["a", "b", "c"]);
    expect(await failureOf(bob.messages.deleteAllMessages({ conversationId }))).toMatchObject({
      code: "PermissionDenied",
    });
  });

  test("lists them across all conversations that the caller sees, page by page", async () => {
    const own = await server.tenant("alice", "bob");
    const a = own.member("alice");
    const { conversation } = await a.conversations.createConversation({
      messages: [..."abcd"].map((content) => ({ content })),
    });
    await a.messages.deleteAllMessages({ conversationId: conversation?.id ?? "" });
    const all = { conversationId: "-", deleted: ONLY };
    for (const [order, expected] of [
      [MessageOrder.UNSPECIFIED, "abcd"],
      [MessageOrder.NEWEST_FIRST, "dcba"],
    ] as const) {
      const first = await a.messages.listMessages({ ...all, order, pageSize: 3 });
      const rest = await a.messages.listMessages({ ...all, order, pageSize: 3, pageToken: first.nextPageToken });
      expect([...first.messages, ...rest.messages].map(({ content }) => content).join("")).toBe(expected);
    }
    const counted = async (clients: Clients, filter: object) => {
      const page = await clients.messages.listMessages({ ...all, includeTotalSize: true, ...filter });
      return [page.messages.length, page.totalSize];
    };
    expect(await counted(a, { sender: member("alice"), role: MessageRole.USER })).toEqual([4, 4n]);
    expect(await counted(a, { sender: member("bob") })).toEqual([0, 0n]);
    expect(await counted(a, { role: MessageRole.TOOL })).toEqual([0, 0n]);
    expect(await counted(own.member("bob"), {})).toEqual([0, 0n]);
  });

  test.each([
    [{}, 'deleted: must be DELETED_FILTER_ONLY with conversation_id "-"'],
    [{ deleted: INCLUDE }, 'deleted: must be DELETED_FILTER_ONLY with conversation_id "-"'],
    [{ deleted: ONLY, afterSeq: 1n }, 'after_seq: must be 0 with conversation_id "-"'],
    [{ deleted: ONLY, beforeSeq: 1n }, 'before_seq: must be 0 with conversation_id "-"'],
  ])("lists across conversations no more than that: %o", async (filter, message) => {
    expect(await failureOf(alice.messages.listMessages({ conversationId: "-", ...filter }))).toEqual({
      code: "InvalidArgument",
      reason: "INVALID_FIELD",
      message,
    });
  });
});

describe("replacing the list", () => {
  test("changes only what differs, by position", async () => {
    const { conversationId } = await start("a", "b", "c", "d");
    const messages = ["a", "B", "c"].map((content) => ({ content }));
    expect(await alice.messages.replaceMessages({ conversationId, messages })).toMatchObject({
      unchangedCount: 2,
      editedCount: 1,
      deletedCount: 1,
      addedCount: 0,
    });
    const longer = [...messages, { content: "e", role: MessageRole.ASSISTANT }];
    expect(await alice.messages.replaceMessages({ conversationId, messages: longer })).toMatchObject({
      unchangedCount: 3,
      addedCount: 1,
    });
    expect(await contents(conversationId)).toEqual(["a", "B", "c", "e"]);
    const { conversation } = await alice.conversations.getConversation({ conversationId });
    expect(conversation).toMatchObject({ messageCount: 4n, lastSeq: 9n });
  });

  test("is not for those who only take part", async () => {
    const { conversationId } = await start("a");
    expect(await failureOf(bob.messages.replaceMessages({ conversationId, messages: [] }))).toMatchObject({
      code: "PermissionDenied",
    });
  });
});

describe("searching", () => {
  test("finds words, phrases and absences, best first, with a snippet", async () => {
    const { conversationId } = await start("the red car", "a red red bus", "a blue car", "carpet");
    const find = async (query: string) => {
      const { matches } = await alice.messages.searchMessages({ query, conversationId });
      return matches.map(({ message }) => message?.content);
    };
    expect(await find("RED")).toEqual(["a red red bus", "the red car"]);
    expect(await find("red car")).toEqual(["the red car"]);
    expect(await find("car -red")).toEqual(["a blue car"]);
    expect(await find('"blue car"')).toEqual(["a blue car"]);
    expect(await find("bus or blue")).toHaveLength(2);
    expect(await find("lorry")).toEqual([]);
    expect(await find("-")).toEqual([]);
    const { matches } = await alice.messages.searchMessages({ query: "blue", conversationId });
    expect(matches[0]).toMatchObject({ snippet: "a blue car", highlights: [{ start: 2, length: 4 }] });
    expect(matches[0]?.score).toBeGreaterThan(0);
  });

  test("finds runs of characters in writing without spaces", async () => {
    const { conversationId } = await start("今日は東京に行きます", "京東商城", "สวัสดีครับ", "안녕하세요");
    const find = async (query: string) =>
      (await alice.messages.searchMessages({ query, conversationId })).matches.map(({ message }) => message?.content);
    expect(await find("東京")).toEqual(["今日は東京に行きます"]);
    expect(await find("สวัสดี")).toEqual(["สวัสดีครับ"]);
    expect(await find("안녕")).toEqual(["안녕하세요"]);
  });

  test("asks for the time of sending and for what the conversation is like", async () => {
    const word = `w${newId().replaceAll("-", "")}`;
    const kept = { agent: "helper", mode: "advice", entityType: "order", entityId: "o-1", metadata: { source: "web" } };
    const { conversation } = await alice.conversations.createConversation({
      conversation: { title: "Vases", pinned: true, callType: CallType.INBOUND, ...kept },
      participantIds: ["eve"],
      messages: [{ content: word }],
    });
    const conversationId = conversation?.id ?? "";
    const closed = { status: ConversationStatus.CLOSED };
    await alice.conversations.updateConversation({ conversationId, conversation: closed });
    const other = await start(word);
    const [message] = (await alice.messages.listMessages({ conversationId })).messages;
    const titles = async (filters: object) => {
      const { matches } = await alice.messages.searchMessages({ query: word, ...filters });
      return matches.map(({ conversationTitle }) => conversationTitle).toSorted();
    };
    expect(await titles({})).toEqual(["", "Vases"]);
    const theOne: [object, object][] = [
      [closed, { status: ConversationStatus.ARCHIVED }],
      [{ callType: CallType.INBOUND }, { callType: CallType.OUTBOUND }],
      [{ participantId: "eve" }, { participantId: "mallory" }],
      [{ agent: "helper" }, { agent: "help" }],
      [{ mode: "advice" }, { mode: "x" }],
      [
        { entityType: "order", entityId: "o-1" },
        { entityType: "order", entityId: "o-2" },
      ],
      [{ pinned: true }, { pinned: true, ownerId: "bob" }],
      [{ metadata: { source: "web" } }, { metadata: { source: "mail" } }],
      [{ endTime: later(message?.createTime, 1), ...closed }, { endTime: message?.createTime }],
      [{ startTime: message?.createTime, ownerId: "alice", ...closed }, { startTime: later(message?.createTime, 1e7) }],
    ];
    for (const [right, wrong] of theOne) {
      expect([await titles(right), await titles(wrong)], Object.keys(right).join()).toEqual([["Vases"], []]);
    }
    expect(await titles({ pinned: false, participantId: "bob" })).toEqual([""]);
    await alice.conversations.deleteConversation({ conversationId: other.conversationId });
  });

  test("sees only what the caller sees, and pages through it", async () => {
    const word = `w${newId().replaceAll("-", "")}`;
    const { conversationId } = await start(word, `${word} ${word}`, word);
    const first = await alice.messages.searchMessages({ query: word, pageSize: 2 });
    const rest = await alice.messages.searchMessages({ query: word, pageSize: 2, pageToken: first.nextPageToken });
    const ids = [...first.matches, ...rest.matches].map(({ message }) => message?.id);
    expect([new Set(ids).size, first.matches.length, rest.matches.length]).toEqual([3, 2, 1]);
    expect((await tenant.member("eve").messages.searchMessages({ query: word })).matches).toEqual([]);
    expect((await (await server.tenant()).key().messages.searchMessages({ query: word })).matches).toEqual([]);
    await alice.conversations.deleteConversation({ conversationId });
    expect((await alice.messages.searchMessages({ query: word })).matches).toEqual([]);
  });
});

describe("the log", () => {
  test("names its conversation as it is known, however the caller writes the id", async () => {
    const { conversationId } = await start("a");
    const { events } = await alice.events.listEvents({ conversationId: conversationId.toUpperCase() });
    expect(new Set(events.map((event) => event.conversationId))).toEqual(new Set([conversationId]));
  });

  test("tells everything that happened, without a gap", async () => {
    const { conversationId, ids } = await start("a", "b");
    const [a = "", b = ""] = ids;
    await alice.messages.updateMessage({ messageId: a, message: { content: "A" } });
    await alice.messages.deleteMessage({ messageId: b });
    await alice.messages.restoreMessage({ messageId: b });
    await alice.messages.deleteAllMessages({ conversationId });
    await alice.messages.restoreAllMessages({ conversationId });
    await bob.participants.markRead({ conversationId, readSeq: 4n });
    await alice.conversations.updateConversation({ conversationId, conversation: { title: "t", pinned: true } });
    await alice.participants.removeParticipant({ conversationId, memberId: "bob" });
    await alice.conversations.deleteConversation({ conversationId });
    await alice.conversations.restoreConversation({ conversationId });

    const events: Event[] = [];
    let pageToken = "";
    do {
      const page = await alice.events.listEvents({ conversationId, pageSize: 4, pageToken });
      events.push(...page.events);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => BigInt(index + 1)));
    expect(events.map(({ change, actor }) => [change.case, actor?.id])).toEqual([
      ["participantAdded", "alice"],
      ["participantAdded", "alice"],
      ["messageSent", "alice"],
      ["messageSent", "alice"],
      ["messageEdited", "alice"],
      ["messageDeleted", "alice"],
      ["messageRestored", "alice"],
      ["allMessagesDeleted", "alice"],
      ["allMessagesRestored", "alice"],
      ["readMarked", "bob"],
      ["conversationUpdated", "alice"],
      ["participantRemoved", "alice"],
      ["conversationDeleted", "alice"],
      ["conversationRestored", "alice"],
    ]);
    expect(events[4]?.change.value).toMatchObject({ revision: 1, message: { id: a, content: "A" } });
    expect(events[5]?.change.value).toMatchObject({ messageId: b, messageSeq: 4n });
    expect(events[7]?.change.value).toMatchObject({ count: 2n });
    expect(events[9]?.change.value).toMatchObject({ memberId: "bob", readSeq: 4n });
    expect(events[10]?.change.value).toMatchObject({ updateMask: { paths: ["title", "pinned"] } });
    const tail = await alice.events.listEvents({ conversationId, afterSeq: 12n });
    expect(tail.events.map(({ seq }) => seq)).toEqual([13n, 14n]);
  });

  test("shows nothing of what a deleted message said", async () => {
    const { conversationId, ids } = await start("secret");
    const [messageId = ""] = ids;
    await alice.messages.updateMessage({ messageId, message: { content: "secret too", metadata: { secret: 1 } } });
    await alice.messages.deleteMessage({ messageId });
    const { events } = await alice.events.listEvents({ conversationId });
    expect(JSON.stringify(events, (_, v) => (typeof v === "bigint" ? `${v}` : v))).not.toContain("secret");
  });

  test("gives every one of many writers its own place", async () => {
    const { conversationId } = await start();
    const sent = await Promise.all(
      Array.from({ length: 64 }, (_, n) =>
        (n % 2 ? alice : bob).messages.sendMessage({ conversationId, message: { content: `${n}` } }),
      ),
    );
    const seqs = sent.map(({ message }) => Number(message?.seq)).sort((x, y) => x - y);
    expect(seqs).toEqual(seqs.map((_, index) => index + 3));
    const { events } = await alice.events.listEvents({ conversationId, pageSize: 200 });
    expect(events).toHaveLength(66);
    const times = events.map(({ createTime }) => (createTime ? timestampMs(createTime) : 0));
    expect(times).toEqual(times.toSorted((x, y) => x - y));
  });
});
