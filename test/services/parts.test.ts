// Messages made of parts, and entries of other kinds than messages: what is read where, and what is refused.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MessageKind, MessageRole, type MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { PartSchema, TextPartSchema } from "../../gen/colloquy/v1/part_pb.ts";
import { failureOf } from "../support/failure.ts";
import { ALL_KINDS } from "../support/random/random-parts.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

type Draft = MessageInitShape<typeof MessageSchema>;

let server: StoreServer;
let tenant: TestTenant;
let alice: Clients;
let bob: Clients;
beforeAll(async () => {
  server = await startStoreServer();
  tenant = await server.tenant("alice", "bob");
  alice = tenant.member("alice");
  bob = tenant.member("bob");
});
afterAll(() => server.close());

const text = (value: string) => ({ content: { case: "text", value: { text: value } } }) as const;
const call = (args: string) =>
  ({ content: { case: "toolCall", value: { callId: "c1", name: "look", arguments: args } } }) as const;
const data = (json: string) => ({ content: { case: "data", value: { name: "d", json } } }) as const;

async function start(...messages: Draft[]): Promise<string> {
  const { conversation } = await alice.conversations.createConversation({ participantIds: ["bob"] });
  const conversationId = conversation?.id ?? "";
  if (messages.length > 0) await alice.messages.batchSendMessages({ conversationId, messages });
  return conversationId;
}

async function shown(conversationId: string, kinds: MessageKind[] = ALL_KINDS): Promise<[MessageKind, string][]> {
  const { messages } = await alice.messages.listMessages({ conversationId, kinds });
  return messages.map(({ kind, content }) => [kind, content]);
}

/** A turn with a tool, as a provider logs it. */
const EXCHANGE: Draft[] = [
  { content: "What is the weather?" },
  {
    kind: MessageKind.REASONING,
    role: MessageRole.ASSISTANT,
    parts: [{ content: { case: "reasoning", value: { summary: ["look"] } } }],
  },
  { kind: MessageKind.TOOL_CALL, role: MessageRole.ASSISTANT, parts: [call('{"city": "Rome"}')] },
  {
    kind: MessageKind.TOOL_RESULT,
    role: MessageRole.TOOL,
    parts: [
      { content: { case: "toolResult", value: { callId: "c1", output: { case: "text", value: "weather: rain\0" } } } },
    ],
  },
  { role: MessageRole.ASSISTANT, parts: [text("It rains."), text("Take a coat.")] },
];

describe("the content of a message with parts", () => {
  test("is the text of its text parts, one below the other, without U+0000", async () => {
    const conversationId = await start({ parts: [text("one"), call("{}"), text("t\0wo"), text("")] });
    expect(await shown(conversationId)).toEqual([[MessageKind.MESSAGE, "one\ntwo\n"]]);
  });

  test("may be said beside them if it is the same", async () => {
    const conversationId = await start();
    const send = (content: string) =>
      alice.messages.sendMessage({ conversationId, message: { content, parts: [text("a"), text("b")] } });
    expect((await send("a\nb")).message?.content).toBe("a\nb");
    expect(await failureOf(send("a b"))).toMatchObject({
      reason: "INVALID_FIELD",
      message: "message.content: must be empty, or the texts of the text parts, one below the other",
    });
  });

  test("is cut within 256 KiB, and not in a character", async () => {
    const conversationId = await start();
    const long = `a${"é".repeat(140_000)}`;
    const { message } = await alice.messages.sendMessage({ conversationId, message: { parts: [text(long)] } });
    const read = await alice.messages.getMessage({ messageId: message?.id ?? "" });
    expect(read.message?.content).toBe(`a${"é".repeat(131_071)}`);
    expect(read.message?.parts[0]?.content.value).toMatchObject({ text: long });
  });

  test("is what a search finds, and nothing else of them", async () => {
    const conversationId = await start({ parts: [text("a pelican"), data('"flamingo"')] });
    const found = async (query: string) =>
      (await alice.messages.searchMessages({ query, conversationId })).matches.length;
    expect([await found("pelican"), await found("flamingo")]).toEqual([1, 0]);
  });
});

