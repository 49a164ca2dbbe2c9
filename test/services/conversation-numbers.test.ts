// AssignConversationNumbers: numbers that people can say.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

async function create(clients: Clients, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push((await clients.conversations.createConversation({})).conversation!.id);
  return ids;
}

async function numbersOf(clients: Clients, conversationIds: string[]): Promise<Record<string, number>> {
  const { numbers } = await clients.conversations.assignConversationNumbers({ conversationIds });
  return Object.fromEntries(numbers.map(({ conversationId, number }) => [conversationId, Number(number)]));
}

describe("numbers of conversations", () => {
  test("count in the tenant from 1, the older conversation first, and stay", async () => {
    const ada = (await server.tenant("ada")).member("ada");
    const [first = "", second = "", third = ""] = await create(ada, 3);
    expect(await numbersOf(ada, [second, first])).toEqual({ [first]: 1, [second]: 2 });
    expect(await numbersOf(ada, [third, second, first])).toEqual({ [first]: 1, [second]: 2, [third]: 3 });
    expect((await ada.conversations.getConversation({ conversationId: third })).conversation?.number).toBe(3n);
  });

  test("are 0 until somebody asks for them, and giving one is no change to the conversation", async () => {
    const ada = (await server.tenant("ada")).member("ada");
    const [id = ""] = await create(ada, 1);
    const before = (await ada.conversations.getConversation({ conversationId: id })).conversation!;
    expect(before.number).toBe(0n);
    await numbersOf(ada, [id]);
    const after = (await ada.conversations.getConversation({ conversationId: id })).conversation!;
    expect(after).toEqual({ ...before, number: 1n });
  });

  test("have no gap and no repeat when many ask at once for overlapping conversations", async () => {
    const ada = (await server.tenant("ada")).member("ada");
    const ids = await create(ada, 30);
    const asks = Array.from({ length: 24 }, (_, i) => numbersOf(ada, ids.slice(i % 15, (i % 15) + 16)));
    for (const answer of await Promise.all(asks)) expect(Object.keys(answer)).toHaveLength(16);
    const numbers = Object.values(await numbersOf(ada, ids)).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  });

  test("are not given to what the caller does not see, nor to what is deleted", async () => {
    const tenant = await server.tenant("ada", "bob");
    const [ada, bob] = [tenant.member("ada"), tenant.member("bob")];
    const [hers = "", deleted = ""] = await create(ada, 2);
    const [his = ""] = await create(bob, 1);
    await ada.conversations.deleteConversation({ conversationId: deleted });
    expect(await numbersOf(bob, [hers, deleted, his, "none"])).toEqual({ [his]: 1 });
    expect(await numbersOf(ada, [hers, deleted])).toEqual({ [hers]: 2 });
  });

  test("find a conversation, for those who see it", async () => {
    const tenant = await server.tenant("ada", "bob", "cleo");
    await tenant.addMembers({ mona: { role: "manager" }, tim: { manager: "mona" } });
    const [tim, bob, mona, key] = [
      tenant.member("tim"),
      tenant.member("bob"),
      tenant.member("mona", "manager"),
      tenant.key(),
    ];
    const [id = ""] = await create(tim, 1);
    await create(bob, 1);
    await numbersOf(tim, [id]);
    for (const clients of [tim, mona, key]) {
      const { conversations, totalSize } = await clients.conversations.listConversations({
        number: 1n,
        includeTotalSize: true,
      });
      expect([conversations.map((c) => c.id), totalSize]).toEqual([[id], 1n]);
    }
    expect((await bob.conversations.listConversations({ number: 1n })).conversations).toEqual([]);
    expect((await key.conversations.listConversations({ number: 2n })).conversations).toEqual([]);
    expect((await key.conversations.listConversations({ number: 1n, ownerId: "bob" })).conversations).toEqual([]);
  });
});
