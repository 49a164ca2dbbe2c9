// What other systems have is imported as if it had been added here, whatever it leaves out or overstates.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/domain/ids/id.ts";
import { conversationLine, exported, imported, messageLine, moment } from "../support/calls/transfer.ts";
import { reasonOf } from "../support/errors.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

let server: StoreServer;
let tenant: TestTenant;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

const members = (count: number) => Array.from({ length: count }, (_, n) => `m-${String(n).padStart(3, "0")}`);

/** All who take part, page by page. */
async function parts({ participants }: Clients, conversationId: string, pageSize = 7) {
  const found: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await participants.listParticipants({ conversationId, pageSize, pageToken });
    found.push(...page.participants.map(({ memberId }) => memberId));
    if (page.nextPageToken === "") return found;
    pageToken = page.nextPageToken;
  }
}

const onlyConversation = async ({ conversations }: Clients) => {
  const { conversations: all } = await conversations.listConversations({});
  expect(all).toHaveLength(1);
  return all[0] as (typeof all)[number];
};

describe("A5, F-IMPORT-DEFAULTS: participants", () => {
  test.each([
    ["without a joinSeq", () => ({})],
    ["of joinSeq 0", () => ({ joinSeq: "0" })],
    ["of one joinSeq", () => ({ joinSeq: "1" })],
    ["of three joinSeqs, none in order", (n: number) => ({ joinSeq: String(3 - (n % 3)) })],
    ["half of them without a joinSeq", (n: number) => (n % 2 ? { joinSeq: String(n) } : {})],
  ])("A5: %s are counted, listed once each, seen, exported and imported again", async (_, fields) => {
    tenant = await server.tenant();
    const names = members(120).toReversed();
    const lines = [
      conversationLine(
        "c",
        {},
        names.map((memberId, n) => ({ memberId, ...fields(n) })),
      ),
      ...Array.from({ length: 120 }, (_, n) => messageLine("c", `m-${n}`)),
    ];
    expect(await imported(tenant.key(), lines)).toMatchObject({
      conversationCount: 1n,
      messageCount: 120n,
      errors: [],
    });
    const { id, participantCount, participants } = await onlyConversation(tenant.key());
    expect(participantCount).toBe(120);
    expect(participants).toHaveLength(100);
    const listed = await parts(tenant.key(), id);
    expect(listed.toSorted()).toEqual(names.toSorted());
    for (const pageSize of [1, 50, 200]) expect(await parts(tenant.key(), id, pageSize)).toEqual(listed);
    expect(participants.map(({ memberId }) => memberId)).toEqual(listed.slice(0, 100));
    expect(await onlyConversation(tenant.member("m-060"))).toMatchObject({
      id,
      memberView: { participating: true, unreadCount: 120 },
    });
    const out = await exported(tenant.key());
    const other = await server.tenant();
    expect(await imported(other.key(), out)).toMatchObject({ errors: [] });
    expect((await exported(other.key())).map((line) => line.replaceAll(other.id, tenant.id))).toEqual(out);
    expect(await parts(other.key(), id)).toEqual(listed);
  });

  test("A5: without a joinSeq joined before the log, in the order in which they are named", async () => {
    tenant = await server.tenant("yan");
    const names = ["zoe", "ann", "mia"];
    await imported(tenant.key(), [
      conversationLine(
        "c",
        {},
        names.map((memberId) => ({ memberId })),
      ),
      messageLine("c", "m", { seq: "1" }),
    ]);
    const { id } = await onlyConversation(tenant.key());
    await tenant.key().participants.addParticipants({ conversationId: id, memberIds: ["yan", "zoe"] });
    expect(await parts(tenant.key(), id, 1)).toEqual(["zoe", "ann", "mia", "yan"]);
    const { conversation } = await tenant.key().conversations.getConversation({ conversationId: id });
    expect(conversation).toMatchObject({ participantCount: 4, lastSeq: 2n });
  });

  test("A5: rows that stores hold from before, of join_seq 0 or of one join_seq, are listed once each", async () => {
    tenant = await server.tenant(...members(30));
    const { conversation } = await tenant.key().conversations.createConversation({});
    const text = `insert into participant (tenant_id, conversation_id, member_id, join_seq) values ($1, $2, $3, $4)`;
    for (const [n, id] of members(30).entries()) {
      await server.database.query({ name: "old_participant", text }, [tenant.id, conversation?.id, id, n < 15 ? 0 : 7]);
    }
    for (const pageSize of [1, 4, 50]) {
      expect(await parts(tenant.key(), conversation?.id ?? "", pageSize)).toEqual(members(30));
    }
  });
});

