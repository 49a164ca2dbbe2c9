// Items of every type that OpenAI's client knows: sent, stored, and given back as they were sent.
import type { JsonObject } from "@bufbuild/protobuf";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ITEM_TYPES } from "../../../src/dialects/openai/items/item-types.ts";
import { HOSTILE, ITEMS } from "./item-table.ts";
import { type OpenAiScene, startOpenAi } from "./scene.ts";

type Params = OpenAI.Conversations.Items.ItemCreateParams;

let scene: OpenAiScene;
beforeAll(async () => {
  scene = await startOpenAi();
});
afterAll(() => scene.close());

const newConversation = async () => (await scene.client.conversations.create()).id;

function create(conversation: string, items: readonly object[]) {
  return scene.client.conversations.items.create(conversation, { items: items as Params["items"] });
}

/** A stored item as its sender knows it, and the id that it was given. */
function split(item: object): [id: string, rest: JsonObject] {
  const { id, ...rest } = item as JsonObject & { id: string };
  return [id, rest];
}

describe("an item", () => {
  test.each(ITEMS.map(([name, item, filled = {}]) => [name, item, filled] as const))(
    "%s comes back equal from creation, list and retrieval",
    async (_, item, filled) => {
      const { client } = scene;
      const conversation = await newConversation();
      const { id: given, ...sent } = item;
      const expected = { type: "message", ...sent, ...filled };
      const [stored] = (await create(conversation, [item])).data;
      const [id, rest] = split(stored as object);
      expect(rest).toEqual(expected);
      if (given !== undefined) expect(id).toBe(given);
      else expect(id).toMatch(/^[a-z]+_[0-9a-f]{32}$/);
      const { data } = await client.conversations.items.list(conversation);
      expect(data).toEqual([{ id, ...expected }]);
      expect(await client.conversations.items.retrieve(id, { conversation_id: conversation })).toEqual({
        id,
        ...expected,
      });
    },
  );

  test("the table has every type that the client's types have", () => {
    const types = new Set(ITEMS.map(([, { type }]) => type ?? "message"));
    expect([...types].sort()).toEqual([...Object.keys(ITEM_TYPES), "message", "a_type_of_tomorrow"].sort());
  });

  test("keeps the digits of its numbers, in the order and with the spaces that they were sent with", async () => {
    const conversation = await newConversation();
    const action = '{"type": "click", "x": 1.0, "big": 12345678901234567890.10, "x": 2}';
    const { dialect } = scene;
    const body = `{"items":[{"type":"computer_call","call_id":"c","pending_safety_checks":[],"action":${action}}]}`;
    const { credential } = await dialect.tenant.key("read", "write");
    const answer = await dialect.http("POST", `/openai/v1/conversations/${conversation}/items`, {
      raw: body,
      credential,
    });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain(action);
    const list = await dialect.http("GET", `/openai/v1/conversations/${conversation}/items`, { credential });
    expect(list.text).toContain(action);
  });

  test("is stored with those of its request or not at all", async () => {
    const conversation = await newConversation();
    const good = { role: "user", content: "hi" };
    await expect(create(conversation, [good, { role: "user" }])).rejects.toMatchObject({
      status: 400,
      param: "items[1].content",
      code: "missing_required_parameter",
      type: "invalid_request_error",
    });
    expect((await scene.client.conversations.items.list(conversation)).data).toEqual([]);
  });

  test("comes by the hundreds in one request", async () => {
    const conversation = await newConversation();
    const items = Array.from({ length: 1000 }, (_, i) => ({ role: "user", content: `message ${i}` }));
    const made = await create(conversation, items);
    expect(made.data).toHaveLength(1000);
    expect(made.first_id).toBe(made.data[0]?.id);
    expect(made.last_id).toBe(made.data[999]?.id);
    const texts: string[] = [];
    for await (const item of scene.client.conversations.items.list(conversation, { order: "asc", limit: 100 })) {
      if (item.type === "message" && item.content[0]?.type === "input_text") texts.push(item.content[0].text);
    }
    expect(texts).toEqual(items.map(({ content }) => content));
  });

  test("stands for a stored one where it is a reference", async () => {
    const from = await newConversation();
    const to = await newConversation();
    const [stored] = (await create(from, [{ type: "function_call", call_id: "c", name: "n", arguments: HOSTILE }]))
      .data;
    const [id, rest] = split(stored as object);
    const { data } = await create(to, [{ type: "item_reference", id }]);
    expect(split(data[0] as object)[1]).toEqual(rest);
    await expect(create(to, [{ type: "item_reference", id: "msg_unknown" }])).rejects.toMatchObject({ status: 404 });
  });

  test("that is an instruction to the model alone is not stored", async () => {
    const conversation = await newConversation();
    const { data } = await create(conversation, [{ type: "compaction_trigger" }, { role: "user", content: "hi" }]);
    expect(data).toHaveLength(1);
  });

  test("is gone once it is deleted, and its conversation is the answer", async () => {
    const { client } = scene;
    const conversation = await newConversation();
    const { data } = await create(conversation, [
      { role: "user", content: "a" },
      { role: "user", content: "b" },
    ]);
    const id = data[0]?.id as string;
    const params = { conversation_id: conversation };
    expect(await client.conversations.items.delete(id, params)).toMatchObject({
      id: conversation,
      object: "conversation",
    });
    const gone = { status: 404, error: { message: `Item with id '${id}' not found.` } };
    await expect(client.conversations.items.retrieve(id, params)).rejects.toMatchObject(gone);
    await expect(client.conversations.items.delete(id, params)).rejects.toMatchObject(gone);
    expect((await client.conversations.items.list(conversation)).data).toEqual([data[1]]);
  });

  test("keeps the id that it was given, by which it is found, paged and deleted", async () => {
    const { client } = scene;
    const conversation = await newConversation();
    const params = { conversation_id: conversation };
    const reasoning = { type: "reasoning", id: "rs_68af", summary: [], encrypted_content: "g" };
    const items = [{ role: "user", content: "a", id: "msg_own" }, reasoning, { role: "user", content: "b" }];
    const { data } = await create(conversation, items);
    expect(data.map(({ id }) => id)).toEqual(["msg_own", "rs_68af", expect.stringMatching(/^msg_[0-9a-f]{32}$/)]);
    const page = await client.conversations.items.list(conversation, { order: "asc", limit: 2 });
    expect(page.last_id).toBe("rs_68af");
    expect((await page.getNextPage()).data).toEqual([data[2]]);
    await client.conversations.items.delete("rs_68af", params);
    await expect(client.conversations.items.retrieve("rs_68af", params)).rejects.toMatchObject({ status: 404 });
    expect((await client.conversations.items.list(conversation, { order: "asc" })).data).toEqual([data[0], data[2]]);
  });

  test("may have an id that one had which was deleted", async () => {
    const { client } = scene;
    const conversation = await newConversation();
    const params = { conversation_id: conversation };
    for (const content of ["first", "second", "second"]) {
      const { data } = await create(conversation, [{ role: "user", content, id: "msg_again" }]);
      expect(data).toMatchObject([{ id: "msg_again", content: [{ text: content }] }]);
      expect(await client.conversations.items.retrieve("msg_again", params)).toEqual(data[0]);
      expect((await client.conversations.items.list(conversation)).data).toEqual(data);
      await client.conversations.items.delete("msg_again", params);
      expect((await client.conversations.items.list(conversation)).data).toEqual([]);
    }
  });

  test("has an id that no other of its conversation has, and is stored once where it comes twice", async () => {
    const conversation = await newConversation();
    const item = { role: "user", content: "a", id: "msg_1" };
    const { data } = await create(conversation, [item]);
    expect((await create(conversation, [item])).data).toEqual(data);
    const refused = { status: 400, param: "items[0].id", code: "invalid_value" };
    await expect(create(conversation, [{ ...item, content: "b" }])).rejects.toMatchObject(refused);
    await expect(
      create(conversation, [
        { ...item, id: "x" },
        { ...item, id: "x" },
      ]),
    ).rejects.toMatchObject({
      ...refused,
      param: "items[1].id",
    });
    const [plain] = (await create(conversation, [{ role: "user", content: "c" }])).data;
    await expect(create(conversation, [{ role: "user", content: "d", id: plain?.id }])).rejects.toMatchObject(refused);
    expect((await scene.client.conversations.items.list(conversation)).data).toHaveLength(2);
    expect((await create(await newConversation(), [item])).data).toMatchObject([{ id: "msg_1" }]);
  });

  test("of another conversation is not found", async () => {
    const { client } = scene;
    const { data } = await create(await newConversation(), [{ role: "user", content: "a" }]);
    const params = { conversation_id: await newConversation() };
    await expect(client.conversations.items.retrieve(data[0]?.id as string, params)).rejects.toMatchObject({
      status: 404,
    });
  });
});

