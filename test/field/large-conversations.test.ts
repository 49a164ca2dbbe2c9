// Conversations so long that one statement cannot clear, restore, replace or purge them in its time: it is done in
// pieces.
import { afterAll, beforeAll, expect, test } from "vitest";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { PURGE_PIECE } from "../../src/jobs/purge.ts";
import { createSweeper } from "../../src/jobs/sweeper.ts";
import type { Database } from "../../src/store/database.ts";
import { failureOf } from "../support/failure.ts";
import { administer } from "../support/postgres/postgres.ts";
import { type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

/** Two pieces and a bit. */
const MESSAGES = 2 * PURGE_PIECE + 500;

let server: StoreServer;
let tenant: TestTenant;
const sent: string[] = [];
beforeAll(async () => {
  server = await startStoreServer({ database: { observer: { onStatement: (text) => sent.push(text) } } });
  tenant = await server.tenant("alice");
});
afterAll(() => server.close());

async function longConversation(messages = MESSAGES): Promise<string> {
  const { conversation } = await tenant.member("alice").conversations.createConversation({ conversation: {} });
  const id = conversation?.id ?? "";
  await administer(
    server.own.url,
    `insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
     select $1, $2, 10 + i, gen_random_uuid(), 1, 'alice', 'm' || i from generate_series(1, $3::int) i`,
    [tenant.id, id, messages],
  );
  await administer(server.own.url, "update conversation set last_seq = 10 + $2, message_count = $2 where id = $1", [
    id,
    messages,
  ]);
  sent.length = 0;
  return id;
}

const count = (part: string) => sent.filter((text) => text.includes(part)).length;

async function rowsOf(id: string) {
  const [row] = await administer(
    server.own.url,
    `select (select count(*)::int from message where conversation_id = $1::uuid) as messages,
      (select count(*)::int from event where conversation_id = $1::uuid) as events,
      (select count(*)::int from conversation where id = $1::uuid) as conversations,
      (select count(*)::int from audit where resource_id = $1::text and action = 'conversation.purge') as audits`,
    [id],
  );
  return row;
}

test("A12: a long conversation is cleared and restored, all at once for its readers, no statement beyond its piece", async () => {
  const { messages, conversations } = tenant.member("alice");
  const conversationId = await longConversation();
  const requestId = newId();
  const { deletedCount } = await messages.deleteAllMessages({ conversationId, requestId });
  expect(deletedCount).toBe(BigInt(MESSAGES));
  expect(count("piece as materialized")).toBe(4);
  expect((await messages.listMessages({ conversationId })).messages).toEqual([]);
  expect((await conversations.getConversation({ conversationId })).conversation?.messageCount).toBe(0n);

  // A repeat gets the first answer and does nothing.
  sent.length = 0;
  expect(await messages.deleteAllMessages({ conversationId, requestId })).toMatchObject({ deletedCount });
  expect(count("piece as materialized")).toBe(0);

  expect((await messages.restoreAllMessages({ conversationId })).restoredCount).toBe(BigInt(MESSAGES));
  expect((await messages.listMessages({ conversationId, includeTotalSize: true })).totalSize).toBe(BigInt(MESSAGES));
});

test("A12: a long conversation is replaced: what stays, what changes, what goes, what comes", async () => {
  const { messages } = tenant.member("alice");
  const conversationId = await longConversation();
  const draft = (content: string) => ({ role: MessageRole.USER, content });
  const wanted = Array.from({ length: 450 }, (_, i) => draft(i === 449 ? "changed" : `m${i + 1}`));
  const replaced = await messages.replaceMessages({ conversationId, messages: wanted });
  expect(replaced).toMatchObject({ unchangedCount: 449, editedCount: 1, deletedCount: MESSAGES - 450, addedCount: 0 });
  const { totalSize } = await messages.listMessages({ conversationId, includeTotalSize: true });
  expect(totalSize).toBe(450n);
  const more = await messages.replaceMessages({ conversationId, messages: [...wanted, draft("new"), draft("newer")] });
  expect(more).toMatchObject({ unchangedCount: 450, editedCount: 0, deletedCount: 0, addedCount: 2 });
  const { messages: last } = await messages.listMessages({ conversationId, order: 2, pageSize: 3 });
  expect(last.map(({ content }) => content)).toEqual(["newer", "new", "changed"]);
});

test("A12: clearing that is interrupted between two pieces leaves everything as it was", async () => {
  const { messages } = tenant.member("alice");
  const conversationId = await longConversation();
  const call = new AbortController();
  const cleared = messages.deleteAllMessages({ conversationId }, { signal: call.signal });
  while (count("piece as materialized") < 2) await new Promise(setImmediate);
  call.abort();
  await expect(cleared).rejects.toThrow();
  const { totalSize } = await messages.listMessages({ conversationId, includeTotalSize: true });
  expect(totalSize).toBe(BigInt(MESSAGES));
});

test("S-PURGE: a long conversation is purged in pieces, counted as a whole, with one audit row; a repeat acts once", async () => {
  const { conversations } = tenant.key();
  const conversationId = await longConversation();
  const purge = { conversationId, requestId: newId() };
  const { purgedMessageCount } = await conversations.purgeConversation(purge);
  expect(purgedMessageCount).toBe(BigInt(MESSAGES));
  expect(count("with due as materialized")).toBe(4);
  expect(await rowsOf(conversationId)).toEqual({ messages: 0, events: 0, conversations: 0, audits: 1 });
  expect(await conversations.purgeConversation(purge)).toMatchObject({ purgedMessageCount });
});

test("S-PURGE: a purge that ends between two pieces cannot be restored from, and the sweeper finishes it", async () => {
  const { conversations } = tenant.key();
  const conversationId = await longConversation();
  const call = new AbortController();
  const purged = conversations.purgeConversation({ conversationId }, { signal: call.signal });
  while (count("with due as materialized") < 2) await new Promise(setImmediate);
  call.abort();
  await expect(purged).rejects.toThrow();
  expect(await failureOf(conversations.restoreConversation({ conversationId }))).toMatchObject({ code: "NotFound" });
  expect(await failureOf(conversations.getConversation({ conversationId }))).toMatchObject({ code: "NotFound" });
  const sweeper = createSweeper({ database: server.database, onError: () => {} });
  await sweeper.sweep();
  await sweeper.stop();
  expect(await rowsOf(conversationId)).toEqual({ messages: 0, events: 0, conversations: 0, audits: 1 });
});

test("S-PURGE: a conversation that cannot be purged keeps no other of its tenant from it, and is told", async () => {
  const ids = await Promise.all(Array.from({ length: 12 }, () => longConversation(1)));
  await administer(
    server.own.url,
    "update conversation set delete_time = now(), purge_time = now() - interval '1 minute' where id = any($1)",
    [ids],
  );
  const broken = new Set(ids.slice(0, 11));
  const transaction: Database["transaction"] = (signal, work, options) =>
    server.database.transaction(
      signal,
      (tx) => {
        const query: Database["query"] = (statement, values) => {
          if (statement.name === "purge_piece" && broken.has(String(values[1]))) throw new Error("too much to do");
          return tx.query(statement, values);
        };
        return work({ orm: () => tx.orm(), query });
      },
      options,
    );
  const query = server.database.query.bind(server.database);
  const sweeper = createSweeper({ database: { ...server.database, query, transaction }, onError: () => {} });
  await expect(sweeper.sweep()).rejects.toThrow("too much to do");
  const rows = await administer(server.own.url, "select count(*)::int as left from conversation where id = any($1)", [
    ids,
  ]);
  expect(rows).toEqual([{ left: 11 }]);
  await sweeper.stop();
});
