// Pictures and files in place of items, by OpenAI's own client: stored as files, shown in place again, given to the model.
import { randomBytes, randomUUID } from "node:crypto";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { PIXEL } from "../../support/calls/files.ts";
import { speakHttp1 } from "../../support/calls/framed-http1.ts";
import { startSender } from "../../support/calls/sender.ts";
import { leastHeldBy } from "../../support/measure/loop-held.ts";
import { type SwallowingProxy, startSwallowingProxy } from "../../support/services/swallowing-proxy.ts";
import { type ModelScene, responds, says, startModelScene } from "./model-scene.ts";

let scene: ModelScene;
let client: OpenAI;
let proxy: SwallowingProxy;
beforeAll(async () => {
  scene = await startModelScene();
  client = scene.client;
  proxy = await startSwallowingProxy(scene.dialect.server.url);
});
afterAll(async () => {
  await proxy.close();
  await scene.close();
});
beforeEach(() => {
  scene.upstream.calls.length = 0;
  scene.upstream.answer = says("I see.");
});

const JPEG = Buffer.from("ffd8ffe000104a46494600010100000100010000", "hex");
/** A picture as a phone makes it, of so many bytes. */
const photo = (bytes: number) => Buffer.concat([JPEG, randomBytes(bytes - JPEG.length)]);
const dataUrl = (bytes: Buffer, type = "image/jpeg") => `data:${type};base64,${bytes.toString("base64")}`;
const looks = (url: string) => ({
  type: "message" as const,
  role: "user" as const,
  status: "completed" as const,
  content: [
    { type: "input_text" as const, text: "Look:" },
    { type: "input_image" as const, image_url: url, detail: "high" as const },
  ],
});
const imageOf = (item: unknown) =>
  (item as { content: { image_url?: string | null }[] }).content.find(({ image_url }) => image_url !== undefined)
    ?.image_url;
const itemsOf = async (conversation: string) =>
  (await client.conversations.items.list(conversation, { order: "asc" })).data;
const stored = (own = client) => Array.fromAsync(own.files.list());
const uuid = (id: string) => id.slice(5).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");

describe("a picture", () => {
  test("that no body had room for is a file for every other API, and in place here, wherever an item comes in", async () => {
    const [large, small] = [dataUrl(photo(3_500_000)), dataUrl(photo(60_000))];
    const { id } = await client.conversations.create({ items: [looks(large)] });
    const added = await client.conversations.items.create(id, { items: [looks(small)] });
    expect(added.data).toMatchObject([looks(small)]);
    const items = await itemsOf(id);
    expect(items).toMatchObject([looks(large), looks(small)]);
    expect(Object.keys((items[0] as { content: object[] }).content[1] ?? {}).sort()).toEqual([
      "detail",
      "image_url",
      "type",
    ]);
    const item = await client.conversations.items.retrieve(items[1]?.id ?? "", { conversation_id: id });
    expect(item).toEqual(items[1]);

    const admin = (await scene.dialect.tenant.key("read", "write", "admin")).credential;
    const { messages } = await scene.dialect.server
      .client(MessageService, admin)
      .listMessages({ conversationId: uuid(id), kinds: [MessageKind.MESSAGE] });
    const [, part] = messages[0]?.parts ?? [];
    if (part?.content.case !== "file" || part.content.value.source.case !== "fileId") throw new Error("no stored file");
    const { file } = await scene.dialect.server
      .client(FileService, admin)
      .getFile({ fileId: part.content.value.source.value });
    expect(file).toMatchObject({ size: 3_500_000n, mediaType: "image/jpeg" });
    // It is there as long as an item names it.
    expect(file?.expireTime).toBeUndefined();
  });

  test.each(["gpt", "thinker"])("reaches the model %s as bytes, in a conversation and along a chain", async (model) => {
    if (model === "thinker") {
      const done = { type: "message", id: "msg_1", role: "assistant", status: "completed", content: [] };
      scene.upstream.answer = responds(
        [done],
        [
          { type: "response.output_item.added", output_index: 0, item: done },
          { type: "response.output_item.done", output_index: 0, item: done },
        ],
      );
    }
    const url = dataUrl(photo(200_000));
    const { id } = await client.conversations.create();
    await client.responses.create({ model, conversation: id, input: [looks(url)] });
    await client.responses.create({ model, conversation: id, input: "And now?" });
    const first = await client.responses.create({ model, input: [looks(url)] });
    await client.responses.create({ model, previous_response_id: first.id, input: "And now?" });
    const told = scene.upstream.calls.map(({ body }) => JSON.stringify(body));
    expect(told.map((text) => text.split(url).length - 1)).toEqual([1, 1, 1, 1]);
    expect((await client.responses.inputItems.list(first.id)).data).toMatchObject([looks(url)]);
  });

  test("is stored once, however many answers are lost, and so is its item", async () => {
    const apiKey = (await scene.dialect.tenant.key("read", "write")).text;
    const own = new OpenAI({ baseURL: `${proxy.url}/openai/v1`, apiKey, maxRetries: 2 });
    const straight = new OpenAI({ baseURL: scene.baseURL, apiKey, maxRetries: 0 });
    const url = dataUrl(photo(200_000));
    proxy.lose(2);
    const { id } = await own.conversations.create({ items: [looks(url)] });
    proxy.lose(1);
    await own.conversations.items.create(id, { items: [looks(url)] });
    proxy.lose(1);
    await own.responses.create({ model: "gpt", conversation: id, input: [looks(url)] });
    expect(proxy.lost).toBe(4);
    const items = (await straight.conversations.items.list(id, { order: "asc" })).data;
    expect(items.map((item) => (item.type === "message" ? item.role : ""))).toEqual([
      "user",
      "user",
      "user",
      "assistant",
    ]);
    expect(await stored(straight)).toHaveLength(3);
    expect(scene.upstream.calls).toHaveLength(1);
  });
});

