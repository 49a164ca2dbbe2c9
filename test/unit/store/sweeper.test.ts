import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { createSweeper } from "../../../src/jobs/sweeper.ts";
import type { Database } from "../../../src/store/database.ts";
import { reasonOf } from "../../support/errors.ts";
import { samplesWith } from "../../support/postgres/erasure.ts";
import { onCitus } from "../../support/postgres/postgres.ts";
import { type StoreServer, startStoreServer } from "../../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

test("the first round comes a minute after the start, for servers that restart often, and then one every 15", async () => {
  let rounds = 0;
  const query = async () => {
    rounds++;
    return [];
  };
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
  try {
    const sweeper = createSweeper({ database: { query } as unknown as Database, onError: () => {} });
    sweeper.start();
    for (const [minutes, count] of [
      [0.9, 0],
      [0.2, 1],
      [13, 1],
      [1, 2],
      [15, 3],
    ] as const) {
      await vi.advanceTimersByTimeAsync(minutes * 60_000);
      expect(rounds).toBe(count);
    }
    await sweeper.stop();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(rounds).toBe(3);
  } finally {
    vi.useRealTimers();
  }
});

test("request ids are forgotten after 24 hours, and no sooner", async () => {
  const tenant = await server.tenant();
  const { conversations } = tenant.key();
  const create = (requestId: string, title: string) =>
    conversations.createConversation({ requestId, conversation: { title } });
  const [old, young] = [newId(), newId()];
  await create(old, "old");
  await create(young, "young");
  const age = (key: string, interval: string) => {
    const text = `update idempotency set create_time = now() - interval '${interval}' where tenant_id = $1 and key = $2`;
    return server.database.query({ name: `age_${interval}`, text }, [tenant.id, key]);
  };
  await age(old, "24 hours 1 minute");
  await age(young, "23 hours 59 minutes");
  const sweeper = createSweeper({ database: server.database, onError: () => {} });
  expect(await sweeper.sweep()).toBe(1);
  const left = { name: "left", text: "select key from idempotency where tenant_id = $1" };
  expect(await server.database.query(left, [tenant.id])).toEqual([{ key: young }]);
  await sweeper.stop();
});

test("a tenant in which it fails keeps it from no other, and the failure is told", async () => {
  const [one, two] = [await server.tenant(), await server.tenant()];
  for (const tenant of [one, two]) {
    await tenant.key().conversations.createConversation({ requestId: newId() });
    const text = "update idempotency set create_time = now() - interval '25 hours' where tenant_id = $1";
    await server.database.query({ name: "age_all", text }, [tenant.id]);
  }
  for (const broken of [one, two]) {
    const asked: unknown[] = [];
    const query: Database["query"] = (statement, values, signal) => {
      if (statement.name === "idempotency_forget") asked.push(values[0]);
      if (statement.name === "idempotency_forget" && values[0] === broken.id) throw new Error("too much to do");
      return server.database.query(statement, values, signal);
    };
    const database = { ...server.database, query, transaction: server.database.transaction.bind(server.database) };
    const sweeper = createSweeper({ database: database as Database, onError: () => {} });
    await expect(sweeper.sweep()).rejects.toThrow("too much to do");
    expect(asked).toEqual(expect.arrayContaining([one.id, two.id]));
    await sweeper.stop();
  }
});

test("a request id that is too old counts as new even before it is forgotten", async () => {
  const tenant = await server.tenant("alice");
  const alice = tenant.member("alice");
  const { conversation } = await alice.conversations.createConversation({});
  const request = { conversationId: conversation?.id ?? "", message: { content: "x" }, requestId: newId() };
  const first = await alice.messages.sendMessage(request);
  const text = "update idempotency set create_time = now() - interval '25 hours' where tenant_id = $1";
  await server.database.query({ name: "age_all", text }, [tenant.id]);
  const second = await alice.messages.sendMessage(request);
  expect(second.message?.id).not.toBe(first.message?.id);
});

test("a deleted conversation is purged when its time has come, with a row of the audit log, and no sooner", async () => {
  const own = await startStoreServer({ purgeAfterDays: 30 });
  const tenant = await own.tenant("alice");
  const { conversations, messages } = tenant.member("alice");
  const make = async () => {
    const { conversation } = await conversations.createConversation({ messages: [{ content: "secret" }] });
    return conversation?.id ?? "";
  };
  const [due, young, restored, kept] = [await make(), await make(), await make(), await make()];
  for (const conversationId of [due, young, restored]) {
    const { conversation } = await conversations.deleteConversation({ conversationId });
    const { deleteTime, purgeTime } = conversation ?? {};
    expect(Number(purgeTime?.seconds) - Number(deleteTime?.seconds)).toBe(30 * 24 * 60 * 60);
  }
  const back = await conversations.restoreConversation({ conversationId: restored });
  expect(back.conversation?.purgeTime).toBeUndefined();
  const text = "update conversation set purge_time = now() where tenant_id = $1 and id = $2";
  await own.database.query({ name: "test_age", text }, [tenant.id, due]);
  await own.database.query({ name: "test_analyze", text: "analyze message" }, []);
  // A cluster's nodes keep them: see test/sharding/samples.test.ts.
  expect(await samplesWith(own.database, due)).toEqual(onCitus() ? [] : ["message"]);

  const sweeper = createSweeper({ database: own.database, onError: () => {} });
  expect(await sweeper.sweep()).toBe(1);
  const find = (conversationId: string) =>
    reasonOf(conversations.getConversation({ conversationId, deleted: DeletedFilter.INCLUDE }));
  expect(await find(due)).toBe("NOT_FOUND");
  expect(await samplesWith(own.database, due)).toEqual([]);
  for (const id of [young, restored, kept]) expect(await find(id)).toBeUndefined();
  expect((await messages.listMessages({ conversationId: kept })).messages.length).toBe(1);
  const rows = {
    name: "test_audit",
    text: "select actor, action, resource_id, details from audit where tenant_id = $1 and action = 'conversation.purge'",
  };
  expect(await own.database.query(rows, [tenant.id])).toEqual([
    { actor: "system:server", action: "conversation.purge", resource_id: due, details: null },
  ]);
  await sweeper.stop();
  await own.close();
});

test("where nothing is said of it, deleted conversations are kept until somebody purges them", async () => {
  const tenant = await server.tenant("alice");
  const { conversations } = tenant.member("alice");
  const { conversation } = await conversations.createConversation({});
  const deleted = await conversations.deleteConversation({ conversationId: conversation?.id ?? "" });
  expect(deleted.conversation?.purgeTime).toBeUndefined();
});