test("F-IMPORT-DEFAULTS: a line without anything but ids gives what an ordinary call gives", async () => {
  tenant = await server.tenant("ann");
  const key = tenant.key();
  const { conversation: plain } = await key.conversations.createConversation({ participantIds: ["ann"] });
  const sent = await key.messages.sendMessage({ conversationId: plain?.id ?? "", message: { content: "hi" } });
  const id = newId();
  const answer = await imported(key, [
    { conversation: { conversation: { id }, participants: [{ memberId: "ann" }] } },
    { message: { message: { conversationId: id, content: "hi" } } },
  ]);
  expect(answer).toMatchObject({ errors: [], messageCount: 1n });
  const { conversation } = await tenant.member("ann").conversations.getConversation({ conversationId: id });
  const ordinary = await tenant.member("ann").conversations.getConversation({ conversationId: plain?.id ?? "" });
  for (const field of [
    ...(["status", "title", "ownerId", "maxContextLength", "participantCount", "messageCount"] as const),
    ...(["memberView", "number", "pinned", "metadata", "deleteTime"] as const),
  ]) {
    expect([field, conversation?.[field]]).toEqual([field, ordinary.conversation?.[field]]);
  }
  const { messages } = await key.messages.listMessages({ conversationId: id });
  for (const field of ["role", "state", "content", "revision", "etag", "metadata", "clientTime"] as const) {
    expect([field, messages[0]?.[field]]).toEqual([field, sent.message?.[field]]);
  }
});

test("F-IMPORT-DEFAULTS: odd ids and old times are kept, and lead to the same things again", async () => {
  tenant = await server.tenant();
  const odd = ["0", " ", "a/b?c#d%20", "ü".repeat(64), "…/../…", "\u{1F600}", "constructor", "__proto__", "A", "a"];
  const times = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z", "1582-10-15T00:00:00Z"];
  const lines = odd.flatMap((id, n) => [
    conversationLine(id, { title: id, createTime: times[n % times.length] }, [{ memberId: "ann" }]),
    messageLine(id, id, { createTime: times[n % times.length] }),
    messageLine(id, "m", { createTime: times[(n + 1) % times.length] }),
  ]);
  expect(await imported(tenant.key(), lines)).toMatchObject({
    conversationCount: BigInt(odd.length),
    messageCount: BigInt(2 * odd.length),
    errors: [],
  });
  const out = await exported(tenant.key());
  expect(await imported(tenant.key(), lines)).toMatchObject({ skippedCount: BigInt(lines.length), errors: [] });
  expect(await exported(tenant.key())).toEqual(out);
  const other = await server.tenant();
  expect(await imported(other.key(), out)).toMatchObject({ errors: [] });
  expect((await exported(other.key())).map((line) => line.replaceAll(other.id, tenant.id))).toEqual(out);
});

