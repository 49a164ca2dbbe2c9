// Pages of an order that changes while they are read: what was there when the first was read comes at least once.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationOrder } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

const LATEST = ConversationOrder.LATEST_ACTIVITY_FIRST;

async function crowd(count: number): Promise<{ tenant: TestTenant; ids: string[] }> {
  const tenant = await server.tenant("ann");
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    const { conversation } = await tenant.member("ann").conversations.createConversation({});
    ids.push(conversation?.id ?? "");
  }
  return { tenant, ids };
}

/** All pages; `between` runs after each but the last. */
async function walk(
  { conversations }: Clients,
  request: object,
  between: (seen: readonly string[]) => Promise<unknown> = async () => {},
): Promise<string[]> {
  const seen: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await conversations.listConversations({ order: LATEST, ...request, pageToken });
    seen.push(...page.conversations.map(({ id }) => id));
    if (page.nextPageToken === "") return seen;
    pageToken = page.nextPageToken;
    await between(seen);
  }
}

const send = ({ messages }: Clients, conversationId: string) =>
  messages.sendMessage({ conversationId, message: { content: "x" } });

/** The same numbers each run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

describe.each([
  ["an API key", (tenant: TestTenant) => tenant.key(), {}],
  ["a member", (tenant: TestTenant) => tenant.member("ann"), {}],
  ["a member, counted", (tenant: TestTenant) => tenant.member("ann"), { includeTotalSize: true }],
])("F-PAGE-CHANGE: by latest activity, for %s", (_, as, more) => {
  test("F-PAGE-CHANGE: a conversation of a later page that gets a message comes at the end", async () => {
    const { tenant, ids } = await crowd(6);
    const [oldest = "", second = ""] = ids;
    let first = true;
    const seen = await walk(as(tenant), { pageSize: 2, ...more }, async () => {
      if (first) await send(tenant.member("ann"), oldest);
      first = false;
    });
    expect(seen).toEqual([...ids.slice(2).toReversed(), second, oldest]);
  });

  test("F-PAGE-CHANGE: where nothing changes each comes once, in the order named", async () => {
    const { tenant, ids } = await crowd(7);
    for (const pageSize of [1, 3, 50]) {
      expect(await walk(as(tenant), { pageSize, ...more })).toEqual(ids.toReversed());
    }
  });

  test("F-PAGE-CHANGE: whatever is sent between pages, all come, and the pages end", async () => {
    const { tenant, ids } = await crowd(20);
    for (let seed = 1; seed <= 6; seed++) {
      const next = random(seed);
      const pageSize = 1 + next(6);
      const seen = await walk(as(tenant), { pageSize, ...more }, async () => {
        for (let n = next(4); n > 0; n--) await send(tenant.member("ann"), ids[next(ids.length)] ?? "");
      });
      expect(new Set(seen), `seed ${seed}`).toEqual(new Set(ids));
      expect(seen.length).toBeLessThanOrEqual(2 * ids.length);
    }
  });
});

test("F-PAGE-CHANGE: a send that is under way while the first page is read does not hide its conversation", async () => {
  const { tenant, ids } = await crowd(4);
  const [oldest = ""] = ids;
  const held = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const sending = server.database.transaction(undefined, async (tx) => {
    const text =
      "update conversation set update_time = now(), last_seq = last_seq where tenant_id = $1 and id = $2::uuid";
    await tx.query({ name: "test_touch", text }, [tenant.id, oldest]);
    written.resolve();
    await held.promise;
  });
  await written.promise;
  let first = true;
  const seen = await walk(tenant.key(), { pageSize: 2 }, async () => {
    if (first) {
      held.resolve();
      await sending;
    }
    first = false;
  });
  expect(new Set(seen)).toEqual(new Set(ids));
});

test("F-PAGE-CHANGE: writers that never rest do not keep pages from ending", async () => {
  const { tenant, ids } = await crowd(12);
  let done = false;
  const next = random(99);
  const writer = (async () => {
    while (!done) await send(tenant.member("ann"), ids[next(ids.length)] ?? "");
  })();
  for (const pageSize of [1, 2, 5]) {
    const seen = await walk(tenant.key(), { pageSize });
    expect(new Set(seen)).toEqual(new Set(ids));
    expect(seen.length).toBeLessThanOrEqual(2 * ids.length);
  }
  done = true;
  await writer;
});

test("F-PAGE-CHANGE: an agent of a later page that is renamed before those read comes at the end", async () => {
  const tenant = await server.tenant();
  const { agents } = tenant.key();
  const ids = new Map<string, string>();
  for (const name of ["b", "c", "d", "e", "f", "g"]) {
    const { agent } = await agents.createAgent({ agent: { name, connector: { case: "echo", value: {} } } });
    ids.set(name, agent?.id ?? "");
  }
  for (const pageSize of [1, 2, 4]) {
    const seen: string[] = [];
    for (let pageToken = ""; ; ) {
      const page = await agents.listAgents({ pageSize, pageToken });
      seen.push(...page.agents.map(({ name }) => name));
      if (page.nextPageToken === "") break;
      if (pageToken === "") {
        await agents.updateAgent({ agentId: ids.get("f") ?? "", agent: { name: "a" } });
        await agents.updateAgent({ agentId: ids.get("b") ?? "", agent: { name: "z" } });
      }
      pageToken = page.nextPageToken;
    }
    expect(new Set(seen), `${pageSize}`).toEqual(new Set(["b", "c", "d", "e", "g", "a", "z"]));
    // In its new place, and once more at the end.
    expect(seen.length).toBeLessThanOrEqual(8);
    await agents.updateAgent({ agentId: ids.get("f") ?? "", agent: { name: "f" } });
    await agents.updateAgent({ agentId: ids.get("b") ?? "", agent: { name: "b" } });
    expect((await agents.listAgents({})).agents.map(({ name }) => name)).toEqual(["b", "c", "d", "e", "f", "g"]);
  }
});

test("F-PAGE-CHANGE: a match of a later page that an edit lifts past those read comes at the end", async () => {
  const tenant = await server.tenant();
  const { conversations, messages } = tenant.key();
  const contents = [6, 5, 4, 3, 2, 1].map((count) => `${"lift ".repeat(count)}${"other ".repeat(12 - count)}`);
  const { conversation } = await conversations.createConversation({
    messages: contents.map((content) => ({ content })),
  });
  const all = await messages.listMessages({ conversationId: conversation?.id ?? "" });
  const ids = all.messages.map(({ id }) => id);
  for (const pageSize of [1, 2, 4]) {
    const seen: string[] = [];
    for (let pageToken = ""; ; ) {
      const page = await messages.searchMessages({ query: "lift", pageSize, pageToken });
      seen.push(...page.matches.map(({ message }) => message?.id ?? ""));
      if (page.nextPageToken === "") break;
      if (pageToken === "") {
        await messages.updateMessage({ messageId: ids[5] ?? "", message: { content: "lift ".repeat(9) } });
      }
      pageToken = page.nextPageToken;
    }
    expect(seen, `${pageSize}`).toEqual(ids);
    await messages.updateMessage({ messageId: ids[5] ?? "", message: { content: contents[5] ?? "" } });
    expect((await messages.searchMessages({ query: "lift" })).matches.map(({ message }) => message?.id)).toEqual(ids);
  }
});
