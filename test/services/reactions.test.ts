// Reactions: one of a kind for each member and message, counted with the messages of any list, and in the log.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

async function begin(...more: string[]) {
  const tenant = await server.tenant("ann", "bob", "eve", ...more);
  const ann = tenant.member("ann");
  const participantIds = ["bob", ...more];
  const { conversation } = await ann.conversations.createConversation({ participantIds });
  const conversationId = conversation?.id ?? "";
  const { message } = await ann.messages.sendMessage({ conversationId, message: { content: "ship it?" } });
  return { tenant, ann, bob: tenant.member("bob"), conversationId, messageId: message?.id ?? "" };
}

type Counted = { readonly reaction: string; readonly count: number; readonly mine: boolean };
const short = (reactions: readonly Counted[] | undefined) =>
  (reactions ?? []).map(({ reaction, count, mine }) => `${reaction}${count}${mine ? "!" : ""}`).join(" ");

/** The same from every way to read the message, which must agree. */
async function seenBy({ messages }: Clients, conversationId: string, messageId: string): Promise<string> {
  const { message } = await messages.getMessage({ messageId });
  const list = await messages.listMessages({ conversationId });
  const filtered = await messages.listMessages({ conversationId, includeTotalSize: true });
  const batch = await messages.batchListMessages({ conversationIds: [conversationId] });
  const latest = await messages.batchListMessages({ conversationIds: [conversationId], latest: 5 });
  const search = await messages.searchMessages({ query: "ship", conversationId });
  const branch = await messages.listMessages({ conversationId, branchMessageId: messageId });
  const all = [
    list.messages,
    filtered.messages,
    batch.conversations[0]?.messages ?? [],
    latest.conversations[0]?.messages ?? [],
    search.matches.flatMap((match) => match.message ?? []),
    branch.messages,
  ].map((found) => short(found.find(({ id }) => id === messageId)?.reactions));
  expect(new Set([short(message?.reactions), ...all])).toEqual(new Set(all));
  return short(message?.reactions);
}

