// What ConversationService does with conversations, over a real socket and a real database.
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CallType, ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationOrder } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { apiKey, member } from "../support/actors.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

const { EXCLUDE, INCLUDE, ONLY } = DeletedFilter;

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

async function create(clients: Clients, title = "", participantIds: string[] = []): Promise<string> {
  const { conversation } = await clients.conversations.createConversation({ conversation: { title }, participantIds });
  return conversation?.id ?? "";
}

describe("a new conversation", () => {
  test("has the values given, defaults for the rest, and its creator as owner and first participant", async () => {
    const tenant = await server.tenant("alice", "bob");
    const { conversation } = await tenant.member("alice").conversations.createConversation({
      conversation: {
        title: "Hello",
        callType: CallType.INBOUND,
        entityType: "order",
        entityId: "42",
        metadata: { tags: ["a", null, 1.5], deep: { "": true } },
        persona: { name: "Ada" },
        pinned: true,
      },
      participantIds: ["bob", "alice", "bob"],
    });
    expect(conversation).toMatchObject({
      tenantId: tenant.id,
      title: "Hello",
      status: ConversationStatus.ACTIVE,
      ownerId: "alice",
      creator: member("alice"),
      callType: CallType.INBOUND,
      entityType: "order",
      entityId: "42",
      pinned: true,
      metadata: { tags: ["a", null, 1.5], deep: { "": true } },
      persona: { name: "Ada" },
      maxContextLength: 20,
      participantCount: 2,
      lastSeq: 2n,
      messageCount: 0n,
      memberView: { participating: true, readSeq: 0n, unreadCount: 0 },
    });
    expect(conversation?.participants.map((p) => p.memberId)).toEqual(["alice", "bob"]);
    expect(conversation?.profileInfo).toBeUndefined();
    expect(conversation?.deleteTime).toBeUndefined();
    const again = await tenant.member("bob").conversations.getConversation({ conversationId: conversation?.id ?? "" });
    expect(again.conversation).toMatchObject({ id: conversation?.id, title: "Hello", etag: conversation?.etag });
  });

  test("made by a key on its own has neither owner nor participants", async () => {
    const tenant = await server.tenant();
    const { conversation } = await tenant.key().conversations.createConversation({});
    expect(conversation).toMatchObject({ ownerId: "", participantCount: 0, lastSeq: 0n });
    expect(conversation?.creator).toEqual(apiKey(expect.stringMatching(/^[0-9a-f-]{36}$/)));
  });

  test("begins with the messages given", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    const { conversation } = await alice.conversations.createConversation({
      messages: [{ content: "one" }, { content: "two" }],
    });
    const { messages } = await alice.messages.listMessages({ conversationId: conversation?.id ?? "" });
    expect(messages.map((m) => [m.seq, m.content, m.sender?.id])).toEqual([
      [2n, "one", "alice"],
      [3n, "two", "alice"],
    ]);
    expect(conversation).toMatchObject({ lastSeq: 3n, messageCount: 2n });
  });

  test("names no participant that is no member, and then nothing is made", async () => {
    const tenant = await server.tenant("alice");
    const { conversations } = tenant.member("alice");
    expect(await failureOf(conversations.createConversation({ participantIds: ["alice", "nobody"] }))).toEqual({
      code: "InvalidArgument",
      reason: "UNKNOWN_REFERENCE",
      message: "participant_ids[1]: is no member of the tenant",
    });
    expect((await conversations.listConversations({})).conversations).toEqual([]);
  });

  test("may be owned by another only if the caller manages that member", async () => {
    const tenant = await server.tenant("alice");
    await tenant.addMembers({ boss: { role: "manager" }, agent: { manager: "boss" } });
    const wanted = { conversation: { ownerId: "agent" } };
    expect(await failureOf(tenant.member("alice").conversations.createConversation(wanted))).toMatchObject({
      code: "PermissionDenied",
    });
    const { conversation } = await tenant.member("boss", "manager").conversations.createConversation(wanted);
    expect(conversation?.ownerId).toBe("agent");
    expect(conversation?.participants.map((p) => p.memberId)).toEqual(["boss"]);
  });

  test("has both parts of its business object or none", async () => {
    const tenant = await server.tenant("alice");
    const half = { conversation: { entityType: "order" } };
    expect(await failureOf(tenant.member("alice").conversations.createConversation(half))).toEqual({
      code: "InvalidArgument",
      reason: "INVALID_FIELD",
      message: "conversation.entity_id: must be set together with entity_type",
    });
  });
});

