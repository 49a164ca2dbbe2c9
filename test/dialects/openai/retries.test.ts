// What OpenAI's client sends again by itself, after responses that never arrived: it acts once.
import type OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type SwallowingProxy, startSwallowingProxy } from "../../support/services/swallowing-proxy.ts";
import { type OpenAiScene, startOpenAi } from "./scene.ts";

let scene: OpenAiScene;
let proxy: SwallowingProxy;
/** Through the proxy, with the retries that it has by default. */
let client: OpenAI;
beforeAll(async () => {
  scene = await startOpenAi();
  proxy = await startSwallowingProxy(scene.dialect.server.url);
  client = scene.client.withOptions({ baseURL: `${proxy.url}/openai/v1`, maxRetries: 2 });
});
afterAll(async () => {
  await proxy.close();
  await scene.close();
});

const say = (content: string) => ({ items: [{ role: "user" as const, content }] });

async function textsOf(conversation: string): Promise<string[]> {
  const { data } = await scene.client.conversations.items.list(conversation, { order: "asc" });
  return data.flatMap((item) =>
    item.type === "message" ? item.content.map((part) => (part as { text: string }).text) : [],
  );
}

test("items are added once, however many responses are lost", async () => {
  const { id } = await scene.client.conversations.create();
  for (const lost of [0, 1, 2]) {
    const before = proxy.lost;
    proxy.lose(lost);
    const { data } = await client.conversations.items.create(id, say(`lost ${lost}`));
    expect(proxy.lost - before).toBe(lost);
    const stored = await scene.client.conversations.items.list(id, { limit: 1 });
    expect(data).toEqual(stored.data);
  }
  expect(await textsOf(id)).toEqual(["lost 0", "lost 1", "lost 2"]);
});

test("a conversation is made once, and deleted once", async () => {
  const metadata = { run: crypto.randomUUID() };
  proxy.lose(2);
  const { id } = await client.conversations.create({ metadata, ...say("hi") });
  // biome-ignore lint/suspicious/noExplicitAny: the client has no type for it
  const { data } = await scene.client.get<any>("/conversations", { query: { metadata } as never });
  expect(data.map((conversation: { id: string }) => conversation.id)).toEqual([id]);
  const item = (await scene.client.conversations.items.list(id)).data[0]?.id as string;
  proxy.lose(1);
  expect((await client.conversations.items.delete(item, { conversation_id: id })).id).toBe(id);
  expect(await textsOf(id)).toEqual([]);
  proxy.lose(2);
  expect(await client.conversations.delete(id)).toEqual({ id, object: "conversation.deleted", deleted: true });
});

test("equal requests are not taken for attempts of one", async () => {
  const { id } = await scene.client.conversations.create();
  await Promise.all(Array.from({ length: 16 }, () => client.conversations.items.create(id, say("again"))));
  expect(await textsOf(id)).toEqual(Array.from({ length: 16 }, () => "again"));
});

test("a further attempt of a request acts, once the response to an equal one has arrived", async () => {
  const { dialect } = scene;
  const key = await dialect.tenant.key("read", "write");
  const own = scene.client.withOptions({ apiKey: key.text });
  const { id } = await own.conversations.create();
  const kept = async () => {
    const text = "select count(*) as count from idempotency where tenant_id = $1 and strpos(caller, $2) > 0";
    const [row] = await dialect.server.database.query({ name: "test_attempts", text }, [dialect.tenant.id, key.id]);
    return Number((row as { count: bigint }).count);
  };
  await own.conversations.items.create(id, say("yes"));
  expect(await kept()).toBeGreaterThan(0);
  // It is forgotten when the connection has held for a while.
  await expect.poll(kept, { timeout: 45_000 }).toBe(0);
  // Whose first attempt was refused, by a rate limit.
  await own.conversations.items.create(id, say("yes"), { headers: { "x-stainless-retry-count": "1" } });
  expect(await textsOf(id)).toEqual(["yes", "yes"]);
});

test("a key that the caller gives does what it does everywhere", async () => {
  const { id } = await scene.client.conversations.create();
  const options = { headers: { "Idempotency-Key": crypto.randomUUID() } };
  const first = await scene.client.conversations.items.create(id, say("keyed"), options);
  expect((await scene.client.conversations.items.create(id, say("keyed"), options)).data).toEqual(first.data);
  const other = scene.client.conversations.items.create(id, say("other"), options);
  await expect(other).rejects.toMatchObject({ status: 400, type: "invalid_request_error" });
  expect(await textsOf(id)).toEqual(["keyed"]);
});
