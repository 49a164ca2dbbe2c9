// What a conversation says of its reader: the same conversation, seen by those who take part, by others, and by keys.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

test("the view is the reading member's own, and a key that acts for nobody has none", async () => {
  const tenant = await server.tenant("ann", "bob", "root");
  await tenant.addMembers({ boss: { role: "manager" }, eve: { manager: "boss" } });
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({
    participantIds: ["bob", "eve"],
    messages: [{ content: "one" }, { content: "two" }],
  });
  const conversationId = conversation?.id ?? "";
  await ann.participants.markRead({ conversationId, readSeq: 4n });

  const notReading = { participating: false, readSeq: 0n, unreadCount: 0 };
  const readers: [Clients, object | undefined][] = [
    [ann, { participating: true, readSeq: 4n, unreadCount: 0 }],
    [tenant.member("bob"), { participating: true, readSeq: 0n, unreadCount: 2 }],
    [tenant.key(["read"], "bob"), { participating: true, readSeq: 0n, unreadCount: 2 }],
    [tenant.member("boss", "manager"), notReading],
    [tenant.member("root", "admin"), notReading],
    [tenant.key(), undefined],
  ];
  for (const [{ conversations }, view] of readers) {
    const got = await conversations.getConversation({ conversationId });
    const listed = await conversations.listConversations({});
    const batch = await conversations.batchGetConversations({ conversationIds: [conversationId] });
    for (const one of [got.conversation, listed.conversations[0], batch.conversations[0]]) {
      if (view === undefined) expect(one?.memberView).toBeUndefined();
      else expect(one?.memberView).toMatchObject(view);
    }
  }
  // Who owns it need not take part.
  await ann.participants.removeParticipant({ conversationId, memberId: "ann" });
  const own = await ann.conversations.getConversation({ conversationId });
  expect(own.conversation).toMatchObject({ ownerId: "ann", memberView: notReading });
});
