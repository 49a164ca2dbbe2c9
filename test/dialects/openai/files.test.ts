// Files, by OpenAI's own client: uploaded, listed, read, deleted, and named by items that go to a model.
import { randomBytes } from "node:crypto";
import OpenAI, { type BadRequestError, NotFoundError, toFile } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { PIXEL, personOf, pieces } from "../../support/calls/files.ts";
import { type ModelScene, responds, says, startModelScene } from "./model-scene.ts";

let scene: ModelScene;
let client: OpenAI;
beforeAll(async () => {
  scene = await startModelScene({ COLLOQUY_FILE_MAX: "1MiB" });
  client = scene.client;
});
afterAll(() => scene.close());
beforeEach(() => {
  scene.upstream.calls.length = 0;
});

const upload = async (bytes: Buffer<ArrayBuffer> = PIXEL, name = "pixel.png", type = "image/png") =>
  client.files.create({ file: await toFile(bytes, name, { type }), purpose: "vision" });

/** What the server says of a request that is refused. */
const refused = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const { status, param, code, message } = error as InstanceType<typeof BadRequestError>;
  return { status, param, code, message };
};

describe("files", () => {
  test("come back as they were sent, with their names and purposes", async () => {
    const bytes = Buffer.from(randomBytes(300_000));
    const file = await upload(bytes, "Größe 漢字.bin", "application/octet-stream");
    expect(file).toEqual({
      id: expect.stringMatching(/^file-[0-9a-f]{32}$/),
      object: "file",
      bytes: 300_000,
      created_at: expect.any(Number),
      filename: "Größe 漢字.bin",
      purpose: "vision",
      status: "processed",
    });
    expect(await client.files.retrieve(file.id)).toEqual(file);
    const content = await client.files.content(file.id);
    expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
    const part = await client.files.content(file.id, { headers: { range: "bytes=5-9" } });
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, bytes.subarray(5, 10)]);
    expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: "file", deleted: true });
    await expect(client.files.retrieve(file.id)).rejects.toBeInstanceOf(NotFoundError);
  });

  test("expire when they are told to, and say so", async () => {
    const file = await client.files.create({
      file: await toFile(PIXEL, "pixel.png"),
      purpose: "user_data",
      expires_after: { anchor: "created_at", seconds: 7200 },
    });
    expect((file.expires_at ?? 0) - file.created_at).toBe(7200);
    expect(await client.files.retrieve(file.id)).toEqual(file);
  });

  test("are stored once for an idempotency key, whatever key it is", async () => {
    const file = () => new File([Buffer.from("a")], "a.txt", { type: "text/plain" });
    const headers = { "Idempotency-Key": "k".repeat(128) };
    const create = () => client.files.create({ file: file(), purpose: "assistants" }, { headers });
    expect((await create()).id).toBe((await create()).id);
  });

  test("may be empty, and may have their purpose before them", async () => {
    const form = new FormData();
    form.set("purpose", "evals");
    form.set("file", new File([], "none.txt"));
    const headers = { authorization: `Bearer ${scene.apiKey}` };
    const response = await fetch(`${scene.baseURL}/files`, { method: "POST", body: form, headers });
    const file = (await response.json()) as { id: string };
    expect(file).toMatchObject({ bytes: 0, filename: "none.txt", purpose: "evals" });
    expect(await (await client.files.content(file.id)).text()).toBe("");
  });

  test("are those of its conversation for a token of one", async () => {
    const { server, tenant } = scene.dialect;
    await tenant.addMember("una");
    const key = await tenant.key("read", "write");
    const una = personOf(server, { ...key.credential, "x-act-for": "una" });
    const { conversation } = await una.conversations.createConversation({});
    const conversationId = conversation?.id ?? "";
    const { id } = await una.upload(Buffer.from("x"), { name: "own.txt" });
    await una.send(conversationId, id);
    await una.upload(Buffer.from("y"), { name: "other.txt" });
    const apiKey = await server.issuer.issueForClient({
      tenantId: tenant.id,
      keyId: key.id,
      memberId: "una",
      scopes: ["read", "write"],
      limits: { conversationId },
      expireAt: Math.floor(Date.now() / 1000) + 600,
    });
    const own = new OpenAI({ baseURL: scene.baseURL, apiKey, maxRetries: 0 });
    expect((await own.files.list()).data.map(({ filename }) => filename)).toEqual(["own.txt"]);
    await expect(own.files.list({ order: "asc" })).rejects.toThrow("order: must be empty with a conversation");
  });

  test("are listed by purpose, in both orders, page by page, also behind one that was deleted", async () => {
    const own = await ownClient();
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) {
      const purpose = index === 2 ? "batch" : "user_data";
      ids.push((await own.files.create({ file: await toFile(Buffer.from("x"), `${index}`), purpose })).id);
    }
    const all = async (query: OpenAI.FileListParams) =>
      (await Array.fromAsync(own.files.list(query))).map(({ id }) => id);
    expect(await all({ order: "asc", limit: 2 })).toEqual(ids);
    expect(await all({ limit: 2 })).toEqual(ids.toReversed());
    expect(await all({ purpose: "batch" })).toEqual([ids[2]]);
    await own.files.delete(ids[1] ?? "");
    expect(await all({ order: "asc", after: ids[1] ?? "" })).toEqual(ids.slice(2));
    for await (const { id } of own.files.list({ limit: 1 })) await own.files.delete(id);
    const empty = { object: "list", data: [], first_id: null, last_id: null, has_more: false };
    expect(await (await own.files.list().asResponse()).json()).toEqual(empty);
  });

  test("of other APIs are files here, with the purpose of what users bring", async () => {
    const credential = { authorization: `Bearer ${scene.apiKey}` };
    const files = scene.dialect.server.client(FileService, credential);
    const { file } = await files.createFile(pieces(PIXEL, { name: "a.png" }));
    const id = `file-${file?.id.replaceAll("-", "")}`;
    expect(await client.files.retrieve(id)).toMatchObject({ id, filename: "a.png", purpose: "user_data" });
  });

  test("are refused with the field that is wrong, and nothing is kept", async () => {
    const own = await ownClient();
    const file = await toFile(Buffer.from("x"), "x.txt");
    const create = (body: object) => refused(own.files.create({ file, purpose: "batch", ...body } as never));
    expect(await create({ purpose: "fun" })).toMatchObject({
      status: 400,
      param: "purpose",
      code: "invalid_value",
      message: expect.stringContaining(
        "purpose: must be one of assistants, batch, fine-tune, vision, user_data, evals",
      ),
    });
    expect(await create({ purpose: undefined })).toMatchObject({
      param: "purpose",
      code: "missing_required_parameter",
    });
    expect(await create({ expires_after: { anchor: "created_at", seconds: 3599 } })).toMatchObject({
      status: 400,
      param: "expires_after.seconds",
      message: expect.stringContaining("expires_after.seconds: must be from 3600 to 2592000"),
    });
    expect(await create({ expires_after: { anchor: "now", seconds: 3600 } })).toMatchObject({
      status: 400,
      param: "expires_after.anchor",
    });
    expect(await create({ file: await toFile(Buffer.alloc(1024 * 1024 + 1), "large") })).toMatchObject({ status: 413 });
    const form = new FormData();
    form.set("purpose", "batch");
    const headers = { authorization: `Bearer ${own.apiKey}` };
    const none = await fetch(`${scene.baseURL}/files`, { method: "POST", body: form, headers });
    expect([none.status, await none.json()]).toEqual([
      400,
      {
        error: {
          message: "file: must be given",
          type: "invalid_request_error",
          param: "file",
          code: "missing_required_parameter",
        },
      },
    ]);
    expect((await own.files.list()).data).toEqual([]);
    expect(await refused(own.files.list({ after: "nothing" }))).toMatchObject({ status: 404, param: "after" });
    expect(await refused(own.files.list({ limit: 0 }))).toMatchObject({ status: 400, param: "limit" });
  });

  test("that no item names are seen by their uploader alone; an id of another is answered as one of nothing", async () => {
    const other = await memberClient("bob");
    const mine = await memberClient("ann");
    const { id } = await mine.files.create({ file: await toFile(PIXEL, "a.png"), purpose: "vision" });
    const nothing = `file-${"0".repeat(12)}70008000${"0".repeat(12)}`;
    const calls: ((fileId: string) => Promise<unknown>)[] = [
      (fileId) => other.files.retrieve(fileId),
      (fileId) => other.files.content(fileId),
      (fileId) => other.files.delete(fileId),
    ];
    for (const call of calls) {
      const [foreign, random] = [await refused(call(id)), await refused(call(nothing))];
      expect(foreign).toEqual({
        status: 404,
        param: null,
        code: null,
        message: `404 File with id '${id}' not found.`,
      });
      expect(random.message.replace(nothing, id)).toBe(foreign.message);
    }
    expect((await other.files.list()).data).toEqual([]);
  });
});

