// Random reactions, replies, mentions, deletions and read marks, beside a model of them in memory.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

/** The same numbers for the same seed. */
function randomOf(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Said {
  readonly id: string;
  readonly seq: bigint;
  readonly sender: string;
  readonly replyTo: string;
  readonly mentions: readonly string[];
  deleted: boolean;
  /** In the order in which the kinds first came, with who reacted. */
  readonly reactions: Map<string, Set<string>>;
}

const MEMBERS = ["ann", "bob", "cy"];
const KINDS = ["👍", "🎉", ":ship-it:"];
const STEPS = 120;

test.each([1, 2, 3])("what is read is what a model says, after each of many random changes (%i)", async (seed) => {
  const random = randomOf(seed);
  const pick = <T>(of: readonly T[]): T => of[random(of.length)] as T;
  const tenant = await server.tenant(...MEMBERS);
  const clients = new Map(MEMBERS.map((name) => [name, tenant.member(name)] as const));
  const as = (name: string) => clients.get(name) ?? tenant.key();
  const { conversation } = await as("ann").conversations.createConversation({ participantIds: MEMBERS.slice(1) });
  const conversationId = conversation?.id ?? "";
  const said: Said[] = [];
  const read = new Map(MEMBERS.map((name) => [name, 0n]));
  const views = new Map<string, { pinned?: boolean; archived?: boolean; note?: string }>();
  let lastSeq = conversation?.lastSeq ?? 0n;
  const present = () => said.filter(({ deleted }) => !deleted);

  const changes: Readonly<Record<string, (who: string) => Promise<void>>> = {
    async send(who) {
      const replyTo = present().length > 0 && random(2) === 0 ? pick(present()).id : "";
      const mentions = MEMBERS.filter(() => random(3) === 0);
      const { message } = await as(who).messages.sendMessage({
        conversationId,
        message: { content: `m${said.length}`, replyTo, mentions },
      });
      lastSeq++;
      expect(message?.seq).toBe(lastSeq);
      const one = { id: message?.id ?? "", seq: lastSeq, sender: who, replyTo, mentions, deleted: false };
      said.push({ ...one, reactions: new Map() });
    },
    async react(who) {
      const one = present().length > 0 ? pick(present()) : undefined;
      if (one === undefined) return;
      const reaction = pick(KINDS);
      const reactors = one.reactions.get(reaction) ?? new Set();
      if (!reactors.has(who)) lastSeq++;
      one.reactions.set(reaction, reactors.add(who));
      await as(who).reactions.addReaction({ messageId: one.id, reaction });
    },
    async unreact(who) {
      const one = present().length > 0 ? pick(present()) : undefined;
      if (one === undefined) return;
      const reaction = pick(KINDS);
      const reactors = one.reactions.get(reaction);
      if (reactors?.delete(who)) lastSeq++;
      if (reactors?.size === 0) one.reactions.delete(reaction);
      await as(who).reactions.removeReaction({ messageId: one.id, reaction });
    },
    async flip() {
      if (said.length === 0) return;
      const one = pick(said);
      const ask = { messageId: one.id };
      if (one.deleted) await as("ann").messages.restoreMessage(ask);
      else await as("ann").messages.deleteMessage(ask);
      one.deleted = !one.deleted;
      lastSeq++;
    },
    async flipAll() {
      const gone = random(2) === 0;
      const changed = said.filter(({ deleted }) => deleted !== gone);
      if (gone) await as("ann").messages.deleteAllMessages({ conversationId });
      else await as("ann").messages.restoreAllMessages({ conversationId });
      for (const one of changed) one.deleted = gone;
      if (changed.length > 0) lastSeq++;
    },
    async mark(who) {
      const to = BigInt(1 + random(Number(lastSeq)));
      await as(who).participants.markRead({ conversationId, readSeq: to });
      if (to <= (read.get(who) ?? 0n)) return;
      read.set(who, to);
      lastSeq++;
    },
    // It leaves no entry, and what it does not name stays.
    async view(who) {
      const pinned = random(2) === 0;
      const change = pick([{ pinned }, { archived: pinned }, { note: String(random(9)) }]);
      views.set(who, { ...views.get(who), ...change });
      const { note, ...flags } = change as { note?: string };
      await as(who).participants.setMemberView({ conversationId, ...flags, ...(note && { metadata: { note } }) });
    },
  };

  const check = async (who: string) => {
    const { messages } = await as(who).messages.listMessages({ conversationId, pageSize: 200 });
    const expected = present().map((one) => {
      const replies = present().filter(({ replyTo }) => replyTo === one.id);
      return {
        id: one.id,
        replyCount: replies.length,
        reactions: [...one.reactions].map(([name, by]) => `${name} ${by.size} ${by.has(who)}`),
      };
    });
    expect(
      messages.map(({ id, replyCount, reactions }) => ({
        id,
        replyCount,
        reactions: reactions.map(({ reaction, count, mine }) => `${reaction} ${count} ${mine}`),
      })),
    ).toEqual(expected);
    const view = (await as(who).conversations.getConversation({ conversationId })).conversation;
    const unread = present().filter(({ seq, sender }) => seq > (read.get(who) ?? 0n) && sender !== who);
    const mentioned = unread.filter(({ mentions }) => mentions.includes(who));
    expect([view?.lastSeq, view?.memberView?.unreadCount, view?.memberView?.unreadMentionCount]).toEqual([
      lastSeq,
      unread.length,
      mentioned.length,
    ]);
    const { pinned = false, archived = false, note } = views.get(who) ?? {};
    const metadata = note === undefined ? undefined : { note };
    const { memberView: own } = view ?? {};
    expect([own?.pinned, own?.archived, own?.metadata]).toEqual([pinned, archived, metadata]);
    for (const byMe of [true, false]) {
      const listed = await as(who).conversations.listConversations({ pinnedByMe: byMe, archivedByMe: archived });
      expect(listed.conversations.length).toBe(byMe === pinned ? 1 : 0);
    }
    const marks = await as(who).participants.listReadMarks({ conversationId });
    expect(new Map(marks.readMarks.map(({ memberId, readSeq }) => [memberId, readSeq]))).toEqual(
      new Map([...read].filter(([, seq]) => seq > 0n)),
    );
  };

  const names = ["send", "send", "send", "react", "react", "react", "unreact", "flip", "mark", "view", "flipAll"];
  for (let step = 0; step < STEPS; step++) {
    await changes[names[random(names.length - (step % 20 === 0 ? 0 : 1))] as string]?.(pick(MEMBERS));
    if (step % 5 === 0) await check(pick(MEMBERS));
  }
  for (const who of MEMBERS) await check(who);
  for (const one of present()) {
    const { messages, unreadCount } = await as("bob").messages.listReplies({ messageId: one.id, pageSize: 200 });
    const mark = read.get("bob") ?? 0n;
    expect(unreadCount).toBe(
      present().filter(({ replyTo, seq, sender }) => replyTo === one.id && seq > mark && sender !== "bob").length,
    );
    expect(messages.map(({ id }) => id)).toEqual(
      present()
        .filter(({ replyTo }) => replyTo === one.id)
        .map(({ id }) => id),
    );
    const { message } = await as("bob").messages.getMessage({ messageId: one.id });
    expect(message?.lastReplyTime).toEqual(messages.at(-1)?.createTime);
  }
});
