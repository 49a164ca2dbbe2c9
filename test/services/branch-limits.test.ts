// Conversations with as many branches as they may have, and imports of many.
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/domain/ids/id.ts";
import { conversationLine, exported, imported, messageLine } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let statements = 0;
let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({
    database: { observer: { onStatement: (text) => /branch_run|live_segment/.test(text) && statements++ } },
  });
});
afterAll(() => server.close());

test("a conversation with the most stretches takes no branch more, says so for good, and goes on elsewhere", async () => {
  const tenant = await server.tenant("ann");
  const { conversations, messages } = tenant.member("ann");
  const { conversation } = await conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const send = (content: string, parentId = "", where = conversationId) =>
    messages.sendMessage({ conversationId: where, message: { content, parentId } });
  const first = (await send("a")).message?.id ?? "";
  await send("b");
  await send("c", first);
  const text = `insert into branch_run (tenant_id, conversation_id, from_seq, to_seq, parent_seq, source_id)
    select $1, $2::uuid, -n, -n, 0, $2::uuid from generate_series(1, 10000 - (
      select count(*) from branch_run r where r.tenant_id = $1 and r.conversation_id = $2::uuid)) n`;
  await server.database.query({ name: "test_fill_runs", text }, [tenant.id, conversationId]);
  const full = {
    code: "FailedPrecondition",
    reason: "CONFLICT",
    message:
      "the conversation has 10000 stretches of branches, the most that it may have: go on at the end of its live branch, or in a fork",
  };
  expect(await failureOf(send("d", first))).toEqual(full);
  expect((await send("d")).message?.content).toBe("d");
  const fork = (await conversations.forkConversation({ conversationId })).conversation?.id ?? "";
  expect((await send("e", first, fork)).message?.content).toBe("e");
});

/** A conversation whose every message but the first follows the first, so that each begins a branch. */
function star(count: number): object[] {
  const [id, first] = [newId(), newId()];
  return [
    conversationLine(id),
    messageLine(id, first),
    ...Array.from({ length: count }, () => messageLine(id, newId(), { parentId: first })),
  ];
}

test("an import of many branches takes as many statements as one of few, and the tree is the same", async () => {
  const taken: number[] = [];
  for (const count of [20, 400]) {
    const tenant = await server.tenant();
    const key = tenant.key();
    statements = 0;
    await imported(key, star(count), { pieceBytes: 1 << 20 });
    taken.push(statements);
    const { conversations } = await key.conversations.listConversations({});
    const conversationId = conversations[0]?.id ?? "";
    const { branches } = await key.messages.listBranches({ conversationId, pageSize: 200 });
    expect(branches.length).toBe(Math.min(count, 200));
    // The first that came goes on with what all follow.
    expect(new Set(branches.slice(1).map(({ parentId }) => parentId)).size).toBe(1);
    expect(conversations[0]?.messageCount).toBe(2n);
    const { messages } = await key.messages.listMessages({ conversationId });
    expect(messages.map(({ seq }) => Number(seq))).toEqual([1, count + 1]);
    const copy = (await server.tenant()).key();
    const lines = await exported(key);
    await imported(copy, lines);
    // The first line has the tenant.
    expect((await exported(copy)).slice(1)).toEqual(lines.slice(1));
  }
  expect(taken[1]).toBe(taken[0]);
});