describe("a conversation", () => {
  test("that is not visible does not exist, exactly like one that never did", async () => {
    const tenant = await server.tenant("alice", "eve");
    const other = await server.tenant("alice");
    const id = await create(tenant.member("alice"));
    const answers = await Promise.all(
      [tenant.member("eve"), other.member("alice"), other.key()].flatMap(({ conversations }) =>
        [id, newId(), "no-uuid"].map((conversationId) => failureOf(conversations.getConversation({ conversationId }))),
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify({ code: "NotFound", reason: "NOT_FOUND", message: "conversation not found" })]),
    );
  });

  test("of a subordinate, at any depth, is seen by its manager, who may not write there", async () => {
    const tenant = await server.tenant();
    await tenant.addMembers({ top: {}, middle: { manager: "top" }, low: { manager: "middle" }, peer: {} });
    const id = await create(tenant.member("low"));
    const top = tenant.member("top", "manager");
    expect((await top.conversations.getConversation({ conversationId: id })).conversation?.id).toBe(id);
    expect((await top.conversations.listConversations({})).conversations.map((c) => c.id)).toEqual([id]);
    expect(await failureOf(top.messages.sendMessage({ conversationId: id, message: { content: "x" } }))).toMatchObject({
      code: "PermissionDenied",
    });
    const peer = tenant.member("peer", "manager");
    expect(await failureOf(peer.conversations.getConversation({ conversationId: id }))).toMatchObject({
      code: "NotFound",
    });
    // The role alone makes the difference.
    const plain = tenant.member("top", "member");
    expect(await failureOf(plain.conversations.getConversation({ conversationId: id }))).toMatchObject({
      code: "NotFound",
    });
  });

  test("is among several read at once, in the order asked for, with those missing named", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    const [a, b] = [await create(alice, "a"), await create(alice, "b")];
    const missing = newId();
    const answer = await alice.conversations.batchGetConversations({ conversationIds: [b, missing, a, "zzz"] });
    expect(answer.conversations.map((c) => c.title)).toEqual(["b", "a"]);
    expect(answer.missingIds).toEqual([missing, "zzz"]);
  });
});

