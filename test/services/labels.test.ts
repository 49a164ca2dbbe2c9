// Labels of conversations: set, changed, found by, carried along.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationOrder } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

type Labels = Record<string, string>;

async function create(clients: Clients, title: string, labels: Labels, participantIds: string[] = []): Promise<string> {
  const { conversation } = await clients.conversations.createConversation({
    conversation: { title, labels },
    participantIds,
    messages: [{ content: `about ${title}` }],
  });
  return conversation?.id ?? "";
}

const labelsOf = async (clients: Clients, conversationId: string) =>
  (await clients.conversations.getConversation({ conversationId })).conversation?.labels;

describe("labels", () => {
  test("are kept as given, replaced as a whole, and emptied by the mask", async () => {
    const tenant = await server.tenant("ann");
    const ann = tenant.member("ann");
    const labels = { team: "support", "app.io/tier": "gold", a: "", z9: "ü".repeat(255) };
    const conversationId = await create(ann, "one", labels);
    expect(await labelsOf(ann, conversationId)).toEqual(labels);

    const update = async (request: object) =>
      (await ann.conversations.updateConversation({ conversationId, ...request })).conversation;
    const before = await update({ conversation: { title: "two" } });
    expect(before?.labels).toEqual(labels);
    const changed = await update({ conversation: { labels: { team: "sales" } } });
    expect([changed?.labels, changed?.title]).toEqual([{ team: "sales" }, "two"]);
    expect(changed?.etag).not.toBe(before?.etag);
    const same = await update({ conversation: { labels: { team: "sales" } }, updateMask: { paths: ["labels"] } });
    expect(same?.etag).toBe(changed?.etag);
    const { events } = await ann.events.listEvents({ conversationId, afterSeq: before?.lastSeq ?? 0n });
    expect(events.map(({ change }) => change.value)).toMatchObject([{ updateMask: { paths: ["labels"] } }]);

    const emptied = await update({ updateMask: { paths: ["labels"] } });
    expect(emptied?.labels).toEqual({});
    expect((await ann.conversations.listConversations({ labels: { team: "sales" } })).conversations).toEqual([]);
  });

  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`key-${n}`, "x"]));
  const pattern =
    "the key must be 1 to 63 of the characters a-z, 0-9, ., _, / and -, the first and the last a letter or digit";
  test.each<[string, Labels, string]>([
    ["too many", many(33), "conversation.labels: map must be at most 32 entries"],
    ["an empty key", { "": "x" }, `conversation.labels[""]: ${pattern}`],
    ["a key with capitals", { Team: "x" }, `conversation.labels["Team"]: ${pattern}`],
    ["a key that ends in a mark", { "team-": "x" }, `conversation.labels["team-"]: ${pattern}`],
    [
      "a key that is too long",
      { [`k${"x".repeat(63)}`]: "x" },
      `conversation.labels["k${"x".repeat(63)}"]: ${pattern}`,
    ],
    [
      "a value that is too long",
      { team: "x".repeat(256) },
      'conversation.labels["team"]: must be at most 255 characters',
    ],
    ["a value with NUL", { team: "\0" }, 'conversation.labels["team"]: must not hold the character U+0000'],
  ])("with %s are refused by name", async (_, labels, message) => {
    const tenant = await server.tenant("ann");
    const { conversations } = tenant.member("ann");
    expect(await failureOf(conversations.createConversation({ conversation: { labels } }))).toEqual({
      code: "InvalidArgument",
      reason: "INVALID_FIELD",
      message,
    });
    expect(await failureOf(conversations.listConversations({ labels }))).toMatchObject({
      message: message.replace("conversation.", ""),
    });
  });

  test("take as many as there may be", async () => {
    const tenant = await server.tenant("ann");
    const labels = { ...many(30), [`k${"x".repeat(62)}`]: "y", "0": "z" };
    expect(await labelsOf(tenant.key(), await create(tenant.member("ann"), "full", labels))).toEqual(labels);
  });

  test("are the same for a repeat and for the next page, in whatever order they come", async () => {
    const tenant = await server.tenant("ann");
    const { conversations } = tenant.member("ann");
    const [one, other] = [
      { a: "1", b: "2" },
      { b: "2", a: "1" },
    ];
    const ask = (labels: Labels, title: string) =>
      conversations.createConversation({ conversation: { title, labels }, requestId: title });
    const first = await ask(one, "x");
    expect((await ask(other, "x")).conversation?.id).toBe(first.conversation?.id);
    await ask(one, "y");
    expect(await failureOf(ask({ a: "1" }, "y"))).toMatchObject({ reason: "REQUEST_ID_REUSED" });
    const { nextPageToken: pageToken } = await conversations.listConversations({ labels: one, pageSize: 1 });
    const next = await conversations.listConversations({ labels: other, pageSize: 1, pageToken });
    expect(next.conversations.map(({ title }) => title)).toEqual(["x"]);
    expect(
      await failureOf(conversations.listConversations({ labels: { a: "1" }, pageSize: 1, pageToken })),
    ).toMatchObject({ reason: "INVALID_PAGE_TOKEN" });
  });

  test("come with exports and imports, which find by them", async () => {
    const tenant = await server.tenant("ann");
    await create(tenant.member("ann"), "one", { team: "support", tier: "gold" });
    await create(tenant.member("ann"), "two", {});
    const lines = await exported(tenant.key());
    const copy = await server.tenant();
    expect(await imported(copy.key(), lines)).toMatchObject({ errors: [], conversationCount: 2n });
    const labelsIn = (all: readonly string[]) =>
      all.flatMap((line) => (JSON.parse(line) as { conversation?: { conversation: object } }).conversation ?? []);
    expect(labelsIn(await exported(copy.key())).map(({ conversation }) => conversation)).toMatchObject([
      { title: "one", labels: { team: "support", tier: "gold" } },
      { title: "two" },
    ]);
    const found = await copy
      .key()
      .conversations.listConversations({ labels: { tier: "gold" }, includeTotalSize: true });
    expect([found.conversations.map(({ title }) => title), found.totalSize]).toEqual([["one"], 1n]);
    const bad = {
      conversation: { conversation: { id: "c-1", createTime: "2024-01-01T00:00:00Z", labels: { X: "" } } },
    };
    expect((await imported(copy.key(), [bad])).errors).toMatchObject([
      { description: `conversation.conversation.labels["X"]: ${pattern}` },
    ]);
  });
});