test("what comes in place elsewhere comes back as it was: files, outputs of tools, screens", async () => {
  const picture = dataUrl(photo(100_000));
  const pdf = Buffer.concat([Buffer.from("%PDF-1.4\n"), randomBytes(90_000)]);
  const call = (name: string, call_id: string) => ({
    type: "function_call",
    name,
    call_id,
    arguments: "{}",
    status: "completed",
  });
  const items = [
    {
      type: "message",
      role: "user",
      status: "completed",
      content: [
        { type: "input_file", filename: "Plan – 計画.pdf", file_data: dataUrl(pdf, "application/pdf") },
        { type: "input_file", filename: "bare.pdf", file_data: pdf.toString("base64") },
        { type: "input_file", filename: "small.pdf", file_data: "data:application/pdf;base64,JVBERi0=" },
        { type: "input_file", filename: "bare-small.pdf", file_data: "JVBERi0=" },
        { type: "input_file", file_url: dataUrl(pdf, "application/pdf") },
        { type: "input_file", file_data: "no base64" },
        { type: "input_image", image_url: picture, detail: "auto", dataUrl: 1.0, "~dataUrl": "x", urlIn: "file_data" },
        {
          type: "input_image",
          image_url: "https://example.com/a.png",
          detail: "auto",
          dataUrl: "data:image/png;base64,",
        },
      ],
    },
    call("shoot", "call_1"),
    {
      type: "function_call_output",
      call_id: "call_1",
      status: "completed",
      output: [
        { type: "input_text", text: "Here:" },
        { type: "input_image", image_url: picture },
        { type: "input_file", filename: "a.pdf", file_data: dataUrl(pdf, "application/pdf"), more: [1, null] },
        { type: "later", image_url: picture },
        { type: "output_text", text: "done" },
      ],
    },
    { type: "computer_call", id: "cu_1", call_id: "call_2", action: { type: "screenshot" }, status: "completed" },
    {
      type: "computer_call_output",
      call_id: "call_2",
      status: "completed",
      output: { type: "computer_screenshot", image_url: picture },
    },
    { type: "message", role: "user", status: "completed", content: [{ type: "input_text", text: picture }] },
    { type: "later_item", file_data: picture },
  ];
  const { id } = await client.conversations.create({ items: items as never });
  const back = await itemsOf(id);
  expect(back.map(({ id: _, ...item }) => item)).toEqual(items.map((item) => ({ ...item, id: undefined }) as never));
});