describe("a reaction", () => {
  test("comes with the message wherever it is read, with the counts and whether it is the caller's", async () => {
    const { ann, bob, conversationId, messageId } = await begin();
    expect(short((await ann.reactions.addReaction({ messageId, reaction: "👍" })).reactions)).toBe("👍1!");
    expect(short((await bob.reactions.addReaction({ messageId, reaction: "🎉" })).reactions)).toBe("👍1 🎉1!");
    expect(short((await bob.reactions.addReaction({ messageId, reaction: "👍" })).reactions)).toBe("👍2! 🎉1!");
    expect(await seenBy(ann, conversationId, messageId)).toBe("👍2! 🎉1");
    expect(await seenBy(bob, conversationId, messageId)).toBe("👍2! 🎉1!");
    await bob.reactions.removeReaction({ messageId, reaction: "👍" });
    expect(await seenBy(bob, conversationId, messageId)).toBe("👍1 🎉1!");
    expect(short((await ann.reactions.removeReaction({ messageId, reaction: "👍" })).reactions)).toBe("🎉1");
    expect(await seenBy(ann, conversationId, messageId)).toBe("🎉1");
  });

  test("that is added twice, or removed twice, changes nothing, also not the log", async () => {
    const { ann, conversationId, messageId } = await begin();
    const lastSeq = async () => (await ann.conversations.getConversation({ conversationId })).conversation?.lastSeq;
    await ann.reactions.addReaction({ messageId, reaction: ":ship-it:" });
    const after = await lastSeq();
    expect(short((await ann.reactions.addReaction({ messageId, reaction: ":ship-it:" })).reactions)).toBe(
      ":ship-it:1!",
    );
    expect(await lastSeq()).toBe(after);
    await ann.reactions.removeReaction({ messageId, reaction: ":ship-it:" });
    expect(short((await ann.reactions.removeReaction({ messageId, reaction: ":ship-it:" })).reactions)).toBe("");
    expect(await lastSeq()).toBe((after ?? 0n) + 1n);
    expect(short((await ann.reactions.addReaction({ messageId, reaction: ":ship-it:" })).reactions)).toBe(
      ":ship-it:1!",
    );
  });

  test("leaves the etag and the revision of its message", async () => {
    const { ann, bob, messageId } = await begin();
    const { message } = await ann.messages.getMessage({ messageId });
    await bob.reactions.addReaction({ messageId, reaction: "👍" });
    const { message: edited } = await ann.messages.updateMessage({
      messageId,
      message: { content: "ship it now?" },
      etag: message?.etag ?? "",
    });
    expect([edited?.revision, short(edited?.reactions)]).toEqual([1, "👍1"]);
  });

  test("is an entry of the log, by who reacted, and events hold no counts", async () => {
    const { ann, bob, conversationId, messageId } = await begin();
    await bob.reactions.addReaction({ messageId, reaction: "👍" });
    await bob.reactions.removeReaction({ messageId, reaction: "👍" });
    const { events } = await ann.events.listEvents({ conversationId });
    expect(events.map(({ seq, actor, change }) => [seq, actor?.id, change.case])).toEqual([
      [1n, "ann", "participantAdded"],
      [2n, "ann", "participantAdded"],
      [3n, "ann", "messageSent"],
      [4n, "bob", "reactionAdded"],
      [5n, "bob", "reactionRemoved"],
    ]);
    expect(events[2]?.change.value).toMatchObject({ id: messageId, reactions: [] });
    expect(events[3]?.change.value).toMatchObject({ messageId, messageSeq: 3n, reaction: "👍" });
  });

  test("wakes who follows the conversation", async () => {
    const { ann, bob, conversationId, messageId } = await begin();
    const stop = new AbortController();
    const stream = ann.events.subscribe({ conversationId, afterSeq: 3n }, { signal: stop.signal });
    const seen = (async () => {
      for await (const { event } of stream) if (event) return [event.seq, event.change.case];
      return [];
    })();
    await bob.reactions.addReaction({ messageId, reaction: "👍" });
    expect(await seen).toEqual([4n, "reactionAdded"]);
    stop.abort();
  });

  test("is hidden with a deleted message and restored with it", async () => {
    const { ann, bob, conversationId, messageId } = await begin();
    await bob.reactions.addReaction({ messageId, reaction: "👍" });
    await ann.messages.deleteMessage({ messageId });
    for (const call of [
      () => bob.reactions.addReaction({ messageId, reaction: "🎉" }),
      () => bob.reactions.removeReaction({ messageId, reaction: "👍" }),
      () => bob.reactions.listReactions({ messageId }),
    ]) {
      expect((await failureOf(call())).reason).toBe("NOT_FOUND");
    }
    const hidden = await ann.events.listEvents({ conversationId });
    expect(hidden.events[3]?.change.value).toMatchObject({ messageId, reaction: "" });
    const { message } = await bob.messages.getMessage({ messageId, deleted: DeletedFilter.ONLY });
    expect(short(message?.reactions)).toBe("👍1!");
    const everywhere = await bob.messages.listMessages({ conversationId: "-", deleted: DeletedFilter.ONLY });
    expect(everywhere.messages.map(({ reactions }) => short(reactions))).toEqual(["👍1!"]);
    await ann.messages.restoreMessage({ messageId });
    expect(await seenBy(bob, conversationId, messageId)).toBe("👍1!");
  });

  test("of an API key counts once, and is its own", async () => {
    const { tenant, conversationId, messageId } = await begin();
    const key = tenant.key();
    expect(short((await key.reactions.addReaction({ messageId, reaction: "🤖" })).reactions)).toBe("🤖1!");
    expect(short((await key.reactions.addReaction({ messageId, reaction: "🤖" })).reactions)).toBe("🤖1!");
    expect(await seenBy(key, conversationId, messageId)).toBe("🤖1!");
    expect(await seenBy(tenant.key(), conversationId, messageId)).toBe("🤖1");
  });
});

test("64 members who react to one message at once are all counted, none twice", async () => {
  const names = Array.from({ length: 64 }, (_, n) => `m${n}`);
  const { tenant, ann, conversationId, messageId } = await begin(...names);
  const adding = names.flatMap((name) => {
    const { reactions } = tenant.member(name);
    return [reactions.addReaction({ messageId, reaction: "👍" }), reactions.addReaction({ messageId, reaction: "👍" })];
  });
  await Promise.all(adding);
  expect(await seenBy(ann, conversationId, messageId)).toBe("👍64");
  const { conversation } = await ann.conversations.getConversation({ conversationId });
  expect(conversation?.lastSeq).toBe(67n + 64n);
  const removing = names.slice(0, 40).flatMap((name) => {
    const { reactions } = tenant.member(name);
    const reaction = { messageId, reaction: "👍" };
    return [reactions.removeReaction(reaction), reactions.removeReaction({ ...reaction, requestId: newId() })];
  });
  await Promise.all(removing);
  expect(await seenBy(ann, conversationId, messageId)).toBe("👍24");
});