describe("an update", () => {
  let tenant: TestTenant;
  let alice: Clients;
  beforeAll(async () => {
    tenant = await server.tenant("alice", "bob", "eve");
    alice = tenant.member("alice");
  });

  test("changes the fields of its mask and no other", async () => {
    const conversationId = await create(alice, "before");
    const { conversation } = await alice.conversations.updateConversation({
      conversationId,
      conversation: { title: "after", pinned: true, metadata: { a: 1 } },
      updateMask: { paths: ["title", "metadata"] },
    });
    expect(conversation).toMatchObject({ title: "after", pinned: false, metadata: { a: 1 } });
  });

  test("can clear what the mask names and the conversation leaves out", async () => {
    const conversationId = await create(alice, "before");
    const { conversation } = await alice.conversations.updateConversation({
      conversationId,
      updateMask: { paths: ["title"] },
    });
    expect(conversation?.title).toBe("");
  });

  test("that changes nothing leaves no trace in the log", async () => {
    const { conversation } = await alice.conversations.createConversation({
      conversation: { title: "t", metadata: { b: 1, a: { y: 1, x: 2 } } },
    });
    const again = await alice.conversations.updateConversation({
      conversationId: conversation?.id ?? "",
      conversation: { title: "t", metadata: { a: { x: 2, y: 1 }, b: 1 } },
    });
    expect(again.conversation).toMatchObject({ etag: conversation?.etag, lastSeq: conversation?.lastSeq });
  });

  test("with the etag of an older version is refused, and messages in between are no conflict", async () => {
    const { conversation } = await alice.conversations.createConversation({});
    const { id = "", etag = "" } = conversation ?? {};
    await alice.messages.sendMessage({ conversationId: id, message: { content: "hi" } });
    await alice.conversations.updateConversation({ conversationId: id, conversation: { title: "1" }, etag });
    const stale = alice.conversations.updateConversation({ conversationId: id, conversation: { title: "2" }, etag });
    expect(await failureOf(stale)).toMatchObject({ code: "Aborted", reason: "ETAG_MISMATCH" });
    const now = await alice.conversations.getConversation({ conversationId: id });
    expect(now.conversation?.title).toBe("1");
  });

  test("with an etag writes no old message list over a newer one", async () => {
    const { conversation } = await alice.conversations.createConversation({});
    const { id: conversationId = "", etag = "" } = conversation ?? {};
    await alice.messages.sendMessage({ conversationId, message: { content: "came since" } });
    const replace = (etag: string) =>
      alice.conversations.updateConversation({ conversationId, etag, messageList: { messages: [{ content: "old" }] } });
    expect(await failureOf(replace(etag))).toMatchObject({ code: "Aborted", reason: "ETAG_MISMATCH" });
    const now = await alice.conversations.getConversation({ conversationId });
    await replace(now.conversation?.etag ?? "");
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual(["old"]);
  });

  test("refuses a mask that names no field", async () => {
    const conversationId = await create(alice);
    const wrong = alice.conversations.updateConversation({ conversationId, updateMask: { paths: ["create_time"] } });
    expect(await failureOf(wrong)).toMatchObject({ code: "InvalidArgument", reason: "INVALID_FIELD" });
  });

  test("is for those who take part; giving it away is for its owner", async () => {
    const conversationId = await create(alice, "", ["bob"]);
    const bob = tenant.member("bob");
    await bob.conversations.updateConversation({ conversationId, conversation: { title: "by bob" } });
    const taking = bob.conversations.updateConversation({ conversationId, conversation: { ownerId: "bob" } });
    expect(await failureOf(taking)).toMatchObject({ code: "PermissionDenied" });
    const given = await tenant.key().conversations.updateConversation({
      conversationId,
      conversation: { ownerId: "bob" },
    });
    expect(given.conversation?.ownerId).toBe("bob");
  });

  test("of two at once loses neither", async () => {
    const conversationId = await create(alice);
    await Promise.all(
      ["title", "mode", "agent"].map((field) =>
        alice.conversations.updateConversation({ conversationId, conversation: { [field]: "set" } }),
      ),
    );
    const { conversation } = await alice.conversations.getConversation({ conversationId });
    expect(conversation).toMatchObject({ title: "set", mode: "set", agent: "set" });
  });

  test("may replace the message list in the same transaction, or fail with it", async () => {
    const conversationId = await create(alice, "before");
    await alice.messages.batchSendMessages({ conversationId, messages: [{ content: "a" }, { content: "b" }] });
    const refused = alice.conversations.updateConversation({
      conversationId,
      conversation: { title: "after", status: ConversationStatus.CLOSED },
      messageList: { messages: [{ content: "A" }] },
    });
    expect(await failureOf(refused)).toMatchObject({ reason: "CONVERSATION_CLOSED" });
    expect((await alice.conversations.getConversation({ conversationId })).conversation?.title).toBe("before");
    await alice.conversations.updateConversation({
      conversationId,
      conversation: { title: "after" },
      messageList: { messages: [{ content: "A" }] },
    });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map((m) => [m.content, m.revision])).toEqual([["A", 1]]);
  });
});