describe("A20: what lies beyond the log, or ahead of the clock, is brought back", () => {
  const far = String(2n ** 63n - 1n);

  test("A20: a read mark and a joinSeq become the end of the log that came", async () => {
    tenant = await server.tenant();
    const lines = [
      conversationLine("c", {}, [
        { memberId: "ann", readSeq: far, joinSeq: far },
        { memberId: "bob", readSeq: "2", joinSeq: "1" },
        { memberId: "cyd", readSeq: "4", joinSeq: "3" },
      ]),
      ...Array.from({ length: 3 }, (_, n) => messageLine("c", `m-${n}`)),
      conversationLine("empty", {}, [{ memberId: "ann", readSeq: "7" }]),
    ];
    expect(await imported(tenant.key(), lines)).toMatchObject({ errors: [] });
    const { conversations } = await tenant.key().conversations.listConversations({});
    const marks = conversations.map(({ participants }) => participants.map((p) => [p.memberId, p.readSeq]));
    expect(marks.toSorted((a, b) => a.length - b.length)).toEqual([
      [["ann", 0n]],
      [
        ["bob", 2n],
        ["ann", 3n],
        ["cyd", 3n],
      ],
    ]);
    const ann = tenant.member("ann");
    const conversationId = conversations.find(({ messageCount }) => messageCount === 3n)?.id ?? "";
    await tenant.key().messages.sendMessage({ conversationId, message: { content: "new" } });
    const { conversation } = await ann.conversations.getConversation({ conversationId });
    expect(conversation).toMatchObject({ memberView: { readSeq: 3n, unreadCount: 1 } });
    await ann.participants.markRead({ conversationId });
    expect((await ann.conversations.getConversation({ conversationId })).conversation).toMatchObject({
      memberView: { readSeq: 4n },
    });
  });

  test("A20: marks are kept in a log that takes many batches, and in one that goes on in a second import", async () => {
    tenant = await server.tenant();
    const entries = Array.from({ length: 5_000 }, (_, n) => messageLine("c", `m-${n}`));
    const head = conversationLine("c", {}, [
      { memberId: "ann", readSeq: "4500", joinSeq: "1" },
      { memberId: "bob", readSeq: "9000", joinSeq: "2" },
      { memberId: "cyd", readSeq: "3", joinSeq: "3" },
    ]);
    const cut = [head, ...entries.slice(0, 4_000), "nonsense", ...entries.slice(4_000)];
    expect(await imported(tenant.key(), cut, { stopOnError: true })).toMatchObject({ stopped: true });
    expect(await imported(tenant.key(), [head, ...entries])).toMatchObject({ errors: [], messageCount: 1_000n });
    const { participants, lastSeq } = await onlyConversation(tenant.key());
    expect(lastSeq).toBe(5_000n);
    const [ann, bob, cyd] = participants.map(({ readSeq }) => Number(readSeq));
    expect([ann, bob, cyd]).toEqual([4_500, 5_000, 3]);
    // The log has not grown: nothing is known anew.
    await imported(tenant.key(), [head]);
    expect((await onlyConversation(tenant.key())).participants).toEqual(participants);
  });

  test("A20: times of the year 9999 do not pass to what comes later", async () => {
    tenant = await server.tenant("ann");
    const late = "9999-12-31T23:59:59.999Z";
    const began = Date.now();
    const fields = { createTime: late, updateTime: late, deleteTime: undefined };
    const lines = [
      conversationLine("c", fields, [{ memberId: "ann", joinTime: late }]),
      messageLine("c", "m", { createTime: late, editTime: late }),
    ];
    expect(await imported(tenant.key(), lines)).toMatchObject({ errors: [] });
    expect(await imported(tenant.key(), lines)).toMatchObject({ skippedCount: 2n, errors: [] });
    const { id, createTime, updateTime, lastMessageTime } = await onlyConversation(tenant.key());
    const { message } = await tenant.key().messages.sendMessage({ conversationId: id, message: { content: "x" } });
    const { messages } = await tenant.key().messages.listMessages({ conversationId: id });
    const { participants } = await tenant.key().participants.listParticipants({ conversationId: id });
    const [first] = messages;
    const all = [createTime, updateTime, lastMessageTime, message?.createTime, first?.createTime, first?.editTime];
    for (const time of [...all, participants[0]?.joinTime]) {
      expect(Number(time?.seconds) * 1000).toBeLessThanOrEqual(Date.now());
      expect(Number(time?.seconds) * 1000).toBeGreaterThanOrEqual(began - 1000);
    }
  });

  test("A20: a number that people say is kept if it is free and can be counted on from", async () => {
    tenant = await server.tenant();
    const answer = await imported(tenant.key(), [
      conversationLine("a", { number: "41" }),
      conversationLine("b", { number: "41" }),
      conversationLine("c", { number: far }),
      conversationLine("d", { createTime: moment(9) }),
    ]);
    expect(answer.errors.map(({ line, description }) => [line, description])).toEqual([
      [3n, "conversation.conversation.number: must be at most 1000000000000"],
    ]);
    const { conversations } = await tenant.key().conversations.listConversations({});
    expect(conversations.map(({ number }) => number).toSorted()).toEqual([0n, 0n, 41n].toSorted());
    const conversationIds = conversations.map(({ id }) => id);
    const { numbers } = await tenant.key().conversations.assignConversationNumbers({ conversationIds });
    expect(numbers.map(({ number }) => number).toSorted()).toEqual([41n, 42n, 43n]);
  });

  test("A20: beyond the highest number none is given, as an export with it could not be imported", async () => {
    tenant = await server.tenant();
    const highest = 1_000_000_000_000n;
    await imported(tenant.key(), [conversationLine("a", { number: `${highest}` })]);
    const { conversation } = await tenant.key().conversations.createConversation({});
    const conversationIds = [conversation?.id ?? ""];
    const refused = tenant.key().conversations.assignConversationNumbers({ conversationIds });
    expect(await reasonOf(refused)).toBe("QUOTA_EXCEEDED");
    const { conversations } = await tenant.key().conversations.listConversations({});
    expect(conversations.map(({ number }) => number).toSorted()).toEqual([0n, highest]);
  });
});