test("a retry with a request id returns the first response, whatever came since", async () => {
  const { ann, bob, messageId } = await begin();
  const asked = { messageId, reaction: "👍", requestId: newId() };
  expect(short((await ann.reactions.addReaction(asked)).reactions)).toBe("👍1!");
  await bob.reactions.addReaction({ messageId, reaction: "👍" });
  await ann.reactions.removeReaction({ messageId, reaction: "👍" });
  expect(short((await ann.reactions.addReaction(asked)).reactions)).toBe("👍1!");
  expect((await failureOf(ann.reactions.addReaction({ ...asked, reaction: "🎉" }))).reason).toBe("REQUEST_ID_REUSED");
});

test("who does not see the conversation finds no message, and who only sees it may not react", async () => {
  const { tenant, ann, messageId } = await begin();
  const eve = tenant.member("eve").reactions;
  const unknown = await failureOf(eve.addReaction({ messageId: newId(), reaction: "👍" }));
  for (const call of [
    () => eve.addReaction({ messageId, reaction: "👍" }),
    () => eve.removeReaction({ messageId, reaction: "👍" }),
    () => eve.listReactions({ messageId }),
    () => ann.reactions.addReaction({ messageId: "nothing", reaction: "👍" }),
  ]) {
    expect(await failureOf(call())).toEqual(unknown);
  }
  await tenant.addMembers({ boss: { role: "manager" }, sub: { manager: "boss" } });
  const sub = tenant.member("sub");
  const { conversation } = await sub.conversations.createConversation({});
  const sent = await sub.messages.sendMessage({ conversationId: conversation?.id ?? "", message: { content: "x" } });
  const boss = tenant.member("boss", "manager").reactions;
  const own = { messageId: sent.message?.id ?? "", reaction: "👍" };
  expect((await failureOf(boss.addReaction(own))).reason).toBe("PERMISSION_DENIED");
  expect((await boss.listReactions({ messageId: own.messageId })).reactions).toEqual([]);
});

test("a list says who reacted and how, oldest first, page by page, of one kind if asked", async () => {
  const { tenant, ann, bob, messageId } = await begin("cy");
  await bob.reactions.addReaction({ messageId, reaction: "🎉" });
  await ann.reactions.addReaction({ messageId, reaction: "👍" });
  await tenant.member("cy").reactions.addReaction({ messageId, reaction: "🎉" });
  const all = async (more: object) => {
    const found: string[] = [];
    for (let pageToken = ""; ; ) {
      const page = await ann.reactions.listReactions({ messageId, pageSize: 1, pageToken, ...more });
      found.push(...page.reactions.map(({ reaction, actor }) => `${actor?.id} ${reaction}`));
      if (page.nextPageToken === "") return found.sort();
      pageToken = page.nextPageToken;
    }
  };
  expect(await all({})).toEqual(["ann 👍", "bob 🎉", "cy 🎉"]);
  expect(await all({ reaction: "🎉" })).toEqual(["bob 🎉", "cy 🎉"]);
  expect(await all({ reaction: "👎" })).toEqual([]);
});

test("a message takes 100 different reactions and shows the first 50 kinds", async () => {
  const { ann, bob, messageId } = await begin();
  for (let n = 0; n < 100; n++) await ann.reactions.addReaction({ messageId, reaction: `:r${n}:` });
  const failure = await failureOf(bob.reactions.addReaction({ messageId, reaction: "👍" }));
  expect([failure.reason, failure.message]).toEqual([
    "QUOTA_EXCEEDED",
    "a message can have at most 100 different reactions",
  ]);
  const { reactions } = await bob.reactions.addReaction({ messageId, reaction: ":r99:" });
  expect([reactions.length, reactions[0]?.reaction, reactions[49]?.reaction]).toEqual([50, ":r0:", ":r49:"]);
});