describe("lists by labels", () => {
  let tenant: TestTenant;
  let viewers: Record<string, Clients>;
  const made: string[] = [];

  beforeAll(async () => {
    tenant = await server.tenant("ann", "bob", "root");
    await tenant.addMembers({ boss: { role: "manager" }, sub: { manager: "boss" } });
    const ann = tenant.member("ann");
    for (let n = 0; n < 6; n++) {
      const labels = { team: n % 2 === 0 ? "even" : "odd", third: `${n % 3}`, ...(n === 5 && { last: "yes" }) };
      made.push(await create(ann, `c${n}`, labels, ["sub"]));
    }
    await create(tenant.member("bob"), "other", { team: "even", third: "0" });
    await create(ann, "plain", {});
    viewers = {
      ann,
      boss: tenant.member("boss", "manager"),
      root: tenant.member("root", "admin"),
      key: tenant.key(),
    };
  });

  const titles = async (clients: Clients, request: object) => {
    const { conversations, totalSize } = await clients.conversations.listConversations(request);
    return [conversations.map(({ title }) => title).join(" "), totalSize];
  };

  test.each([
    ["ann", "c4 c2 c0", "c0", "c5"],
    ["boss", "c4 c2 c0", "c0", "c5"],
    ["root", "other c4 c2 c0", "other c0", "c5"],
    ["key", "other c4 c2 c0", "other c0", "c5"],
  ])("show %s what it sees and has all of them, in order, counted", async (viewer, even, both, last) => {
    const clients = viewers[viewer] as Clients;
    const count = (text: string) => BigInt(text.split(" ").length);
    for (const includeTotalSize of [false, true]) {
      const check = async (labels: Labels, expected: string) =>
        expect(await titles(clients, { labels, includeTotalSize })).toEqual([
          expected,
          includeTotalSize ? count(expected) : undefined,
        ]);
      await check({ team: "even" }, even);
      await check({ third: "0", team: "even" }, both);
      await check({ last: "yes" }, last);
    }
    const none = { labels: { team: "even", third: "7" }, includeTotalSize: true };
    expect(await titles(clients, none)).toEqual(["", 0n]);
    const [oldest] = await titles(clients, { labels: { team: "even" }, order: ConversationOrder.OLDEST_FIRST });
    expect(oldest).toBe(even.split(" ").toReversed().join(" "));
    const active = { labels: { team: "even" }, order: ConversationOrder.LATEST_ACTIVITY_FIRST };
    expect((await titles(clients, active))[0]).toBe(even);
  });

  test.each(["ann", "boss", "root", "key"])("come to %s page by page, none skipped and none twice", async (viewer) => {
    const { conversations } = viewers[viewer] as Clients;
    for (const order of [ConversationOrder.NEWEST_FIRST, ConversationOrder.OLDEST_FIRST]) {
      const labels = { team: "odd" };
      const found: string[] = [];
      for (let pageToken = ""; ; ) {
        const page = await conversations.listConversations({ labels, order, pageSize: 1, pageToken });
        found.push(...page.conversations.map(({ title }) => title));
        pageToken = page.nextPageToken;
        if (pageToken === "") break;
      }
      const expected = ["c5", "c3", "c1"];
      expect(found).toEqual(order === ConversationOrder.NEWEST_FIRST ? expected : expected.toReversed());
      const skipped = await conversations.listConversations({ labels, order, skip: 2 });
      expect(skipped.conversations.map(({ title }) => title)).toEqual(found.slice(2));
    }
  });

  test("go with other filters", async () => {
    const key = viewers.key as Clients;
    expect((await titles(key, { labels: { team: "even" }, ownerId: "bob" }))[0]).toBe("other");
    expect((await titles(key, { labels: { team: "even" }, participantId: "sub" }))[0]).toBe("c4 c2 c0");
    expect((await titles(key, { labels: { team: "even" }, pinned: true }))[0]).toBe("");
    expect((await titles(viewers.ann as Clients, { labels: { team: "even" }, ownedOnly: true }))[0]).toBe("c4 c2 c0");
  });

  test("are those of searches too", async () => {
    for (const [viewer, expected] of [
      ["ann", ["about c0", "about c2", "about c4"]],
      ["key", ["about c0", "about c2", "about c4", "about other"]],
    ] as const) {
      const { messages } = viewers[viewer] as Clients;
      const { matches } = await messages.searchMessages({ query: "about", labels: { team: "even" } });
      expect(matches.map(({ message }) => message?.content).toSorted()).toEqual(expected);
      const both = await messages.searchMessages({ query: "about", labels: { team: "odd", last: "yes" } });
      expect(both.matches.map(({ message }) => message?.content)).toEqual(["about c5"]);
      expect((await messages.searchMessages({ query: "about", labels: { last: "no" } })).matches).toEqual([]);
    }
  });

  test("follow what changes: labels, deletion and purging", async () => {
    const key = viewers.key as Clients;
    const id = await create(viewers.ann as Clients, "moving", { stage: "a", team: "x" });
    const stage = async (value: string, more: object = {}) =>
      (await titles(key, { labels: { stage: value }, ...more }))[0];
    expect(await stage("a")).toBe("moving");
    const change = (labels: Labels) =>
      key.conversations.updateConversation({ conversationId: id, conversation: { labels } });
    await change({ stage: "b" });
    expect([await stage("a"), await stage("b"), (await titles(key, { labels: { team: "x" } }))[0]]).toEqual([
      "",
      "moving",
      "",
    ]);
    await key.conversations.deleteConversation({ conversationId: id });
    expect(await stage("b")).toBe("");
    expect(await stage("b", { deleted: DeletedFilter.ONLY })).toBe("moving");
    await key.conversations.purgeConversation({ conversationId: id });
    const rows = {
      name: "test_labels",
      text: "select 1 from conversation_label where tenant_id = $1 and conversation_id = $2",
    };
    expect(await server.database.query(rows, [tenant.id, id])).toEqual([]);
  });
});
