// Export and import over real sockets: what goes out comes back in the same, and what cannot come in is named.
import { toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RecordSchema } from "../../gen/colloquy/v1/record_pb.ts";
import type { ImportConversationsResponse } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { failureOf } from "../support/failure.ts";
import { lockWaits } from "../support/postgres/lock-waits.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
let whole: IdentityServer;
beforeAll(async () => {
  [server, whole] = await Promise.all([startStoreServer(), startIdentityServer()]);
});
afterAll(() => Promise.all([server.close(), whole.close()]));

/** All that a caller may see, a line for each record. */
async function exported({ transfer }: Clients, conversationId = ""): Promise<string[]> {
  const lines: string[] = [];
  for await (const { record } of transfer.exportConversations({ conversationId })) {
    if (record) lines.push(JSON.stringify(toJson(RecordSchema, record)));
  }
  return lines;
}

/** Sends lines cut into pieces of a size that is none of theirs: small ones, unless there are megabytes of them. */
function imported(
  { transfer }: Clients,
  lines: readonly (string | object)[],
  stopOnError = false,
): Promise<ImportConversationsResponse> {
  const data = Buffer.from(lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  const size = data.length < 2 ** 20 ? 997 : 65_521;
  return transfer.importConversations(
    (async function* () {
      for (let from = 0; from < data.length; from += size) {
        yield { body: { data: data.subarray(from, from + size) }, stopOnError };
      }
    })(),
  );
}

/** A tenant in which everything has happened. */
async function livedIn() {
  const tenant = await server.tenant("alice", "bob");
  const [alice, bob] = [tenant.member("alice"), tenant.member("bob")];
  const { conversation } = await alice.conversations.createConversation({
    conversation: {
      title: "Ü",
      metadata: { a: [1, null] },
      entityType: "order",
      entityId: "7",
      agent: "x",
      pinned: true,
    },
    participantIds: ["bob"],
    messages: [
      { content: "one" },
      { content: "two", metadata: { k: "v" }, clientTime: { seconds: 5n, nanos: 6_000_000 } },
    ],
  });
  const conversationId = conversation?.id ?? "";
  const { messages } = await alice.messages.listMessages({ conversationId });
  const [one = "", two = ""] = messages.map(({ id }) => id);
  await alice.messages.updateMessage({ messageId: one, message: { content: "eins" } });
  await alice.messages.updateMessage({ messageId: one, message: { content: "uno" } });
  await alice.messages.deleteMessage({ messageId: two });
  await bob.participants.markRead({ conversationId });
  await alice.messages.deleteMessage({ messageId: one });
  await alice.messages.restoreMessage({ messageId: one });
  await alice.conversations.updateConversation({ conversationId, conversation: { title: "U" } });
  const second = await bob.conversations.createConversation({ messages: [{ content: "gone" }] });
  await bob.conversations.deleteConversation({ conversationId: second.conversation?.id ?? "" });
  return { tenant, conversationId };
}

const withoutTenant = (lines: string[], id: string) => lines.map((line) => line.replaceAll(id, "<tenant>"));

describe("an export", () => {
  test("that is imported elsewhere gives an equal store, and importing it again adds nothing", async () => {
    const { tenant } = await livedIn();
    const lines = await exported(tenant.key());
    expect(lines).toHaveLength(16);
    const other = await server.tenant();
    const first = await imported(other.key(), lines);
    expect(first).toMatchObject({
      lineCount: 16n,
      conversationCount: 2n,
      messageCount: 3n,
      eventCount: 11n,
      errors: [],
    });
    const copy = await exported(other.key());
    expect(withoutTenant(copy, other.id)).toEqual(withoutTenant(lines, tenant.id));
    const again = await imported(other.key(), lines);
    expect(again).toMatchObject({
      conversationCount: 0n,
      messageCount: 0n,
      eventCount: 0n,
      skippedCount: 16n,
      errors: [],
    });
    expect(await exported(other.key())).toEqual(copy);

    // It is alive: counts, unread, revisions and the log go on from there.
    const bob = other.member("bob");
    const { conversations } = await bob.conversations.listConversations({});
    expect(conversations).toMatchObject([
      { title: "U", messageCount: 1n, participantCount: 2, memberView: { unreadCount: 0 } },
    ]);
    const conversationId = conversations[0]?.id ?? "";
    const { message } = await bob.messages.sendMessage({ conversationId, message: { content: "next" } });
    expect(message?.seq).toBe((conversations[0]?.lastSeq ?? 0n) + 1n);
    const { messages } = await bob.messages.listMessages({ conversationId });
    const { revisions } = await bob.messages.listMessageRevisions({ messageId: messages[0]?.id ?? "" });
    expect(revisions.map(({ content }) => content)).toEqual(["one", "eins"]);
  });

  test("of one conversation, and of those that a member may see", async () => {
    const { tenant, conversationId } = await livedIn();
    const alice = tenant.member("alice");
    const own = await exported(alice);
    expect(await exported(alice, conversationId)).toEqual(own);
    expect((await exported(tenant.member("bob"))).length).toBe(16);
    const stranger = failureOf(exported((await server.tenant("alice")).member("alice"), conversationId));
    expect(await stranger).toMatchObject({ reason: "NOT_FOUND" });
  });
});

describe("an import from another system", () => {
  const time = (second: number) => `2020-01-01T00:00:${String(second).padStart(2, "0")}Z`;
  const conversation = (id: string, more: object = {}) => ({
    conversation: {
      conversation: { id, title: id, createTime: time(0), ...more },
      participants: [{ memberId: "ann" }],
    },
  });
  const message = (conversationId: string, id: string, content: string, more: object = {}) => ({
    message: { message: { conversationId, id, content, createTime: time(1), sender: { id: "ann" }, ...more } },
  });

  test("keeps authors and times, makes the members, and can be repeated and continued by the same ids", async () => {
    const tenant = await server.tenant();
    const lines = [
      conversation("c-1"),
      message("c-1", "m-1", "hello"),
      message("c-1", "m-2", "there", { role: "MESSAGE_ROLE_ASSISTANT" }),
    ];
    expect(await imported(tenant.key(), lines)).toMatchObject({
      conversationCount: 1n,
      messageCount: 2n,
      errorCount: 0n,
    });
    const more = [...lines, message("c-1", "m-3", "again")];
    expect(await imported(tenant.key(), more)).toMatchObject({
      conversationCount: 0n,
      messageCount: 1n,
      skippedCount: 3n,
    });
    const ann = tenant.member("ann");
    const { conversations } = await ann.conversations.listConversations({});
    expect(conversations).toMatchObject([{ title: "c-1", createTime: { seconds: 1577836800n }, messageCount: 3n }]);
    const { messages } = await ann.messages.listMessages({ conversationId: conversations[0]?.id ?? "" });
    expect(messages.map((m) => [m.seq, m.sender?.id, m.content, m.createTime?.seconds])).toEqual([
      [1n, "ann", "hello", 1577836801n],
      [2n, "ann", "there", 1577836801n],
      [3n, "ann", "again", 1577836801n],
    ]);
  });

  const bad: [string, string | object, RegExp][] = [
    ["malformed JSON", '{"conversation":', /^is no record in JSON$/],
    [
      "an unknown field",
      { conversations: {} },
      /^conversations: is not a field of Record \(did you mean conversation\?\)$/,
    ],
    [
      "a message that brings its reactions",
      { ...message("c-1", "m", "x"), reactions: [] },
      /^reactions: must not be set twice, nor with another of its alternatives$/,
    ],
    [
      "a long message that brings its reactions",
      { ...message("c-1", "m", "x".repeat(40_000)), reactions: {} },
      /^reactions: must not be set twice, nor with another of its alternatives$/,
    ],
    [
      "a long message with an unknown field",
      message("c-1", "m", "x".repeat(40_000), { colour: "red" }),
      /^message.message.colour: is not a field of Message$/,
    ],
    [
      "a number that is a truth",
      message("c-1", "m", "x", { revision: true }),
      /^message.message.revision: must be an integer that int32 can hold$/,
    ],
    ["nothing", {}, /neither a conversation nor a message nor an event/],
    ["an unknown conversation", message("c-9", "m", "x"), /no conversation of this id came before/],
    ["a conversation that is not there", message("01890000-0000-7000-8000-000000000001", "m", "x"), /there is no such/],
    ["a foreign id without a time", message("c-1", "m", "x", { createTime: undefined }), /create_time: is needed/],
    ["a text with NUL", message("c-1", "m", "a\0b"), /U\+0000/],
    [
      "a sender that is a text",
      message("c-1", "m", "x", { sender: "ann" }),
      /^message.message.sender: must be an object$/,
    ],
    [
      "a member that passes for an agent",
      message("c-1", "m", "x", { sender: { type: "ACTOR_TYPE_MEMBER", id: "agent:1" } }),
      /^message.message.sender.id: must not begin with key:, agent: or system:; the type says what it is$/,
    ],
    ["a gap in the log", message("c-1", "m", "x", { seq: "9" }), /seq: 2 is the next/],
    ["a place that is taken", message("c-1", "m", "x", { seq: "1" }), /another entry has this place/],
    ["a line that is too long", `{"x":"${"x".repeat(4 * 1024 * 1024)}"}`, /is longer than 4194304 bytes/],
  ];

  test("takes no line that is not UTF-8, and the mark that some programs begin a file with for nothing", async () => {
    const tenant = await server.tenant();
    const first = Buffer.from(`\ufeff${JSON.stringify(conversation("c-1"))}\n`);
    const latin1 = Buffer.from(`${JSON.stringify(message("c-1", "m-1", "caf\u00e9"))}\n`, "latin1");
    const last = Buffer.from(JSON.stringify(message("c-1", "m-2", "caf\u00e9")));
    async function* parts() {
      yield { body: { data: Buffer.concat([first, latin1, last]) } };
    }
    const answer = await tenant.key().transfer.importConversations(parts());
    expect(answer).toMatchObject({ lineCount: 3n, conversationCount: 1n, messageCount: 1n, errorCount: 1n });
    expect(answer.errors).toMatchObject([{ line: 2n, description: "is not UTF-8" }]);
  });

  test.each(bad)("names a line with %s, and goes on", async (_, line, description) => {
    const tenant = await server.tenant();
    const lines = [conversation("c-1"), message("c-1", "m-1", "before"), "", line, message("c-1", "m-2", "after")];
    const answer = await imported(tenant.key(), lines);
    expect(answer).toMatchObject({ lineCount: 5n, messageCount: 2n, errorCount: 1n, stopped: false });
    expect(answer.errors).toMatchObject([{ line: 4n, description: expect.stringMatching(description) }]);
  });

  // Of those that are found where the line is read, and where it is stored.
  const kinds = ["malformed JSON", "an unknown conversation", "a gap in the log", "a line that is too long"];
  test.each(bad.filter(([name]) => kinds.includes(name)))(
    "stops at a line with %s if it is asked to",
    async (_, line, description) => {
      const tenant = await server.tenant();
      const lines = [conversation("c-1"), message("c-1", "m-1", "before"), "", line, message("c-1", "m-2", "after")];
      const answer = await imported(tenant.key(), lines, true);
      expect(answer).toMatchObject({ messageCount: 1n, errorCount: 1n, stopped: true });
      expect(answer.errors).toMatchObject([{ line: 4n, description: expect.stringMatching(description) }]);
    },
  );

  test("goes on in the order of the lines, however they are cut into batches", async () => {
    const tenant = await server.tenant();
    const names = ["c-1", "c-2", "c-3"];
    // Short logs, one that is longer than a batch, and logs that take turns.
    const lines = [
      ...Array.from({ length: 12 }, (_, c) => [
        conversation(`s-${c}`),
        ...Array.from({ length: 50 }, (_, m) => message(`s-${c}`, `m-${m}`, `${m}`)),
      ]).flat(),
      ...names.map((name) => conversation(name)),
      ...Array.from({ length: 2_100 }, (_, m) => message("c-1", `m-${m}`, `${m}`)),
      ...Array.from({ length: 600 }, (_, m) => message(names[m % 3] ?? "", `n-${m}`, `${m + 2_100}`)),
    ];
    expect(await imported(tenant.key(), lines)).toMatchObject({
      lineCount: BigInt(lines.length),
      conversationCount: 15n,
      messageCount: 3_300n,
      errorCount: 0n,
    });
    const logs = new Map<string, { seqs: bigint[]; texts: number[] }>();
    for await (const { record } of tenant.key().transfer.exportConversations({})) {
      if (record?.kind.case === "conversation")
        logs.set(record.kind.value.conversation?.id ?? "", { seqs: [], texts: [] });
      if (record?.kind.case !== "message") continue;
      const { conversationId = "", seq = 0n, content = "" } = record.kind.value.message ?? {};
      logs.get(conversationId)?.seqs.push(seq);
      logs.get(conversationId)?.texts.push(Number(content));
    }
    expect(logs.size).toBe(15);
    for (const { seqs, texts } of logs.values()) {
      expect(seqs).toEqual(seqs.map((_, index) => BigInt(index + 1)));
      expect(texts).toEqual(texts.toSorted((a, b) => a - b));
    }
  });

  test("tells the bad lines of many batches in their order", async () => {
    const tenant = await server.tenant();
    const lines: (string | object)[] = [];
    const expected: bigint[] = [];
    for (let c = 0; c < 40; c++) {
      lines.push(conversation(`c-${c}`));
      for (let m = 0; m < 60; m++) lines.push(message(`c-${c}`, `m-${m}`, "x"));
      // One that is found as it is read, one that only the database knows.
      lines.push(c % 2 ? "nonsense" : message(`c-${c}`, "m", "x", { seq: "1000" }));
      expected.push(BigInt(lines.length));
    }
    const answer = await imported(tenant.key(), lines);
    expect(answer).toMatchObject({ conversationCount: 40n, messageCount: 2_400n, errorCount: 40n, stopped: false });
    expect(answer.errors.map(({ line }) => line)).toEqual(expected);
  });

  test("of events that name what is not there leaves a log that can be read, and leaves out what cannot be", async () => {
    const { conversations, events: log, transfer } = (await server.tenant()).key();
    const event = (seq: number, change: object) => ({ event: { event: { conversationId: "c", seq, ...change } } });
    const far = String(2n ** 63n - 1n);
    const answer = await imported({ transfer } as Clients, [
      { conversation: { conversation: { id: "c", createTime: "2025-01-01T00:00:00Z" } } },
      { message: { message: { conversationId: "c", seq: 1, content: "one" } } },
      event(2, { messageEdited: { message: { id: "gone", seq: 2 }, revision: 1 } }),
      event(3, { messageRestored: { message: { id: "gone", seq: 0 } } }),
      event(4, { messageEdited: { message: { seq: far }, revision: 1 } }),
      event(4, { messageDeleted: { messageId: "x", messageSeq: far } }),
      event(4, { messageRestored: { message: { seq: far } } }),
      event(4, { allMessagesDeleted: { count: far } }),
      event(4, { allMessagesRestored: { count: far } }),
      event(4, { readMarked: { memberId: "x", readSeq: far } }),
      event(0, { readMarked: { memberId: "x", readSeq: 1 } }),
    ]);
    const description = "event.change: names what comes after the event";
    expect(answer.errors.map((error) => [Number(error.line), error.description])).toEqual([
      ...[5, 6, 7, 8, 9, 10].map((line) => [line, description]),
      [11, "event.event.seq: must be greater than or equal to 1"],
    ]);
    const { conversations: made } = await conversations.listConversations({});
    const { events } = await log.listEvents({ conversationId: made[0]?.id ?? "" });
    expect(events.map(({ change }) => change)).toMatchObject([
      { case: "messageSent", value: { content: "one" } },
      { case: "messageEdited", value: { message: { id: "gone", seq: 2n, content: "" }, revision: 1 } },
      { case: "messageRestored", value: { message: { id: "gone", seq: 0n, content: "" } } },
    ]);
  });

  test("makes no member of an id that none can have", async () => {
    const tenant = await server.tenant();
    const clients = tenant.key();
    const taken = { memberId: "key:01900000-0000-7000-8000-000000000000" };
    const answer = await imported(clients, [
      conversation("c-1", { ownerId: taken.memberId }),
      {
        conversation: { conversation: { id: "c-2", createTime: time(0) }, participants: [{ memberId: "ann" }, taken] },
      },
      { conversation: { conversation: { id: "c-3", createTime: time(0) }, participants: [{ memberId: "a\u0007" }] } },
    ]);
    expect(answer.errors.map(({ description }) => description.split(":")[0])).toEqual([
      "conversation.conversation.owner_id",
      "conversation.participants[1].member_id",
      "conversation.participants[0].member_id",
    ]);
    const text = "select id from member where tenant_id = $1";
    expect(await server.database.query({ name: "test_members", text }, [tenant.id])).toEqual([]);
  });

  test("of messages with revisions gives each a number, and they can be edited afterwards", async () => {
    const { conversations, messages, transfer } = (await server.tenant()).key();
    const most = 2 ** 31 - 1;
    const etag = String(most);
    const edited = (content: string, more: object, ...revisions: object[]) => ({
      message: { message: { conversationId: "c", content, ...more }, revisions },
    });
    const answer = await imported({ transfer } as Clients, [
      conversation("c", { etag }),
      edited("without numbers", { etag }, { content: "a" }, { content: "b" }),
      edited("from one on", {}, { revision: 1, content: "a" }, { revision: 2, content: "b" }),
      edited("twice the same", { revision: 7 }, { revision: 3, content: "a" }, { revision: 3, content: "b" }),
      edited("too many", { revision: most }),
      edited("one too many", {}, { revision: most }),
    ]);
    const description = "message.message.revision: must be at most 1073741824";
    expect(answer.errors.map((error) => [Number(error.line), error.description])).toEqual([
      [5, description],
      [6, description],
    ]);
    const [conversationId = ""] = (await conversations.listConversations({})).conversations.map(({ id }) => id);
    await conversations.updateConversation({ conversationId, conversation: { title: "changed" } });
    const { messages: there } = await messages.listMessages({ conversationId });
    for (const { id: messageId } of there) {
      await messages.updateMessage({ messageId, message: { content: "c" } });
      await messages.updateMessage({ messageId, message: { content: "d" } });
    }
    const numbers = await Promise.all(
      there.map(async ({ id }) => (await messages.listMessageRevisions({ messageId: id })).revisions),
    );
    expect(numbers.map((revisions) => revisions.map(({ revision, content }) => [revision, content]))).toEqual([
      [
        [0, "a"],
        [1, "b"],
        [2, "without numbers"],
        [3, "c"],
      ],
      [
        [1, "a"],
        [2, "b"],
        [3, "from one on"],
        [4, "c"],
      ],
      [
        [0, "a"],
        [1, "b"],
        [7, "twice the same"],
        [8, "c"],
      ],
    ]);
  });

  test("adds nothing after the line that stops it, conversations neither", async () => {
    const tenant = await server.tenant();
    const lines = [
      conversation("c-1"),
      message("c-1", "m-1", "before"),
      message("c-1", "m-2", "gap", { seq: "9" }),
      conversation("c-2"),
      message("c-2", "m-1", "after"),
    ];
    const answer = await imported(tenant.key(), lines, true);
    expect(answer).toMatchObject({ conversationCount: 1n, messageCount: 1n, errorCount: 1n, stopped: true });
    expect(answer.errors).toMatchObject([{ line: 3n }]);
    expect(await exported(tenant.key())).toHaveLength(2);
  });

  test("adds each line once when it runs several times at once", async () => {
    const tenant = await server.tenant("ann");
    const ids = Array.from({ length: 300 }, () => newId());
    // Conversations and messages that another run may be adding, known by foreign ids and by ids of ours.
    const lines = Array.from({ length: 30 }, (_, c) => [
      conversation(`c-${c}`),
      ...Array.from({ length: 20 }, (_, m) => message(`c-${c}`, `m-${m}`, "x")),
      ...ids.slice(c * 10, c * 10 + 10).map((id) => message(`c-${c}`, id, "x")),
    ]);
    const runs = await Promise.all(
      [lines, lines.toReversed(), lines].map((order) => imported(tenant.key(), order.flat())),
    );
    const sum = (count: (answer: ImportConversationsResponse) => bigint) => runs.reduce((s, run) => s + count(run), 0n);
    expect(sum(({ conversationCount }) => conversationCount)).toBe(30n);
    expect(sum(({ messageCount }) => messageCount)).toBe(900n);
    expect(sum(({ errorCount }) => errorCount)).toBe(0n);
    expect(await exported(tenant.key())).toHaveLength(930);
  });

  test("F-CITUS-COPY names a message whose id another conversation gets at the same time", async () => {
    const tenant = await server.tenant();
    const [id, other] = [newId(), newId()];
    await imported(tenant.key(), [conversation(other)]);
    let running: Promise<ImportConversationsResponse> | undefined;
    await server.database.transaction(undefined, async (tx) => {
      const text = `insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
        values ($1, $2::uuid, 1, $3::uuid, 1, 'ann', 'first')`;
      await tx.query({ name: "other_message", text }, [tenant.id, other, id]);
      running = imported(tenant.key(), [conversation("c-1"), message("c-1", id, "second"), message("c-1", "m", "x")]);
      await expect.poll(() => lockWaits(server.database)).toHaveLength(1);
    });
    const answer = await running;
    expect(answer).toMatchObject({ conversationCount: 1n, messageCount: 1n, errorCount: 1n });
    expect(answer?.errors).toMatchObject([{ line: 2n, description: "message.id: it is in another conversation" }]);
  });

  test("takes many thousand messages with bounded memory", async () => {
    const tenant = await server.tenant();
    const count = 20_000;
    const before = process.memoryUsage().rss;
    const began = performance.now();
    const answer = await tenant.key().transfer.importConversations(
      (async function* () {
        yield { body: { data: Buffer.from(`${JSON.stringify(conversation("c-1"))}\n`) } };
        for (let from = 0; from < count; from += 500) {
          const lines = Array.from({ length: 500 }, (_, index) =>
            JSON.stringify(message("c-1", `m-${from + index}`, `message number ${from + index} of an import`)),
          );
          yield { body: { data: Buffer.from(`${lines.join("\n")}\n`) } };
        }
      })(),
    );
    const seconds = (performance.now() - began) / 1000;
    process.stderr.write(
      `${Math.round(count / seconds)} messages a second, ${(process.memoryUsage().rss - before) >> 20} MiB\n`,
    );
    expect(answer).toMatchObject({ messageCount: BigInt(count), errorCount: 0n, lineCount: BigInt(count) + 1n });
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  });
});

test("an import of very many very short lines lets others have their turn, and counts them all", async () => {
  const { transfer } = (await server.tenant()).key();
  const data = Buffer.concat([Buffer.from("x\n".repeat(9_000)), Buffer.alloc(400_000, "\n")]);
  // The server is in this process.
  let turns = 0;
  const ticking = setInterval(() => turns++, 1);
  const parts = (async function* () {
    yield { body: { data } };
  })();
  const answer = await transfer.importConversations(parts);
  clearInterval(ticking);
  expect(answer).toMatchObject({ lineCount: 409_000n, errorCount: 9_000n });
  expect(answer.errors).toHaveLength(1_000);
  expect(turns).toBeGreaterThan(15);
});

test("both speak newline-delimited JSON over REST", async () => {
  const tenant = await whole.tenant();
  const { credential } = await tenant.key("read", "admin");
  const conversation = { conversation: { conversation: { id: "c", title: "T", createTime: "2020-01-01T00:00:00Z" } } };
  const message = { message: { message: { conversationId: "c", content: "hi", createTime: "2020-01-01T00:00:01Z" } } };
  const lines = [JSON.stringify(conversation), "nonsense", JSON.stringify(message)];
  const answer = await fetch(`${whole.url}/v1/conversations:import`, {
    method: "POST",
    headers: { ...credential, "content-type": "application/x-ndjson" },
    body: `${lines.join("\n")}\n`,
  });
  expect([answer.status, await answer.json()]).toEqual([
    200,
    {
      lineCount: "3",
      conversationCount: "1",
      messageCount: "1",
      eventCount: "0",
      skippedCount: "0",
      stopped: false,
      errorCount: "1",
      errors: [{ line: "2", description: "is no record in JSON" }],
    },
  ]);
  const stopped = await fetch(`${whole.url}/v1/conversations:import?stopOnError=true`, {
    method: "POST",
    headers: credential,
    body: lines.join("\n"),
  });
  expect(await stopped.json()).toMatchObject({ stopped: true, lineCount: "2" });

  const out = await fetch(`${whole.url}/v1/conversations:export`, {
    headers: { ...credential, accept: "application/x-ndjson" },
  });
  expect(out.headers.get("content-type")).toMatch(/^application\/(x-)?ndjson/);
  const records = (await out.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records).toMatchObject([
    { conversation: { conversation: { title: "T", tenantId: tenant.id } } },
    { message: { message: { content: "hi", seq: "1" } } },
  ]);
});

test("an import is for administrators and keys with the scope admin, and asks for a credential first", async () => {
  const tenant = await whole.tenant();
  await tenant.addMember("ann");
  const send = async (headers: Record<string, string>) => {
    const answer = await fetch(`${whole.url}/v1/conversations:import`, { method: "POST", headers, body: "{}\n" });
    const { details } = (await answer.json()) as { details?: [{ reason: string }] };
    return [answer.status, details?.[0].reason];
  };
  expect(await send({})).toEqual([401, "CREDENTIAL_MISSING"]);
  expect(await send((await tenant.key("read", "write")).credential)).toEqual([403, "SCOPE_MISSING"]);
  expect(await send(await tenant.token("ann"))).toEqual([403, "PERMISSION_DENIED"]);
});