describe("an item", () => {
  test("keeps the ids of files as they were written, in every form", async () => {
    const { id } = await upload();
    const uuid = id.slice(5).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    const content = [
      { type: "input_text", text: "Look:" },
      { type: "input_image", file_id: id, detail: "low" },
      { type: "input_file", file_id: id, filename: "b.png" },
      { type: "input_file", file_id: uuid },
      { type: "input_image", file_id: id, image_url: null, detail: "auto" },
      { type: "input_file", file_id: "file-9qWkTlmGqbnUg2Zb6nTYjT" },
    ];
    const { id: conversation } = await client.conversations.create({
      items: [{ type: "message", role: "user", content } as never],
    });
    const [item] = (await client.conversations.items.list(conversation)).data;
    expect(item).toMatchObject({ content });
  });

  test("that names a file which its sender does not see says which and where, and nothing is stored", async () => {
    const { id } = await upload();
    const mine = await memberClient("carl");
    const message = (fileId: string) => ({
      type: "message" as const,
      role: "user" as const,
      status: "completed",
      content: [
        { type: "input_text" as const, text: "Look:" },
        { type: "input_image" as const, file_id: fileId, detail: "auto" as const },
      ],
    });
    const conversation = await mine.conversations.create();
    const said = (at: string) => ({
      status: 404,
      param: at,
      code: "invalid_value",
      message: `404 ${at}: File with id '${id}' not found.`,
    });
    const hello = { role: "user", content: "Hello" } as const;
    const items = [hello, message(id)] as never;
    expect(await refused(mine.conversations.create({ items }))).toEqual(said("items[1].content[1].file_id"));
    const add = mine.conversations.items.create(conversation.id, { items: [message(id)] as never });
    expect(await refused(add)).toEqual(said("items[0].content[1].file_id"));
    for (const place of [{ conversation: conversation.id }, {}]) {
      const respond = mine.responses.create({ model: "gpt", input: items, ...place });
      expect(await refused(respond)).toEqual(said("input[1].content[1].file_id"));
    }
    expect((await mine.conversations.items.list(conversation.id)).data).toEqual([]);
    expect(scene.upstream.calls).toEqual([]);
  });
});