describe("a list of items", () => {
  test("comes in both orders, page by page", async () => {
    const { client } = scene;
    const conversation = await newConversation();
    const { data } = await create(
      conversation,
      Array.from({ length: 45 }, (_, i) => ({ role: "user", content: String(i) })),
    );
    const ids = data.map(({ id }) => id);
    for (const order of ["asc", "desc", undefined] as const) {
      const expected = order === "asc" ? ids : ids.toReversed();
      for (const limit of [1, 7, 45, 100, undefined]) {
        const query = { ...(order && { order }), ...(limit && { limit }) };
        const found: string[] = [];
        for await (const { id } of client.conversations.items.list(conversation, query)) found.push(id as string);
        expect(found).toEqual(expected);
      }
      const page = await client.conversations.items.list(conversation, { ...(order && { order }), limit: 7 });
      expect([page.data.length, page.has_more, page.last_id]).toEqual([7, true, expected[6]]);
    }
  });

  test("of nothing is empty, with null ids", async () => {
    const conversation = await newConversation();
    const { dialect } = scene;
    const { credential } = await dialect.tenant.key("read");
    const { json } = await dialect.http("GET", `/openai/v1/conversations/${conversation}/items`, { credential });
    expect(json).toEqual({ object: "list", data: [], first_id: null, last_id: null, has_more: false });
  });

  test("goes on behind an item that was deleted meanwhile", async () => {
    const { client } = scene;
    const conversation = await newConversation();
    const { data } = await create(
      conversation,
      ["a", "b", "c"].map((content) => ({ role: "user", content })),
    );
    const [, b, c] = data.map(({ id }) => id as string);
    await client.conversations.items.delete(b as string, { conversation_id: conversation });
    const page = await client.conversations.items.list(conversation, { order: "asc", after: b as string });
    expect(page.data.map(({ id }) => id)).toEqual([c]);
  });

  test("takes what its clients ask to be included", async () => {
    const conversation = await newConversation();
    const item = { type: "reasoning", summary: [], encrypted_content: "gAAA" };
    await create(conversation, [item]);
    const include = ["message.output_text.logprobs", "reasoning.encrypted_content"] as const;
    const { data } = await scene.client.conversations.items.list(conversation, { include: [...include] });
    expect(data).toMatchObject([item]);
  });

  test.each([
    [{ limit: 0 }, "limit"],
    [{ limit: 101 }, "limit"],
    [{ order: "up" }, "order"],
  ])("refuses %j", async (query, param) => {
    const conversation = await newConversation();
    const listing = scene.client.conversations.items.list(conversation, query as never);
    await expect(listing).rejects.toMatchObject({ status: 400, param, type: "invalid_request_error" });
  });

  test("begins behind no item that it does not have", async () => {
    const conversation = await newConversation();
    const listing = scene.client.conversations.items.list(conversation, { after: "msg_0" });
    await expect(listing).rejects.toMatchObject({ status: 404, param: "after" });
  });
});