test("a fork shows no reactions to what it inherits, and the origin keeps its own", async () => {
  const { ann, bob, conversationId, messageId } = await begin();
  await bob.reactions.addReaction({ messageId, reaction: "👍" });
  const { conversation } = await ann.conversations.forkConversation({ conversationId });
  const fork = await ann.messages.listMessages({ conversationId: conversation?.id ?? "" });
  expect(fork.messages.map(({ id, reactions }) => [id, reactions])).toEqual([[messageId, []]]);
  const batch = await ann.messages.batchListMessages({ conversationIds: [conversation?.id ?? ""] });
  expect(batch.conversations[0]?.messages[0]?.reactions).toEqual([]);
  expect(await seenBy(ann, conversationId, messageId)).toBe("👍1");
});

test("an export holds the reactions, and an import has them again, also a second time", async () => {
  const { ann, bob, conversationId, messageId } = await begin();
  await bob.reactions.addReaction({ messageId, reaction: "🎉" });
  await ann.reactions.addReaction({ messageId, reaction: "👍" });
  await ann.reactions.addReaction({ messageId, reaction: "🎉" });
  await ann.reactions.removeReaction({ messageId, reaction: "👍" });
  const lines = await exported(ann, conversationId);
  const other = await server.tenant("ann", "bob");
  const admin = other.key();
  expect(await imported(admin, lines)).toMatchObject({ errors: [] });
  expect(await seenBy(other.member("bob"), conversationId, messageId)).toBe("🎉2!");
  expect(await exported(other.member("ann"), conversationId)).toEqual(
    lines.map((line) => line.replaceAll(/"tenantId":"[^"]+"/g, `"tenantId":"${other.id}"`)),
  );
  const again = await imported(admin, lines);
  expect([again.conversationCount, again.messageCount, again.eventCount, again.errors]).toEqual([0n, 0n, 0n, []]);
  expect(await seenBy(other.member("bob"), conversationId, messageId)).toBe("🎉2!");
  await other.member("bob").reactions.removeReaction({ messageId, reaction: "🎉" });
  expect(await seenBy(other.member("ann"), conversationId, messageId)).toBe("🎉1!");
});

test("an import refuses what is no reaction, and keeps the first 100 kinds", async () => {
  const { tenant, ann, conversationId, messageId } = await begin();
  await ann.reactions.addReaction({ messageId, reaction: ":first:" });
  const [conversation = ""] = await exported(ann, conversationId);
  const line = (reactions: object[]) => ({ reactions: { conversationId, messageId, reactions } });
  const kinds = Array.from({ length: 120 }, (_, n) => ({ reaction: `:k${n}:`, actor: { id: `m${n % 3}` } }));
  const lines = [conversation, line([{ reaction: "👍👍" }]), line(kinds)];
  const { errors } = await imported(tenant.key(), lines);
  expect(errors.map(({ line, description }) => [line, description])).toEqual([
    [
      2n,
      "reactions.reactions[0].reaction: must be one emoji, or a name of a-z, A-Z, 0-9, `_`, `+` and `-` between colons",
    ],
  ]);
  const { message } = await ann.messages.getMessage({ messageId });
  expect(message?.reactions.length).toBe(50);
  const { reactions } = await ann.reactions.listReactions({ messageId, pageSize: 200 });
  expect([reactions.length, reactions.some(({ reaction }) => reaction === ":first:")]).toEqual([100, true]);
  expect(reactions.some(({ reaction }) => reaction === ":k99:")).toBe(false);
});

test("no message gets more kinds than it takes, however many come at once over two servers", async () => {
  const other = await startStoreServer({ beside: server });
  const { tenant, ann, messageId } = await begin();
  // It has some, which is what a statement that waits has seen.
  await ann.reactions.addReaction({ messageId, reaction: ":k0:" });
  const there = other.sameTenant(tenant).member("ann");
  const adding = Array.from({ length: 130 }, (_, at) =>
    (at % 2 ? ann : there).reactions.addReaction({ messageId, reaction: `:k${at + 1}:` }),
  );
  const done = await Promise.allSettled(adding);
  expect(done.filter(({ status }) => status === "fulfilled")).toHaveLength(99);
  const { reactions } = await ann.reactions.listReactions({ messageId, pageSize: 200 });
  expect(reactions).toHaveLength(100);
  await other.close();
});