describe("deleting", () => {
  test("hides a conversation and its messages, and restoring brings back exactly what was there", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    const conversationId = await create(alice, "kept");
    const { message: gone } = await alice.messages.sendMessage({ conversationId, message: { content: "gone" } });
    const { message: kept } = await alice.messages.sendMessage({ conversationId, message: { content: "kept" } });
    await alice.messages.deleteMessage({ messageId: gone?.id ?? "" });
    const deleted = await alice.conversations.deleteConversation({ conversationId });
    expect(deleted.conversation?.deleteTime).toBeDefined();

    expect(await failureOf(alice.conversations.getConversation({ conversationId }))).toMatchObject({
      code: "NotFound",
    });
    expect(await failureOf(alice.messages.getMessage({ messageId: kept?.id ?? "" }))).toMatchObject({
      code: "NotFound",
    });
    expect(await failureOf(alice.messages.listMessages({ conversationId }))).toMatchObject({ code: "NotFound" });
    expect(await failureOf(alice.messages.sendMessage({ conversationId, message: {} }))).toMatchObject({
      code: "NotFound",
    });
    expect(await failureOf(alice.conversations.deleteConversation({ conversationId }))).toMatchObject({
      code: "NotFound",
    });
    expect((await alice.conversations.listConversations({})).conversations).toEqual([]);
    const { conversations } = await alice.conversations.listConversations({ deleted: ONLY });
    expect(conversations.map((c) => c.id)).toEqual([conversationId]);
    for (const deleted of [ONLY, INCLUDE]) {
      const shown = await alice.conversations.getConversation({ conversationId, deleted });
      expect(shown.conversation?.title).toBe("kept");
    }
    expect(await failureOf(alice.conversations.getConversation({ conversationId, deleted: EXCLUDE }))).toMatchObject({
      code: "NotFound",
    });
    const other = await create(alice, "there");
    const both = await alice.conversations.listConversations({ deleted: INCLUDE, includeTotalSize: true });
    expect([both.conversations.map((c) => c.id), both.totalSize]).toEqual([[other, conversationId], 2n]);
    expect(
      await failureOf(alice.conversations.getConversation({ conversationId: other, deleted: ONLY })),
    ).toMatchObject({ code: "NotFound" });
    await alice.conversations.deleteConversation({ conversationId: other });

    await alice.conversations.restoreConversation({ conversationId });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map((m) => m.content)).toEqual(["kept"]);
    expect(await failureOf(alice.conversations.restoreConversation({ conversationId }))).toEqual({
      code: "FailedPrecondition",
      reason: "NOT_DELETED",
      message: "the conversation is not deleted",
    });
  });

  test("is for the owner", async () => {
    const tenant = await server.tenant("alice", "bob");
    const conversationId = await create(tenant.member("alice"), "", ["bob"]);
    expect(await failureOf(tenant.member("bob").conversations.deleteConversation({ conversationId }))).toMatchObject({
      code: "PermissionDenied",
    });
  });

  test("for good leaves nothing but one audit row without content", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    const conversationId = await create(alice, "secret title");
    const { message } = await alice.messages.sendMessage({ conversationId, message: { content: "secret words" } });
    await alice.messages.updateMessage({ messageId: message?.id ?? "", message: { content: "secret edit" } });
    const { purgedMessageCount } = await tenant.key().conversations.purgeConversation({ conversationId });
    expect(purgedMessageCount).toBe(1n);
    for (const table of ["conversation", "participant", "message", "message_revision", "event"]) {
      const text = `select count(*) from ${table} t where t.tenant_id = $1`;
      const [row] = await server.database.query<{ count: bigint }>({ name: `count_${table}`, text }, [tenant.id]);
      expect([table, row?.count]).toEqual([table, 0n]);
    }
    const text = "select action, resource_id, details from audit where tenant_id = $1";
    const rows = await server.database.query({ name: "audit_rows", text }, [tenant.id]);
    expect(rows).toEqual([{ action: "conversation.purge", resource_id: conversationId, details: null }]);
  });

  test("for good takes the answers that are kept for repeats too, and no repeat acts again", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    const created = { conversation: { title: "secret title" }, requestId: "create" };
    const { conversation } = await alice.conversations.createConversation(created);
    const conversationId = conversation?.id ?? "";
    const sent = { conversationId, message: { content: "secret words" }, requestId: "send" };
    const { message } = await alice.messages.sendMessage(sent);
    const edited = { messageId: message?.id ?? "", message: { content: "secret edit" }, requestId: "edit" };
    await alice.messages.updateMessage(edited);
    const titled = { conversationId, conversation: { title: "secret name" }, requestId: "title" };
    await alice.conversations.updateConversation(titled);
    const purge = { conversationId, requestId: "purge" };
    const admin = tenant.key();
    const purged = await admin.conversations.purgeConversation(purge);

    const text =
      "select i.key from idempotency i where i.tenant_id = $1 and position(convert_to('secret', 'UTF8') in i.answer) > 0";
    expect(await server.database.query({ name: "kept_answers", text }, [tenant.id])).toEqual([]);
    expect(await failureOf(alice.conversations.createConversation(created))).toMatchObject({ reason: "NOT_FOUND" });
    expect(await failureOf(alice.messages.sendMessage(sent))).toMatchObject({ reason: "NOT_FOUND" });
    expect(await failureOf(alice.messages.updateMessage(edited))).toMatchObject({ reason: "NOT_FOUND" });
    expect(await failureOf(alice.conversations.updateConversation(titled))).toMatchObject({ reason: "NOT_FOUND" });
    expect(await admin.conversations.purgeConversation(purge)).toEqual(purged);
    expect((await alice.conversations.listConversations({})).conversations).toEqual([]);
  });

  test("leaves nothing of what is sent at the same time", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    for (let round = 0; round < 10; round++) {
      const conversationId = await create(alice);
      const sends = Array.from({ length: 8 }, () => {
        const sent = alice.messages.sendMessage({ conversationId, message: { content: "secret" } });
        return sent.then(
          () => "sent",
          async () => (await failureOf(sent)).reason,
        );
      });
      await tenant.key().conversations.purgeConversation({ conversationId });
      for (const outcome of await Promise.all(sends)) expect(["sent", "NOT_FOUND"]).toContain(outcome);
    }
    const text = "select count(*) from message t where t.tenant_id = $1";
    expect(await server.database.query({ name: "count_message", text }, [tenant.id])).toEqual([{ count: 0n }]);
  });
});