describe("entries of other kinds", () => {
  test("have places of their own in the log, and are listed where they are asked for", async () => {
    const conversationId = await start(...EXCHANGE);
    const spoken = [
      [MessageKind.MESSAGE, "What is the weather?"],
      [MessageKind.MESSAGE, "It rains.\nTake a coat."],
    ];
    expect(await shown(conversationId, [])).toEqual(spoken);
    expect(await shown(conversationId, [MessageKind.MESSAGE])).toEqual(spoken);
    expect(await shown(conversationId, [MessageKind.TOOL_CALL, MessageKind.REASONING])).toEqual([
      [MessageKind.REASONING, ""],
      [MessageKind.TOOL_CALL, ""],
    ]);
    const { messages } = await alice.messages.listMessages({ conversationId, kinds: ALL_KINDS });
    // The first entries of the log are those who joined.
    expect(messages.map(({ seq }) => seq)).toEqual([3n, 4n, 5n, 6n, 7n]);
    const { conversations } = await alice.messages.batchListMessages({ conversationIds: [conversationId] });
    expect(conversations[0]?.messages.map(({ seq }) => seq)).toEqual([3n, 7n]);
    const { events } = await alice.events.listEvents({ conversationId });
    expect(events.slice(2).map(({ seq, change }) => [seq, change.case])).toEqual(
      [3n, 4n, 5n, 6n, 7n].map((seq) => [seq, "messageSent"]),
    );
  });

  test("are paged, counted and filtered like messages", async () => {
    const conversationId = await start(...EXCHANGE);
    const kinds = [MessageKind.TOOL_CALL, MessageKind.TOOL_RESULT];
    const first = await alice.messages.listMessages({ conversationId, kinds, pageSize: 1, includeTotalSize: true });
    expect([first.totalSize, first.messages[0]?.kind]).toEqual([2n, MessageKind.TOOL_CALL]);
    const pageToken = first.nextPageToken;
    const next = await alice.messages.listMessages({
      conversationId,
      kinds,
      pageSize: 1,
      includeTotalSize: true,
      pageToken,
    });
    expect([next.messages[0]?.kind, next.nextPageToken]).toEqual([MessageKind.TOOL_RESULT, ""]);
  });

  test("do not count as messages, nor as unread, nor as the latest", async () => {
    const conversationId = await start({ content: "hello" });
    const before = (await bob.conversations.getConversation({ conversationId })).conversation;
    await alice.messages.batchSendMessages({ conversationId, messages: EXCHANGE.slice(1, 4) });
    await alice.messages.sendMessage({ conversationId, message: EXCHANGE[2] ?? {} });
    const after = (await bob.conversations.getConversation({ conversationId })).conversation;
    expect(after).toMatchObject({ messageCount: 1n, lastSeq: 7n, memberView: { unreadCount: 1 } });
    expect(after?.lastMessageTime).toEqual(before?.lastMessageTime);
  });

  test("are deleted and restored one by one, and with all others", async () => {
    const conversationId = await start(...EXCHANGE);
    const count = async () =>
      (await alice.conversations.getConversation({ conversationId })).conversation?.messageCount;
    const { messages } = await alice.messages.listMessages({ conversationId, kinds: [MessageKind.TOOL_CALL] });
    const messageId = messages[0]?.id ?? "";
    await alice.messages.deleteMessage({ messageId });
    expect([await count(), (await shown(conversationId)).length]).toEqual([2n, 4]);
    await alice.messages.restoreMessage({ messageId });
    expect([await count(), (await shown(conversationId)).length]).toEqual([2n, 5]);
    expect((await alice.messages.deleteAllMessages({ conversationId })).deletedCount).toBe(5n);
    expect([await count(), (await shown(conversationId)).length]).toEqual([0n, 0]);
    const { events } = await alice.events.listEvents({ conversationId });
    const sent = events.flatMap(({ change }) => (change.case === "messageSent" ? [change.value] : []));
    expect(sent.every(({ parts, content }) => parts.length === 0 && content === "")).toBe(true);
    expect((await alice.messages.restoreAllMessages({ conversationId })).restoredCount).toBe(5n);
    expect([await count(), (await shown(conversationId)).length]).toEqual([2n, 5]);
  });
});

