import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../../src/domain/id.ts";
import { createSweeper } from "../../../src/store/sweeper.ts";
import { type StoreServer, startStoreServer } from "../../support/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

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
