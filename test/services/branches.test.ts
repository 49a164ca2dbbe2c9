// Branches of a conversation: alternatives, which one is live, and what the others hide.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageKind, MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
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

/** A conversation in which each text is a message; `after` names what it follows. */
async function begin(...texts: string[]) {
  const tenant = await server.tenant("ann", "bob");
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
  const conversationId = conversation?.id ?? "";
  const ids: Record<string, string> = { root: conversationId };
  const send = async (content: string, after?: string, more: object = {}) => {
    const parentId = after === undefined ? "" : (ids[after] ?? after);
    const { message } = await ann.messages.sendMessage({ conversationId, message: { content, parentId, ...more } });
    ids[content] = message?.id ?? "";
    return message;
  };
  for (const text of texts) await send(text);
  const select = (content: string) => ann.messages.selectBranch({ conversationId, messageId: ids[content] ?? content });
  return { tenant, ann, bob: tenant.member("bob"), conversationId, ids, send, select };
}

const textsOf = async ({ messages }: Clients, conversationId: string, more: object = {}) => {
  const found: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await messages.listMessages({ conversationId, pageSize: 2, pageToken, ...more });
    found.push(...page.messages.map(({ content }) => content));
    if (page.nextPageToken === "") return found.join(" ");
    pageToken = page.nextPageToken;
  }
};

async function view({ conversations, messages }: Clients, conversationId: string) {
  const { conversation } = await conversations.getConversation({ conversationId });
  const batch = await messages.batchListMessages({ conversationIds: [conversationId] });
  const list = await messages.listMessages({ conversationId, includeTotalSize: true });
  const texts = await textsOf({ messages } as Clients, conversationId);
  const newest = await textsOf({ messages } as Clients, conversationId, { order: MessageOrder.NEWEST_FIRST });
  expect(newest.split(" ").toReversed().join(" ")).toBe(texts);
  expect(batch.conversations[0]?.messages.map(({ content }) => content).join(" ")).toBe(texts);
  expect([conversation?.messageCount, list.totalSize]).toEqual([
    BigInt(list.messages.length),
    BigInt(list.messages.length),
  ]);
  return texts;
}

const branchesOf = async ({ messages }: Clients, conversationId: string, ids: Record<string, string>) => {
  const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]));
  const { branches } = await messages.listBranches({ conversationId });
  return branches.map(
    ({ messageId, firstMessageId, parentId, live }) =>
      [messageId, firstMessageId, parentId].map((id) => names.get(id) ?? id).join("/") + (live ? " live" : ""),
  );
};