describe("an edit", () => {
  async function sent(message: Draft): Promise<string> {
    const conversationId = await start();
    return (await alice.messages.sendMessage({ conversationId, message })).message?.id ?? "";
  }

  test("of the text alone gives it to the first text part, and leaves all others but texts", async () => {
    const value = create(TextPartSchema, { text: "one", annotations: [{ start: 0, end: 3 }] });
    const first = create(PartSchema, { id: "a", content: { case: "text", value } });
    const others = [call("{}"), text("two"), data("1")].map((part) => create(PartSchema, part));
    const messageId = await sent({ parts: others.toSpliced(1, 0, first) });
    const { message } = await alice.messages.updateMessage({ messageId, message: { content: "new" } });
    expect(message).toMatchObject({ content: "new", revision: 1 });
    expect(message?.parts.map(({ id, content }) => [id, content.case])).toEqual([
      [undefined, "toolCall"],
      ["a", "text"],
      [undefined, "data"],
    ]);
    expect(message?.parts[1]?.content.value).toMatchObject({ text: "new", annotations: [] });
  });

  test("may take the parts away, and that of nothing is none", async () => {
    const messageId = await sent({ parts: [text("one"), data("1")] });
    const updateMask = { paths: ["parts"] };
    const same = await alice.messages.updateMessage({
      messageId,
      message: { parts: [text("one"), data("1")] },
      updateMask,
    });
    expect(same.message?.revision).toBe(0);
    const { message } = await alice.messages.updateMessage({ messageId, message: {}, updateMask });
    expect(message).toMatchObject({ content: "one", parts: [], revision: 1 });
    const { revisions } = await alice.messages.listMessageRevisions({ messageId });
    expect(revisions.map(({ content, parts }) => [content, parts.length])).toEqual([["one", 2]]);
  });
});

describe("a new list of messages", () => {
  test("leaves entries of other kinds as they are, and parts that it does not mention", async () => {
    const conversationId = await start(...EXCHANGE);
    const role = MessageRole.ASSISTANT;
    const again = [{ content: "What is the weather?" }, { role, content: "It rains.\nTake a coat." }];
    const counts = await alice.messages.replaceMessages({ conversationId, messages: again });
    expect(counts).toMatchObject({ unchangedCount: 2, editedCount: 0, deletedCount: 0, addedCount: 0 });
    expect(await shown(conversationId)).toHaveLength(5);
    await alice.messages.replaceMessages({
      conversationId,
      messages: [{ content: "What is the weather?" }, { role, content: "Sun." }],
    });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages[1]?.parts.map(({ content }) => content.value)).toMatchObject([{ text: "Sun." }]);
  });

  test("compares entries of the kinds that it stands for, and begins anew where a kind differs", async () => {
    const conversationId = await start(...EXCHANGE);
    const kinds = ALL_KINDS;
    const replace = (messages: Draft[]) => alice.messages.replaceMessages({ conversationId, messages, kinds });
    expect(await replace(EXCHANGE)).toMatchObject({
      unchangedCount: 5,
      editedCount: 0,
      deletedCount: 0,
      addedCount: 0,
    });
    const without = EXCHANGE.filter((_, index) => index !== 1);
    expect(await replace(without)).toMatchObject({ unchangedCount: 1, editedCount: 0, deletedCount: 4, addedCount: 3 });
    expect((await shown(conversationId)).map(([kind]) => kind)).toEqual([
      MessageKind.MESSAGE,
      MessageKind.TOOL_CALL,
      MessageKind.TOOL_RESULT,
      MessageKind.MESSAGE,
    ]);
    expect(await failureOf(alice.messages.replaceMessages({ conversationId, messages: EXCHANGE }))).toMatchObject({
      message: "messages[1].kind: must be one of kinds, by default a message",
    });
  });
});

test("a repeat with its request id is the same call only with the same parts", async () => {
  const conversationId = await start();
  const send = (json: string) =>
    alice.messages.sendMessage({ conversationId, requestId: "r", message: { parts: [data(json)] } });
  const { message } = await send("1.0");
  expect((await send("1.0")).message).toEqual(message);
  expect(await failureOf(send("1"))).toMatchObject({ reason: "REQUEST_ID_REUSED" });
});
