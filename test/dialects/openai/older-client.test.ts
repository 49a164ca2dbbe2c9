// The client of the major version before: what it types and sends is served too.
import OpenAI from "openai-6";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenAiScene, startOpenAi } from "./scene.ts";

let scene: OpenAiScene;
let client: OpenAI;
beforeAll(async () => {
  scene = await startOpenAi();
  const { text } = await scene.dialect.tenant.key("read", "write");
  client = new OpenAI({ baseURL: `${scene.dialect.server.url}/openai/v1`, apiKey: text, maxRetries: 0 });
});
afterAll(() => scene.close());

test("makes a conversation, adds, pages, reads and deletes its items, and deletes it", async () => {
  const made = await client.conversations.create({
    metadata: { topic: "demo" },
    items: [{ role: "user", content: "hi" }],
  });
  expect(made).toMatchObject({ object: "conversation", metadata: { topic: "demo" } });
  const { data } = await client.conversations.items.create(made.id, {
    items: [
      { type: "function_call", call_id: "c", name: "look", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: "there" },
      { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "g" },
    ],
    include: ["reasoning.encrypted_content"],
  });
  expect(data.map(({ type }) => type)).toEqual(["function_call", "function_call_output", "reasoning"]);
  const types: string[] = [];
  for await (const item of client.conversations.items.list(made.id, { order: "asc", limit: 2 })) types.push(item.type);
  expect(types).toEqual(["message", "function_call", "function_call_output", "reasoning"]);
  const params = { conversation_id: made.id };
  expect(await client.conversations.items.retrieve("rs_1", params)).toEqual(data[2]);
  expect((await client.conversations.items.delete("rs_1", params)).id).toBe(made.id);
  expect((await client.conversations.update(made.id, { metadata: {} })).metadata).toEqual({});
  expect(await client.conversations.delete(made.id)).toMatchObject({ id: made.id, deleted: true });
  await expect(client.conversations.retrieve(made.id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
});
