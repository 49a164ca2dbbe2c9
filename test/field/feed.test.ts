// What the feed of a tenant keeps of each change, however many take part.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

test("S-FEED-PARTICIPANTS: a row of the feed is as long with 1,000 participants as with one", async () => {
  const names = Array.from({ length: 1_000 }, (_, n) => `member-${n}`);
  const tenant = await server.tenant("ann", ...names);
  const ann = tenant.member("ann");
  const abort = new AbortController();
  const following = ann.events.subscribe({}, { signal: abort.signal })[Symbol.asyncIterator]();
  await following.next();
  const ids: string[] = [];
  for (const participantIds of [[], names]) {
    const { conversation } = await ann.conversations.createConversation({ participantIds });
    ids.push(conversation?.id ?? "");
    await ann.messages.sendMessage({ conversationId: ids.at(-1) ?? "", message: { content: "x" } });
  }
  for (let found = 0; found < 2; ) {
    const { value } = await following.next();
    if (value?.event?.change.case === "messageSent") found++;
  }
  abort.abort();
  const text = "select conversation_id, max(pg_column_size(f)) as bytes from feed f where tenant_id = $1 group by 1";
  const rows = await server.database.query<{ bytes: number }>({ name: "test_feed_rows", text }, [tenant.id]);
  expect(rows).toHaveLength(2);
  for (const { bytes } of rows) expect(bytes).toBeLessThan(128);
});