describe("a message with a parent", () => {
  test("is read and selected by what the list of branches names it by, also when that entry was deleted", async () => {
    const { ann, conversationId, ids, send } = await begin("a", "b", "c");
    await ann.messages.deleteMessage({ messageId: ids.c ?? "" });
    await send("alt", "a");
    const { branches } = await ann.messages.listBranches({ conversationId });
    expect(branches.map(({ messageId, live }) => [messageId, live])).toEqual([
      [ids.c, false],
      [ids.alt, true],
    ]);
    expect(await textsOf(ann, conversationId, { branchMessageId: ids.c })).toBe("a b");
    await ann.messages.selectBranch({ conversationId, messageId: ids.c ?? "" });
    expect(await view(ann, conversationId)).toBe("a b");
    // Nothing is said after an entry that is not there for anybody.
    expect((await failureOf(send("late", "c"))).reason).toBe("UNKNOWN_REFERENCE");
  });

  test("begins another branch, which is the live one", async () => {
    const { ann, conversationId, ids, send } = await begin("u1", "a1", "u2", "a2");
    expect(await branchesOf(ann, conversationId, ids)).toEqual(["a2// live"]);
    const other = await send("b1", "u1");
    expect(other).toMatchObject({ parentId: ids.u1, seq: 7n });
    expect(await view(ann, conversationId)).toBe("u1 b1");
    await send("u3");
    expect(await view(ann, conversationId)).toBe("u1 b1 u3");
    expect(await branchesOf(ann, conversationId, ids)).toEqual(["a2//", "u3/b1/u1 live"]);
    await send("c2", "u2");
    expect(await view(ann, conversationId)).toBe("u1 a1 u2 c2");
    await send("r1", "root");
    expect(await view(ann, conversationId)).toBe("r1");
    expect(await branchesOf(ann, conversationId, ids)).toEqual(["a2//", "u3/b1/u1", "c2/c2/u2", "r1/r1/ live"]);
    const { message } = await ann.messages.getMessage({ messageId: ids.a2 ?? "" });
    expect(message?.content).toBe("a2");
  });

  test("that names the last one of the live branch is as one without", async () => {
    const { ann, conversationId, ids, send } = await begin("u1");
    await send("a1", "u1");
    await send("u2", "a1");
    expect(await branchesOf(ann, conversationId, ids)).toEqual(["u2// live"]);
    const { conversation } = await ann.conversations.createConversation({});
    const message = { content: "first", parentId: conversation?.id ?? "" };
    await ann.messages.sendMessage({ conversationId: conversation?.id ?? "", message });
    expect((await ann.messages.listBranches({ conversationId: conversation?.id ?? "" })).branches).toHaveLength(1);
  });

  test("is refused if there is no such parent here", async () => {
    const { ann, conversationId, ids, send } = await begin("u1", "a1", "gone");
    const elsewhere = await begin("x");
    await ann.messages.deleteMessage({ messageId: ids.gone ?? "" });
    for (const parent of [newId(), "nonsense", elsewhere.ids.x, elsewhere.conversationId, ids.gone]) {
      expect(await failureOf(send("no", parent))).toEqual({
        code: "InvalidArgument",
        reason: "UNKNOWN_REFERENCE",
        message: "message.parent_id: is not an entry of the conversation",
      });
    }
    expect(await view(ann, conversationId)).toBe("u1 a1");
    const messages = [{ content: "a" }, { content: "b", parentId: ids.u1 ?? "" }];
    expect(await failureOf(ann.messages.batchSendMessages({ conversationId, messages }))).toMatchObject({
      message: "messages[1].parent_id: must be empty but for the first message",
    });
  });

  test("is sent once with a request id or a client id", async () => {
    const { ann, conversationId, ids, send } = await begin("u1", "a1");
    const message = { content: "b1", parentId: ids.u1 ?? "", clientId: "c" };
    const first = await ann.messages.sendMessage({ conversationId, message, requestId: "r" });
    await send("u2");
    expect(await ann.messages.sendMessage({ conversationId, message, requestId: "r" })).toEqual(first);
    expect(await ann.messages.sendMessage({ conversationId, message })).toEqual(first);
    expect(await view(ann, conversationId)).toBe("u1 b1 u2");
    const batch = [
      { content: "x", parentId: ids.a1 ?? "", clientId: "x" },
      { content: "y", role: MessageRole.ASSISTANT },
    ];
    const sent = await ann.messages.batchSendMessages({ conversationId, messages: batch });
    expect(sent.messages.map(({ content, parentId }) => [content, parentId])).toEqual([
      ["x", ids.a1],
      ["y", ""],
    ]);
    expect(await view(ann, conversationId)).toBe("u1 a1 x y");
  });

  test("needs the right to write, and an open conversation", async () => {
    const { tenant, ann, conversationId, ids } = await begin("u1", "a1");
    await tenant.addMembers({ eve: {}, boss: { role: "admin" } });
    const message = { content: "b1", parentId: ids.u1 ?? "" };
    const by = (who: Clients) => failureOf(who.messages.sendMessage({ conversationId, message }));
    expect((await by(tenant.member("eve"))).reason).toBe("NOT_FOUND");
    await ann.conversations.updateConversation({ conversationId, conversation: { status: 3 } });
    expect((await by(ann)).reason).toBe("CONVERSATION_CLOSED");
    expect(await view(ann, conversationId)).toBe("u1 a1");
  });
});

