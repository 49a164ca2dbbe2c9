// Reports about others' stores of OpenAI's conversations and items, and about imports of ChatGPT's export, tried on
// ours.
import type { JsonObject } from "@bufbuild/protobuf";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linesOf } from "../../src/dialects/openai/import/lines.ts";
import { openAiRecords } from "../../src/dialects/openai/import/records.ts";
import { type OpenAiScene, startOpenAi } from "../dialects/openai/scene.ts";

let scene: OpenAiScene;
let client: OpenAI;
beforeAll(async () => {
  scene = await startOpenAi();
  client = scene.client;
});
afterAll(() => scene.close());

/** Adds items, and returns them as they are read back, the oldest first and without the ids that they were given. */
async function readBack(items: readonly JsonObject[]): Promise<JsonObject[]> {
  const { id } = await client.conversations.create();
  await client.conversations.items.create(id, { items: items as never });
  const read: JsonObject[] = [];
  for await (const item of client.conversations.items.list(id, { order: "asc" })) {
    const { id: given, ...rest } = item as unknown as JsonObject;
    read.push(items[read.length]?.id === undefined ? rest : { id: given as string, ...rest });
  }
  return read;
}

const answer = (text: string) => ({
  type: "message",
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
});

describe("F-OPENAI items that sessions save", () => {
  test("a reasoning without id, content or encrypted content is stored", async () => {
    const items = [
      { type: "reasoning", summary: [] },
      { ...answer("x"), phase: "final_answer" },
    ];
    expect(await readBack(items)).toEqual(items);
  });

  test("a reasoning that nothing follows, or that nothing goes before, is no error", async () => {
    const items = [{ type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gA" }];
    expect(await readBack(items)).toEqual(items);
    expect(await readBack([answer("alone")])).toEqual([answer("alone")]);
  });

  test("a hosted call whose id was stripped is stored", async () => {
    const items = [{ type: "file_search_call", queries: ["q"], status: "completed", results: null }];
    expect(await readBack(items)).toEqual(items);
  });

  test("a history of hundreds of items goes in at once, and is paged through to its end", async () => {
    const items = Array.from({ length: 250 }, (_, i) => answer(String(i)));
    expect(await readBack(items)).toEqual(items);
  });

  test("a page says that there is more, and a limit that is none is told", async () => {
    const { id } = await client.conversations.create();
    await client.conversations.items.create(id, {
      items: Array.from({ length: 25 }, (_, i) => answer(String(i))) as never,
    });
    const first = await client.conversations.items.list(id);
    expect([first.data.length, first.has_more]).toEqual([20, true]);
    for (const limit of [0, 101]) {
      await expect(client.conversations.items.list(id, { limit })).rejects.toMatchObject({
        status: 400,
        param: "limit",
      });
    }
  });

  test("a deletion is answered with the conversation", async () => {
    const { id } = await client.conversations.create({ items: [{ role: "user", content: "x" }] });
    const item = (await client.conversations.items.list(id)).data[0]?.id ?? "";
    expect(await client.conversations.items.delete(item, { conversation_id: id })).toEqual(
      await client.conversations.retrieve(id),
    );
  });

  test("files in what a tool gave stay", async () => {
    const output = [
      { type: "input_text", text: "see" },
      { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,AA==" },
      { type: "input_image", file_id: "file-1", detail: "high" },
    ];
    const items = [{ type: "function_call_output", call_id: "c", output, status: "completed" }];
    expect(await readBack(items)).toEqual(items);
  });
});

interface Line {
  readonly conversation?: { readonly conversation: JsonObject };
  readonly message?: { readonly message: JsonObject };
}

/** The lines that a text becomes, and what is wrong with it. */
async function converted(text: string) {
  const source = linesOf(
    openAiRecords(
      (async function* () {
        yield Buffer.from(text);
      })(),
      { member: undefined },
    ),
    false,
  );
  let lines = "";
  for await (const chunk of source.chunks()) lines += Buffer.from(chunk).toString();
  return {
    records: lines
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line),
    faults: source.faults,
  };
}

const texts = (records: readonly Line[]) =>
  records.flatMap(({ message }) => (message ? [message.message.content] : []));

describe("F-CHATGPT an export", () => {
  const said = (role: string, text: string, more: object = {}) => ({
    author: { role },
    content: { content_type: "text", parts: [text] },
    create_time: 1_700_000_000,
    ...more,
  });
  const chat = (more: object = {}) => ({
    conversation_id: "c",
    title: "t",
    create_time: 1_700_000_000,
    current_node: "b",
    mapping: {
      r: { id: "r", parent: null, children: ["a"], message: null },
      a: { id: "a", parent: "r", children: ["b"], message: said("user", "hello") },
      b: { id: "b", parent: "a", children: [], message: said("assistant", "hi") },
    },
    ...more,
  });

  test("whose messages have no metadata, author, content or recipient comes", async () => {
    const mapping = {
      ...chat().mapping,
      a: { parent: "r", message: said("user", "hello", { metadata: null, recipient: null }) },
      n: { parent: "a", message: { author: null, content: null, create_time: null } },
      b: { parent: "n", message: said("assistant", "hi") },
    };
    const { records, faults } = await converted(JSON.stringify([chat({ mapping })]));
    expect([texts(records), faults]).toEqual([["hello", "hi"], []]);
  });

  test("that leaves out the links to children comes along the live path", async () => {
    const { r, a, b } = chat().mapping;
    const mapping = { r: { ...r, children: [] }, a: { ...a, children: [] }, b };
    expect(texts((await converted(JSON.stringify([chat({ mapping })]))).records)).toEqual(["hello", "hi"]);
  });

  test("that does not say when a conversation began takes the time of its first message", async () => {
    const { records } = await converted(JSON.stringify([chat({ create_time: null })]));
    expect(records[0]?.conversation?.conversation.createTime).toBe("2023-11-14T22:13:20Z");
    const { faults } = await converted(JSON.stringify([chat({ create_time: null, mapping: {} })]));
    expect(faults).toEqual([{ value: 1, description: "create_time: must be a number of seconds" }]);
  });

  test("in several files comes in one go", async () => {
    const { records } = await converted(
      [[chat()], [chat({ conversation_id: "d" })]].map((file) => JSON.stringify(file)).join("\n"),
    );
    expect(records.flatMap(({ conversation }) => conversation?.conversation.id ?? [])).toEqual(["c", "d"]);
  });

  test("that is cut off, or another product's, is told and not taken for done", async () => {
    const whole = JSON.stringify([chat(), chat({ conversation_id: "d" })]);
    const cut = await converted(whole.slice(0, -20));
    expect(texts(cut.records)).toEqual(["hello", "hi"]);
    expect(cut.faults).toEqual([{ value: 2, description: "must be JSON" }]);
    const others = [
      { id: "x", chat: { history: {} } },
      { uuid: "x", chat_messages: [] },
    ];
    const { records, faults } = await converted(JSON.stringify(others));
    expect([records.length, faults.length]).toEqual([0, 2]);
  });

  test("keeps the model and the time of each message", async () => {
    const mapping = {
      ...chat().mapping,
      b: {
        parent: "a",
        message: said("assistant", "hi", { create_time: 1_700_000_009.5, metadata: { model_slug: "o3" } }),
      },
    };
    const { records } = await converted(JSON.stringify([chat({ mapping })]));
    expect(records.at(-1)?.message?.message).toMatchObject({
      createTime: "2023-11-14T22:13:29.500Z",
      metadata: { model: "o3" },
    });
  });
});