describe("the URL of a file's content", () => {
  test("is what an answer has past 12 MiB of files; as input it names the same file, whose bytes the model gets", async () => {
    const apiKey = (await scene.dialect.tenant.key("read", "write")).text;
    const own = new OpenAI({ baseURL: scene.baseURL, apiKey, maxRetries: 0 });
    const sent = [6_000_000, 6_000_000, 600_000].map((bytes) => dataUrl(photo(bytes)));
    const { id } = await own.conversations.create({ items: sent.map(looks) });
    const items = (await own.conversations.items.list(id, { order: "asc" })).data;
    const urls = items.map((item) => imageOf(item) ?? "");
    expect(urls[0] === sent[0]).toBe(true);
    expect(urls.map((url) => url.slice(0, 5))).toEqual(["data:", "data:", "http:"]);
    const content = await fetch(urls[2] ?? "", { headers: { authorization: `Bearer ${apiKey}` } });
    expect([content.status, content.headers.get("content-length")]).toEqual([200, "600000"]);
    expect((await fetch(urls[2] ?? "")).status).toBe(401);

    const { id: _, ...last } = items[2] as { id: string };
    const output = [{ type: "input_image", image_url: urls[2] }];
    const called = { type: "function_call", call_id: "call_1", name: "look", arguments: "{}", status: "completed" };
    const seen = { type: "function_call_output", call_id: "call_1", status: "completed", output };
    const { id: response } = await own.responses.create({ model: "gpt", input: [last, called, seen] as never });
    expect(JSON.stringify(scene.upstream.calls[0]?.body).split(sent[2] ?? "").length - 1).toBe(2);
    expect(await stored(own)).toHaveLength(3);
    const input = (await own.responses.inputItems.list(response, { order: "asc" })).data;
    expect(input).toMatchObject([last, called, seen]);
  });

  test("of a file that the caller does not see is 404 with its place, and one of an erased file is not given", async () => {
    const strangers = (await scene.dialect.tenant.key("read", "write")).text;
    const stranger = new OpenAI({ baseURL: scene.baseURL, apiKey: strangers, maxRetries: 0 });
    const { id: fileId } = await stranger.files.create({
      purpose: "vision",
      file: await OpenAI.toFile(photo(1_000), "a.jpg"),
    });
    const url = `${scene.dialect.server.url}/v1/files/${uuid(fileId)}/content`;
    const asked = (item: object) =>
      client.responses.create({ model: "gpt", input: [item] as never }).then(
        () => undefined,
        (error: { status: number; param: string; message: string }) => [error.status, error.param, error.message],
      );
    const missing = (place: string) => [404, place, expect.stringContaining(`File with id '${fileId}' not found.`)];
    expect(await asked(looks(url))).toEqual(missing("input[0].content[1].image_url"));
    const screen = {
      type: "computer_call_output",
      call_id: "c",
      output: { type: "computer_screenshot", image_url: url },
    };
    const { id } = await client.conversations.create();
    const added = client.conversations.items.create(id, { items: [screen] as never });
    await expect(added).rejects.toMatchObject({ status: 404, param: "items[0].output.image_url" });

    await client.conversations.items.create(id, { items: [looks(dataUrl(photo(100_000)))] });
    const [file] = await stored();
    await client.files.delete(file?.id ?? "");
    const [gone] = await itemsOf(id);
    expect(imageOf(gone)).toBeNull();
    expect(await asked(gone as object)).toBeUndefined();
  });
});