describe("a selected branch", () => {
  test("is the newest on which the entry is, and goes on where it ended", async () => {
    const { ann, conversationId, ids, send, select } = await begin("u1", "a1", "u2", "a2");
    await send("b1", "u1");
    const { branch } = await select("a1");
    expect(branch).toMatchObject({ messageId: ids.a2, live: true, parentId: "" });
    expect(await view(ann, conversationId)).toBe("u1 a1 u2 a2");
    await send("u3");
    expect(await view(ann, conversationId)).toBe("u1 a1 u2 a2 u3");
    expect(await branchesOf(ann, conversationId, ids)).toEqual(["b1/b1/u1", "u3// live"]);
    await select("b1");
    await select("u2");
    await select("b1");
    expect(await view(ann, conversationId)).toBe("u1 b1");
    await select("u1");
    expect(await view(ann, conversationId)).toBe("u1 b1");
    await select("a1");
    expect(await view(ann, conversationId)).toBe("u1 a1 u2 a2 u3");
    const { conversation: before } = await ann.conversations.getConversation({ conversationId });
    await select("u3");
    const { conversation: after } = await ann.conversations.getConversation({ conversationId });
    expect(after?.lastSeq).toBe(before?.lastSeq);
  });

  test("is told in the log", async () => {
    const { ann, conversationId, ids, send, select } = await begin("u1", "a1");
    await send("b1", "u1");
    await select("a1");
    const { events } = await ann.events.listEvents({ conversationId, afterSeq: 4n });
    expect(events.map(({ seq, change }) => [seq, change.case])).toEqual([
      [5n, "messageSent"],
      [6n, "branchSelected"],
    ]);
    expect(events[0]?.change.value).toMatchObject({ content: "b1", parentId: ids.u1 });
    expect(events[1]?.change.value).toMatchObject({ messageId: ids.a1, messageSeq: 4n });
  });

  test("is refused for an entry that is not here, with an old etag, and to who may only read", async () => {
    const { ann, tenant, conversationId, ids, send, select } = await begin("u1", "a1");
    await send("b1", "u1");
    const elsewhere = await begin("x");
    await tenant.addMembers({ eve: {} });
    for (const id of [newId(), "x", elsewhere.ids.x, conversationId]) {
      expect(await failureOf(select(id ?? ""))).toEqual({
        code: "NotFound",
        reason: "NOT_FOUND",
        message: "message not found",
      });
    }
    const wanted = { conversationId, messageId: ids.a1 ?? "" };
    expect((await failureOf(ann.messages.selectBranch({ ...wanted, etag: "1.1" }))).reason).toBe("ETAG_MISMATCH");
    expect((await failureOf(tenant.member("eve").messages.selectBranch(wanted))).reason).toBe("NOT_FOUND");
    expect((await failureOf(tenant.member("eve").messages.listBranches({ conversationId }))).reason).toBe("NOT_FOUND");
  });
});