describe("a list of conversations", () => {
  test("pages from the newest on, without a skip or a repeat", async () => {
    const tenant = await server.tenant("alice", "bob");
    const alice = tenant.member("alice");
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.unshift(await create(i % 2 ? alice : tenant.member("bob"), `${i}`, ["alice"]));
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await alice.conversations.listConversations({ pageSize: 3, pageToken, includeTotalSize: true });
      expect(page.totalSize).toBe(7n);
      seen.push(...page.conversations.map((c) => c.id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(ids);
  });

  test("comes in each of its orders, from anywhere", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    const [a, b, c] = [await create(alice), await create(alice), await create(alice)];
    await alice.messages.sendMessage({ conversationId: a, message: { content: "latest" } });
    const inOrder = async (clients: Clients, order: ConversationOrder) => {
      const first = await clients.conversations.listConversations({ order, pageSize: 1 });
      const pageToken = first.nextPageToken;
      const rest = await clients.conversations.listConversations({ order, pageSize: 5, pageToken });
      return [...first.conversations, ...rest.conversations].map(({ id }) => id);
    };
    for (const clients of [alice, tenant.key()]) {
      expect(await inOrder(clients, ConversationOrder.UNSPECIFIED)).toEqual([c, b, a]);
      expect(await inOrder(clients, ConversationOrder.OLDEST_FIRST)).toEqual([a, b, c]);
      expect(await inOrder(clients, ConversationOrder.LATEST_ACTIVITY_FIRST)).toEqual([a, c, b]);
    }
  });

  test("holds to every filter, and its total agrees", async () => {
    const tenant = await server.tenant("alice", "bob");
    const alice = tenant.member("alice");
    const wanted = {
      callType: CallType.TRAINING,
      status: ConversationStatus.ARCHIVED,
      agent: "echo",
      entityType: "order",
      entityId: "7",
      mode: "advice",
      pinned: true,
    };
    const { conversation } = await alice.conversations.createConversation({
      conversation: wanted,
      participantIds: ["bob"],
    });
    await create(alice);
    const everything = {
      ...wanted,
      ownerId: "alice",
      participantId: "bob",
      creator: member("alice"),
      includeTotalSize: true,
    };
    for (const [name, value] of Object.entries(everything)) {
      for (const clients of [alice, tenant.key()]) {
        const page = await clients.conversations.listConversations({ [name]: value, includeTotalSize: true });
        const expected = ["ownerId", "creator", "includeTotalSize"].includes(name) ? 2 : 1;
        expect([name, page.conversations.length, page.totalSize]).toEqual([name, expected, BigInt(expected)]);
      }
    }
    const page = await alice.conversations.listConversations(everything);
    expect(page.conversations.map(({ id }) => id)).toEqual([conversation?.id]);
  });

  test("lists those created in a period, its beginning included and its end not, in each order", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    const { conversation } = await alice.conversations.createConversation({});
    const created = timestampMs(conversation?.createTime ?? timestampFromMs(0));
    const count = async (from: number | undefined, to: number | undefined, order: ConversationOrder) => {
      const startTime = from === undefined ? from : timestampFromMs(created + from);
      const endTime = to === undefined ? to : timestampFromMs(created + to);
      return (await alice.conversations.listConversations({ startTime, endTime, order })).conversations.length;
    };
    for (const order of [ConversationOrder.NEWEST_FIRST, ConversationOrder.LATEST_ACTIVITY_FIRST]) {
      expect(await count(0, 1, order)).toBe(1);
      expect(await count(1, undefined, order)).toBe(0);
      expect(await count(undefined, 0, order)).toBe(0);
      expect(await count(-1, undefined, order)).toBe(1);
    }
  });

  test("skips as many as asked", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    const ids = [await create(alice), await create(alice), await create(alice)].reverse();
    const page = await alice.conversations.listConversations({ skip: 2, pageSize: 2 });
    expect(page.conversations.map(({ id }) => id)).toEqual(ids.slice(2));
    const past = await alice.conversations.listConversations({ skip: 5, includeTotalSize: true });
    expect([past.conversations, past.totalSize]).toEqual([[], 3n]);
  });

  test("refuses a page token made for other arguments", async () => {
    const tenant = await server.tenant("alice");
    const alice = tenant.member("alice");
    await create(alice);
    await create(alice);
    const { nextPageToken: pageToken } = await alice.conversations.listConversations({ pageSize: 1 });
    const others = [
      () => alice.conversations.listConversations({ pageSize: 1, pageToken, deleted: ONLY }),
      () => tenant.key().conversations.listConversations({ pageSize: 1, pageToken }),
      () => alice.conversations.listConversations({ pageSize: 1, pageToken: `${pageToken}x` }),
    ];
    for (const other of others) {
      expect(await failureOf(other())).toMatchObject({ code: "InvalidArgument", reason: "INVALID_PAGE_TOKEN" });
    }
  });

  test("takes 0 for 50, and refuses less", async () => {
    const { conversations } = (await server.tenant("alice")).member("alice");
    expect(await failureOf(conversations.listConversations({ pageSize: -1 }))).toMatchObject({
      reason: "INVALID_FIELD",
    });
  });
});