test("a body has 32 MiB with them, and 4 MiB beside them", async () => {
  const { id } = await client.conversations.create();
  const add = (content: object[]) => {
    const items = [{ type: "message" as const, role: "user" as const, content }] as never;
    return client.conversations.items.create(id, { items }).then(
      () => 200,
      (error: { status: number; message: string }) => `${error.status} ${error.message}`,
    );
  };
  const image = (bytes: number) => ({ type: "input_image", image_url: dataUrl(photo(bytes)), detail: "auto" });
  expect(await add([image(8_000_000)])).toBe(200);
  const said = (length: number) =>
    speakHttp1(scene.dialect.server.url, [
      Buffer.from(
        `POST /openai/v1/conversations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${scene.apiKey}\r\n` +
          `content-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
      ),
    ]);
  expect((await said((32 << 20) + 1))[0]?.status).toBe(413);
  expect(await add(Array.from({ length: 3 }, () => ({ type: "input_text", text: "x".repeat(1_500_000) })))).toMatch(
    /^413 .*4194304 bytes beside long data URLs/,
  );
  // No file can be made of it, and it is more than an item may have.
  const other = { type: "input_text", text: dataUrl(photo(2_000_000)) };
  expect(await add([image(100_000), other])).toMatch(/^400 .*items\[0\]: must be at most 1048576 bytes/);
});

describe("a picture that a provider's tool made", () => {
  const drawn = (id: string, bytes: number) => ({
    type: "image_generation_call" as const,
    id,
    status: "completed" as const,
    result: Buffer.concat([PIXEL, randomBytes(bytes)]).toString("base64"),
    revised_prompt: "A cat",
    urlIn: "file_data",
  });
  const inputOf = () => scene.upstream.calls.at(-1)?.body.input as object[];
  const filesOf = async (conversation: string) => {
    const credential = { authorization: `Bearer ${scene.apiKey}` };
    const files = scene.dialect.server.client(FileService, credential);
    return (await files.listFiles({ conversationId: uuid(conversation) })).files;
  };

  test("comes in an item: it is a file, comes back as it was, and goes to the model in its place", async () => {
    const asked = { ...looks("https://example.com/a.png"), id: "msg_1" };
    const items = [asked, drawn("ig_1", 2_000_000), drawn("ig_2", 100), { ...drawn("ig_3", 1), result: null }];
    const { id } = await client.conversations.create({ items: items as never });
    expect(await itemsOf(id)).toEqual(items);
    expect(await client.conversations.items.retrieve("ig_1", { conversation_id: id })).toEqual(items[1]);
    expect(await filesOf(id)).toMatchObject([{ mediaType: "image/png", size: BigInt(PIXEL.length + 2_000_000) }]);
    scene.upstream.answer = responds([], []);
    await client.responses.create({ model: "thinker", conversation: id, input: "More" });
    const [, first, second, third, ...rest] = inputOf();
    expect([first, second, rest]).toEqual([items[1], items[2], [expect.objectContaining({ role: "user" })]]);
    expect(third).toMatchObject({ id: "ig_3" });
  });

  test("comes from the model: it is shown in the answer, in events and in lists, and goes back to the model", async () => {
    const image = { ...drawn("ig_9", 1_500_000), urlIn: undefined };
    scene.upstream.answer = responds([image], [{ type: "response.output_item.done", output_index: 0, item: image }]);
    const { id: conversation } = await client.conversations.create();
    const first = await client.responses.create({ model: "thinker", conversation, input: "Draw" });
    expect(first.output).toEqual([image]);
    const stream = await client.responses.retrieve(first.id, { stream: true });
    const shown = (await Array.fromAsync(stream)).flatMap((event) => ("item" in event ? [event.item] : []));
    expect(shown).toEqual([image, image]);
    expect((await client.responses.retrieve(first.id)).output).toEqual([image]);
    expect((await itemsOf(conversation)).at(-1)).toEqual(image);
    scene.upstream.answer = responds([], []);
    await client.responses.create({ model: "thinker", conversation, input: "Again" });
    expect(inputOf()[1]).toEqual(image);

    const [file] = await filesOf(conversation);
    const admin = (await scene.dialect.tenant.key("read", "write", "admin")).credential;
    await scene.dialect.server.client(FileService, admin).deleteFile({ fileId: file?.id ?? "" });
    expect((await itemsOf(conversation))[1]).toEqual({ ...image, result: null });
  });
});

test("a key that may only write stores them", async () => {
  const apiKey = (await scene.dialect.tenant.key("write")).text;
  const writer = new OpenAI({ baseURL: scene.baseURL, apiKey, maxRetries: 0 });
  const url = dataUrl(photo(200_000));
  const { id } = await writer.conversations.create({ items: [looks(url)] });
  await writer.conversations.items.create(id, { items: [looks(url)] });
  expect(await itemsOf(id)).toMatchObject([looks(url), looks(url)]);
});

test("a name that no file may have stays with its item", async () => {
  const content = [{ type: "input_file", filename: `../${randomUUID()}`, file_data: dataUrl(photo(80_000)) }];
  const { id } = await client.conversations.create({ items: [{ role: "user", content } as never] });
  expect(await itemsOf(id)).toMatchObject([{ content }]);
});

test("a picture of 8 MB holds the loop for less than 50 ms, sent and shown", async () => {
  const { id } = await client.conversations.create();
  const path = `/openai/v1/conversations/${id}/items`;
  const headers = { authorization: `Bearer ${scene.apiKey}`, "content-type": "application/json" };
  const body = Buffer.from(JSON.stringify({ items: [looks(dataUrl(photo(8_000_000)))] }));
  await using sender = startSender(scene.dialect.server.url);
  for (const verb of ["POST", "GET"] as const) {
    const sent = {
      http: "1.1" as const,
      verb,
      headers,
      ...(verb === "POST" ? { path, body } : { path: `${path}?limit=1`, body: Buffer.alloc(0) }),
    };
    const { value, ms } = await leastHeldBy(50, () => sender.send(sent), 4);
    expect(value).toBe("200");
    expect(ms).toBeLessThan(50);
  }
});