describe("an import of an export", () => {
  test("has the same branches, and goes on in them", async () => {
    const { ann, tenant, conversationId, ids, send, select } = await begin("u1", "a1", "u2", "a2");
    await send("b1", "u1");
    await select("a1");
    await send("u3");
    await send("c2", "u2");
    await ann.messages.deleteMessage({ messageId: ids.a2 ?? "" });
    await select("b1");
    await send("d1");
    await select("u3");
    const lines = await exported(tenant.key(), conversationId);
    const copy = await server.tenant("ann", "bob");
    for (const part of [lines.slice(0, 9), lines]) {
      expect((await imported(copy.key(), part)).errors).toEqual([]);
    }
    const there = copy.member("ann");
    const renamed = lines.map((line) => line.replaceAll(tenant.id, copy.id));
    expect(await exported(copy.key(), conversationId)).toEqual(renamed);
    expect(await branchesOf(there, conversationId, ids)).toEqual(await branchesOf(ann, conversationId, ids));
    expect(await view(there, conversationId)).toBe("u1 a1 u2 u3");
    expect(await view(ann, conversationId)).toBe("u1 a1 u2 u3");
    await there.messages.selectBranch({ conversationId, messageId: ids.b1 ?? "" });
    await there.messages.sendMessage({ conversationId, message: { content: "more" } });
    expect(await view(there, conversationId)).toBe("u1 b1 d1 more");
  });

  test("names the line whose parent is not there", async () => {
    const { tenant, conversationId } = await begin("u1");
    const lines = await exported(tenant.key(), conversationId);
    const copy = await server.tenant("ann", "bob");
    const lost = lines.map((line) => line.replace('"content":"u1"', `"content":"u1","parentId":"${newId()}"`));
    expect((await imported(copy.key(), lost)).errors.map(({ description }) => description)).toEqual([
      "message.parent_id: must be a message of the conversation that came before",
    ]);
  });
});

describe("what is off the live branch", () => {
  test("is not counted, unread, found, or in statistics, and is read by its branch", async () => {
    const { ann, bob, conversationId, ids, send } = await begin("u1", "apple", "u2");
    const unread = async () =>
      (await bob.conversations.getConversation({ conversationId })).conversation?.memberView?.unreadCount;
    const found = async (query: string) => (await bob.messages.searchMessages({ query })).matches.length;
    expect([await unread(), await found("apple")]).toEqual([3, 1]);
    await send("pear", "u1");
    expect([await unread(), await found("apple"), await found("pear")]).toEqual([2, 0, 1]);
    const branch = { branchMessageId: ids.apple ?? "" };
    expect(await textsOf(ann, conversationId, branch)).toBe("u1 apple u2");
    expect(await textsOf(ann, conversationId, { ...branch, order: MessageOrder.NEWEST_FIRST })).toBe("u2 apple u1");
    expect(await textsOf(ann, conversationId, { branchMessageId: ids.u1 })).toBe("u1 pear");
    const { totalSize } = await ann.messages.listMessages({ conversationId, ...branch, includeTotalSize: true });
    expect(totalSize).toBe(3n);
    expect((await failureOf(textsOf(ann, conversationId, { branchMessageId: newId() }))).reason).toBe("NOT_FOUND");
  });

  test("is deleted and restored without touching the count", async () => {
    const { ann, conversationId, ids, send, select } = await begin("u1", "a1", "u2");
    await send("b1", "u1");
    await ann.messages.deleteMessage({ messageId: ids.a1 ?? "" });
    expect(await view(ann, conversationId)).toBe("u1 b1");
    await select("u2");
    expect(await view(ann, conversationId)).toBe("u1 u2");
    await select("b1");
    await ann.messages.restoreMessage({ messageId: ids.a1 ?? "" });
    expect(await view(ann, conversationId)).toBe("u1 b1");
    expect(await ann.messages.deleteAllMessages({ conversationId })).toMatchObject({ deletedCount: 4n });
    expect(await view(ann, conversationId)).toBe("");
    await ann.messages.restoreAllMessages({ conversationId });
    expect(await view(ann, conversationId)).toBe("u1 b1");
    await select("u2");
    expect(await view(ann, conversationId)).toBe("u1 a1 u2");
  });

  test("stays as it is when the messages are replaced", async () => {
    const { ann, conversationId, send, select } = await begin("u1", "a1", "u2");
    await send("b1", "u1");
    await ann.messages.replaceMessages({
      conversationId,
      messages: [{ content: "u1" }, { content: "B1" }, { content: "n" }],
    });
    expect(await view(ann, conversationId)).toBe("u1 B1 n");
    await select("a1");
    expect(await view(ann, conversationId)).toBe("u1 a1 u2");
    const kinds = { kinds: [MessageKind.ITEM], deleted: DeletedFilter.INCLUDE };
    expect(await textsOf(ann, conversationId, kinds)).toBe("");
  });
});