describe("a model", () => {
  const PDF = Buffer.from("%PDF-1.4\n%âãÏÓ\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n", "latin1");
  const url = (type: string, bytes: Buffer) => `data:${type};base64,${bytes.toString("base64")}`;
  const ask = async (model: string) => {
    const picture = await upload();
    const document = await upload(PDF, "a.pdf", "application/pdf");
    const content = [
      { type: "input_text" as const, text: "Look:" },
      { type: "input_image" as const, file_id: picture.id, detail: "low" as const },
      { type: "input_file" as const, file_id: document.id },
    ];
    await client.responses.create({ model, input: [{ role: "user", content }] });
    expect(JSON.stringify(scene.upstream.calls[0]?.body)).not.toMatch(/file-|file_id/);
    return scene.upstream.calls[0]?.body;
  };

  test("of Chat Completions gets the bytes of the files that an item names", async () => {
    scene.upstream.answer = says("One pixel.");
    expect((await ask("gpt")).messages.at(-1).content).toEqual([
      { type: "text", text: "Look:" },
      { type: "image_url", image_url: { url: url("image/png", PIXEL), detail: "low" } },
      { type: "file", file: { filename: "a.pdf", file_data: url("application/pdf", PDF) } },
    ]);
  });

  test("of Responses gets them in its own form", async () => {
    const done = { type: "message", id: "msg_1", role: "assistant", status: "completed", content: [] };
    scene.upstream.answer = responds(
      [done],
      [
        { type: "response.output_item.added", output_index: 0, item: done },
        { type: "response.output_item.done", output_index: 0, item: done },
      ],
    );
    expect((await ask("thinker")).input.at(-1).content).toEqual([
      { type: "input_text", text: "Look:" },
      { type: "input_image", detail: "low", image_url: url("image/png", PIXEL) },
      { type: "input_file", filename: "a.pdf", file_data: url("application/pdf", PDF) },
    ]);
  });
});

async function ownClient() {
  const { text: apiKey } = await scene.dialect.tenant.key("read", "write");
  return new OpenAI({ baseURL: scene.baseURL, apiKey, maxRetries: 0 });
}

async function memberClient(id: string) {
  await scene.dialect.tenant.addMember(id);
  const { authorization } = await scene.dialect.tenant.token(id);
  return new OpenAI({ baseURL: scene.baseURL, apiKey: authorization?.replace("Bearer ", "") ?? "", maxRetries: 0 });
}
