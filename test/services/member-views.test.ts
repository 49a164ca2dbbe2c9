// What a conversation is to one participant alone, and how far each has read.
import { afterAll, beforeAll, expect, test } from "vitest";
import { NotificationLevel } from "../../gen/colloquy/v1/conversation_pb.ts";
import { exported } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

async function begin() {
  const tenant = await server.tenant("ann", "bob", "eve");
  const [ann, bob] = [tenant.member("ann"), tenant.member("bob")];
  const make = async () => {
    const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
    return conversation?.id ?? "";
  };
  return { tenant, ann, bob, make, conversationId: await make() };
}

const viewOf = async ({ conversations }: Clients, conversationId: string) =>
  (await conversations.getConversation({ conversationId })).conversation?.memberView;
const FAR = { seconds: 32_503_680_000n, nanos: 0 };
const PAST = { seconds: 1n, nanos: 0 };

test("a member's view is its own: others see neither it nor an event, and the etag stays", async () => {
  const { ann, bob, conversationId } = await begin();
  const before = (await ann.conversations.getConversation({ conversationId })).conversation;
  const { memberView } = await bob.participants.setMemberView({
    conversationId,
    pinned: true,
    archived: true,
    mutedUntil: FAR,
    notificationLevel: NotificationLevel.MENTIONS,
    metadata: { color: "red" },
  });
  expect(memberView).toMatchObject({
    participating: true,
    pinned: true,
    archived: true,
    mutedUntil: FAR,
    notificationLevel: NotificationLevel.MENTIONS,
    metadata: { color: "red" },
  });
  expect(await viewOf(bob, conversationId)).toEqual(memberView);
  expect((await ann.conversations.getConversation({ conversationId })).conversation).toEqual(before);
  expect((await exported(ann, conversationId)).join()).not.toContain("red");
});

test("what a request leaves out stays, and what it sets to nothing is gone", async () => {
  const { bob, conversationId } = await begin();
  const set = async (more: object) => {
    const { memberView } = await bob.participants.setMemberView({ conversationId, ...more });
    const { pinned, archived, mutedUntil, notificationLevel, metadata } = memberView ?? {};
    return [pinned, archived, mutedUntil?.seconds, notificationLevel, metadata];
  };
  expect(await set({ pinned: true })).toEqual([true, false, undefined, 0, undefined]);
  expect(await set({ mutedUntil: FAR })).toEqual([true, false, FAR.seconds, 0, undefined]);
  expect(await set({ metadata: { a: 1 }, notificationLevel: 3 })).toEqual([true, false, FAR.seconds, 3, { a: 1 }]);
  expect(await set({})).toEqual([true, false, FAR.seconds, 3, { a: 1 }]);
  expect(await set({ mutedUntil: PAST, pinned: false })).toEqual([false, false, undefined, 3, { a: 1 }]);
  expect(await set({ metadata: {}, notificationLevel: 0 })).toEqual([false, false, undefined, 0, undefined]);
  expect(await failureOf(set({ metadata: { a: "x".repeat(4096) } }))).toMatchObject({
    reason: "INVALID_FIELD",
    message: "metadata: must be at most 4096 bytes as JSON",
  });
});

test("lists are filtered by the caller's own view", async () => {
  const { ann, bob, make, conversationId } = await begin();
  const other = await make();
  await bob.participants.setMemberView({ conversationId, pinned: true, mutedUntil: FAR });
  await bob.participants.setMemberView({ conversationId: other, archived: true });
  const listed = async ({ conversations }: Clients, filter: object) =>
    (await conversations.listConversations(filter)).conversations.map(({ id }) => id);
  expect(await listed(bob, { pinnedByMe: true })).toEqual([conversationId]);
  expect(await listed(bob, { pinnedByMe: false })).toEqual([other]);
  expect(await listed(bob, { archivedByMe: false })).toEqual([conversationId]);
  expect(await listed(bob, { mutedByMe: true })).toEqual([conversationId]);
  expect(await listed(bob, { mutedByMe: false, includeTotalSize: true })).toEqual([other]);
  expect(await listed(ann, { pinnedByMe: true })).toEqual([]);
  expect(await listed(ann, { archivedByMe: false })).toHaveLength(2);
});

test("who takes no part has no view, and for strangers there is no conversation", async () => {
  const { tenant, conversationId } = await begin();
  const set = ({ participants }: Clients) => failureOf(participants.setMemberView({ conversationId, pinned: true }));
  expect((await set(tenant.member("eve"))).reason).toBe("NOT_FOUND");
  expect((await set(tenant.key())).reason).toBe("PERMISSION_DENIED");
});

test("read marks say who has read how far and when, of all or of who has reached a message", async () => {
  const { ann, bob, conversationId } = await begin();
  const marks = async (more: object = {}) =>
    (await ann.participants.listReadMarks({ conversationId, ...more })).readMarks.map(({ memberId, readSeq }) => [
      memberId,
      readSeq,
    ]);
  expect(await marks()).toEqual([]);
  const { message } = await ann.messages.sendMessage({ conversationId, message: { content: "hi" } });
  await bob.participants.markRead({ conversationId });
  await ann.participants.markRead({ conversationId, readSeq: 1n });
  const [first, second] = [await marks({ pageSize: 1 }), await marks()];
  expect([first, second.toSorted()]).toEqual([
    [second[0]],
    [
      ["ann", 1n],
      ["bob", 3n],
    ],
  ]);
  expect(await marks({ reachedSeq: message?.seq ?? 0n })).toEqual([["bob", 3n]]);
  const { readMarks } = await ann.participants.listReadMarks({ conversationId });
  expect(readMarks.every(({ readTime }) => readTime !== undefined)).toBe(true);
  const view = await viewOf(bob, conversationId);
  expect(view?.lastReadTime).toEqual(readMarks.find(({ memberId }) => memberId === "bob")?.readTime);
});