describe("taking part", () => {
  test("begins when the owner adds a member, once, and ends when it is removed or leaves", async () => {
    const tenant = await server.tenant("alice", "bob", "carol");
    const alice = tenant.member("alice");
    const conversationId = await create(alice);
    const added = await alice.participants.addParticipants({
      conversationId,
      memberIds: ["bob", "alice", "bob", "carol"],
    });
    expect(added.participants.map((p) => p.memberId)).toEqual(["bob", "alice", "carol"]);
    const bob = tenant.member("bob");
    expect((await bob.conversations.getConversation({ conversationId })).conversation?.participantCount).toBe(3);
    expect(await failureOf(bob.participants.removeParticipant({ conversationId, memberId: "carol" }))).toMatchObject({
      code: "PermissionDenied",
    });
    await bob.participants.removeParticipant({ conversationId, memberId: "bob" });
    expect(await failureOf(bob.conversations.getConversation({ conversationId }))).toMatchObject({ code: "NotFound" });
    await alice.participants.removeParticipant({ conversationId, memberId: "carol" });
    expect(await failureOf(alice.participants.removeParticipant({ conversationId, memberId: "carol" }))).toMatchObject({
      code: "NotFound",
    });
    const { participants } = await alice.participants.listParticipants({ conversationId });
    expect(participants.map((p) => p.memberId)).toEqual(["alice"]);
  });

  test("is listed page by page in the order of joining", async () => {
    const tenant = await server.tenant("a", "b", "c", "d");
    const a = tenant.member("a");
    const conversationId = await create(a, "", ["d", "c", "b"]);
    const first = await a.participants.listParticipants({ conversationId, pageSize: 3 });
    const rest = await a.participants.listParticipants({
      conversationId,
      pageSize: 3,
      pageToken: first.nextPageToken,
    });
    expect([...first.participants, ...rest.participants].map((p) => p.memberId)).toEqual(["a", "d", "c", "b"]);
    expect(rest.nextPageToken).toBe("");
  });

  test("counts what the others wrote after the read mark, which never moves back", async () => {
    const tenant = await server.tenant("alice", "bob");
    const [alice, bob] = [tenant.member("alice"), tenant.member("bob")];
    const conversationId = await create(alice, "", ["bob"]);
    const send = (from: Clients, content: string) =>
      from.messages.sendMessage({ conversationId, message: { content } });
    const unread = async () =>
      (await bob.conversations.getConversation({ conversationId })).conversation?.memberView?.unreadCount;
    const { message: first } = await send(alice, "1");
    await send(bob, "mine");
    const { message: second } = await send(alice, "2");
    await send(alice, "3");
    expect(await unread()).toBe(3);
    await bob.participants.markRead({ conversationId, readSeq: second?.seq ?? 0n });
    expect(await unread()).toBe(1);
    const back = await bob.participants.markRead({ conversationId, readSeq: first?.seq ?? 0n });
    expect(back.participant?.readSeq).toBe(second?.seq);
    const { messages } = await alice.messages.listMessages({ conversationId });
    await alice.messages.deleteMessage({ messageId: messages.at(-1)?.id ?? "" });
    expect(await unread()).toBe(0);
    await send(alice, "4");
    await bob.participants.markRead({ conversationId });
    expect(await unread()).toBe(0);
    expect(await failureOf(tenant.key().participants.markRead({ conversationId }))).toMatchObject({
      code: "PermissionDenied",
    });
  });
});
