// Files in chats: what a front end sends as bytes is stored as a file, comes back as it was sent, and reaches the
// agent; what an agent makes comes as the front end takes it.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { FileService } from "../../gen/colloquy/v1/file_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { PIXEL } from "../support/calls/files.ts";
import { a2aClient, BINDINGS, message, replyOf } from "../support/fronts/a2a.ts";
import { aguiClient, bodies, runAgui } from "../support/fronts/agui.ts";
import {
  type Any,
  type ChatServer,
  chatOf,
  historyOf,
  post,
  says,
  startChats,
  user,
  VERSIONS,
} from "../support/fronts/ai-sdk.ts";

let chats: ChatServer;
beforeAll(async () => {
  const limits = { COLLOQUY_FILE_QUOTA: "24MiB", COLLOQUY_FILE_MAX: "5MiB" };
  chats = await startChats([], { COLLOQUY_COMPAT: "aisdk,agui,a2a", ...limits });
});
beforeEach(() => {
  chats.script.length = 0;
  chats.agent.calls.length = 0;
});
afterAll(() => chats.close());

const PICTURE = Buffer.concat([PIXEL, Buffer.alloc(2_000)]);
/** More than a part holds. */
const LARGE = Buffer.concat([PIXEL, Buffer.alloc(1_200_000)]);
const dataUrl = (bytes: Buffer, type = "image/png") => `data:${type};base64,${bytes.toString("base64")}`;

async function conversationOf(clientId: string): Promise<string | undefined> {
  const { conversations } = await chats.server.client(ConversationService, chats.credential).listConversations({
    clientId,
  });
  return conversations[0]?.id;
}

/** The conversation's files as the API lists them, and what its messages have of them. */
async function storedIn(clientId: string) {
  const conversationId = (await conversationOf(clientId)) ?? "";
  const { files } = await chats.server.client(FileService, chats.credential).listFiles({ conversationId });
  const { messages } = await chats.server.client(MessageService, chats.credential).listMessages({ conversationId });
  const parts = messages.flatMap((one) => one.parts.map(({ content }) => content));
  return {
    files: files.map(({ name, mediaType, size }) => [name, mediaType, Number(size)]),
    ids: files.map(({ id }) => id),
    sources: parts.flatMap((part) => (part.case === "file" ? [part.value.source] : [])),
  };
}

const given = () =>
  chats.agent.calls.at(-1)?.request.messages.flatMap(({ parts }) =>
    parts.flatMap(({ content }) => {
      if (content.case !== "file") return [];
      const { source, mediaType } = content.value;
      return [[source.case, source.case === "data" ? source.value.length : source.value, mediaType]];
    }),
  );

const makes = (data: Buffer<ArrayBuffer>, name: string) =>
  ({
    piece: {
      case: "part",
      value: { content: { case: "file", value: { source: { case: "data", value: data }, name } } },
    },
  }) as const;

test.each(VERSIONS)(
  "AI SDK %d: a data URL is a file, and the messages are the same after a reload",
  async (version) => {
    const chat = chatOf(chats, version);
    const picture = version === 7 ? LARGE : PICTURE;
    const files = [
      { type: "file", mediaType: "image/png", filename: "site.png", url: dataUrl(picture) },
      // A client may name the type otherwise than its URL does, and otherwise than the bytes are.
      { type: "file", mediaType: "image/jpeg", url: "data:image/jpg;name=a;base64,aGk=" },
      { type: "file", mediaType: "text/plain", url: "data:text/plain,not%20base64" },
    ];
    chats.script.push(says({ text: "Look: " }, makes(PIXEL, "made.png"), { text: " there." }));
    await chat.sendMessage({ text: "What is it?", files });
    expect(chat.error).toBeUndefined();
    expect(await historyOf(chats, chat.id)).toEqual(JSON.parse(JSON.stringify(chat.messages)));
    const [mine, reply] = chat.messages;
    expect(mine.parts.slice(0, 3)).toEqual(files);
    const made = { type: "file", mediaType: "image/png", url: dataUrl(PIXEL) };
    expect(reply.parts.filter(({ type }: Any) => type === "file")).toEqual([made]);
    const stored = await storedIn(chat.id);
    expect(stored.files.sort()).toEqual([
      ["", "text/plain", 2],
      ["made.png", "image/png", PIXEL.length],
      ["site.png", "image/png", picture.length],
    ]);
    expect(stored.sources.map((source) => source.case)).toEqual(["fileId", "fileId", "url", "fileId"]);
    expect(given()).toEqual([
      ["data", picture.length, "image/png"],
      ["data", 2, "text/plain"],
      ["url", "data:text/plain,not%20base64", "text/plain"],
    ]);
    // The next post brings all of it again.
    await chat.sendMessage({ text: "And now?" });
    expect(await historyOf(chats, chat.id)).toEqual(JSON.parse(JSON.stringify(chat.messages)));
    expect((await storedIn(chat.id)).ids.sort()).toEqual(stored.ids.sort());
  },
);

test("AI SDK: a repeated post and an edit that keeps a picture name the file that is there", async () => {
  const id = randomUUID();
  const url = dataUrl(PIXEL);
  const said = { ...user("One"), parts: [{ type: "file", mediaType: "image/png", url }] };
  const posts = await Promise.all([1, 2, 3].map(() => post(chats, { id, messages: [said] })));
  expect(posts.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await post(chats, { id, messages: [said] })).status).toBe(200);
  const { ids } = await storedIn(id);
  expect(ids).toHaveLength(1);
  const edited = { ...said, parts: [...said.parts, { type: "text", text: "Two" }] };
  expect((await post(chats, { id, messages: [edited], messageId: said.id })).status).toBe(200);
  expect((await historyOf(chats, id))[0]).toEqual(edited);
  expect((await storedIn(id)).ids).toEqual(ids);
});

test("AI SDK: a file that is too large, or has no room, is refused, and there is no chat", async () => {
  const send = async (bytes: Buffer) => {
    const id = randomUUID();
    const parts = [{ type: "file", mediaType: "image/png", url: dataUrl(bytes) }];
    const { status, text } = await post(chats, { id, messages: [{ ...user(""), parts }] });
    return { status, text, made: await conversationOf(id) };
  };
  const large = await send(Buffer.alloc(5 * 2 ** 20 + 3));
  expect(large).toEqual({ status: 413, text: "A file may have at most 5242880 bytes.", made: undefined });
  const { credential } = chats;
  const files = chats.server.client(FileService, credential);
  async function* upload() {
    for (let i = 0; i < 5; i++) yield { body: { data: new Uint8Array(1 << 20) } };
  }
  const filler: string[] = [];
  for (let full = false; !full; ) {
    const { file } = await files.createFile(upload()).catch(() => ({ file: undefined }));
    if (file === undefined) full = true;
    else filler.push(file.id);
  }
  const full = await send(Buffer.alloc(5 * 2 ** 20));
  for (const fileId of filler) await files.deleteFile({ fileId });
  expect(full).toMatchObject({ status: 429, made: undefined });
  expect(full.text).toBe("The files of the tenant may take at most 25165824 bytes together.");
});

test("AI SDK: a file that no message of a client holds comes by its URL", async () => {
  const id = randomUUID();
  chats.script.push(
    says(
      makes(Buffer.concat([PIXEL, Buffer.alloc(4.5 * 2 ** 20)]), "a"),
      makes(Buffer.concat([PIXEL, Buffer.alloc(4.5 * 2 ** 20)]), "b"),
    ),
  );
  const { chunks } = await post(chats, { id, messages: [user("Paint.")] });
  const urls = chunks.flatMap((chunk: Any) => (chunk.type === "file" ? [chunk.url] : []));
  expect(urls.map((url: string) => url.slice(0, 5))).toEqual(["data:", "http:"]);
  const history = await historyOf(chats, id);
  expect(history[1].parts.flatMap(({ url }: Any) => url ?? [])).toEqual(urls);
  const got = await fetch(urls[1], { headers: { ...chats.credential } });
  expect([got.status, got.headers.get("content-type")]).toEqual([200, "image/png"]);
  await chats.server.client(FileService, chats.admin).deleteFile({ fileId: urls[1].split("/").at(-2) });
  expect((await historyOf(chats, id))[1].parts).toHaveLength(history[1].parts.length);
});

test("AG-UI: bytes are a file, and the thread is the same after a reload; ids and URLs stay what they are", async () => {
  const threadId = randomUUID();
  const client = aguiClient(chats.server.url, chats.credential, { threadId });
  const value = PICTURE.toString("base64");
  const content = [
    { type: "text", text: "What is it?" },
    { type: "image", source: { type: "data", value, mimeType: "image/png" }, metadata: { page: 1 } },
    { type: "document", source: { type: "url", value: "https://example.com/a.pdf", mimeType: "application/pdf" } },
    { type: "document", source: { type: "file", value: "file-1", provider: "openai" } },
  ];
  chats.script.push(says({ text: "Look: " }, makes(PIXEL, "made.png")));
  client.addMessage({ id: "u1", role: "user", content } as never);
  const { events, error } = await runAgui(client);
  expect(error).toBeUndefined();
  const custom = events.filter(({ type }) => type === "CUSTOM");
  const source = { type: "data", value: PIXEL.toString("base64"), mimeType: "image/png" };
  expect(custom).toMatchObject([{ name: "file", value: { type: "image", source } }]);
  expect(given()?.[0]).toEqual(["data", PICTURE.length, "image/png"]);
  const stored = await storedIn(threadId);
  expect(stored.files.map(([, , size]) => size).sort()).toEqual([PICTURE.length, PIXEL.length].sort());
  const again = aguiClient(chats.server.url, chats.credential, { threadId });
  await runAgui(again);
  expect(bodies(again.messages)).toEqual(bodies(client.messages));
  // A file that was uploaded beforehand is named by its id.
  const value2 = stored.ids[0];
  again.addMessage({
    id: "u2",
    role: "user",
    content: [{ type: "image", source: { type: "file", value: value2 } }],
  } as never);
  await runAgui(again);
  const third = aguiClient(chats.server.url, chats.credential, { threadId });
  await runAgui(third);
  expect(bodies(third.messages)).toEqual(bodies(again.messages));
});

test.each(BINDINGS)("A2A over %s: raw parts are files, and come back raw", async (binding) => {
  const client = await a2aClient(chats.server.url, chats.credential, binding);
  const contextId = randomUUID();
  const sent = message("What is it?", { contextId });
  const raw = {
    content: { $case: "raw", value: PICTURE },
    metadata: { page: 1 },
    filename: "a.png",
    mediaType: "image/png",
  };
  sent.message?.parts.push(raw as never);
  chats.script.push(says({ text: "Look: " }, makes(PIXEL, "made.png")));
  const task = (await client.sendMessage(sent)) as Any;
  expect(replyOf(task)).toBe("Look: |");
  const bytesIn = (parts: Any[]) =>
    parts.flatMap(({ content, filename, mediaType }: Any) =>
      content.$case === "raw" ? [[Buffer.from(content.value).toString("base64"), filename, mediaType]] : [],
    );
  const mine = [[PICTURE.toString("base64"), "a.png", "image/png"]];
  const made = [[PIXEL.toString("base64"), "made.png", "image/png"]];
  for (const one of [
    task,
    (await client.getTask({ id: task.id, tenant: "", historyLength: undefined } as never)) as Any,
  ]) {
    expect(bytesIn(one.history[0].parts)).toEqual(mine);
    expect(one.history[0].parts[1].metadata).toEqual({ page: 1 });
    expect(bytesIn(one.artifacts[0].parts)).toEqual(made);
  }
  expect(given()).toEqual([["data", PICTURE.length, "image/png"]]);
  expect((await storedIn(contextId)).sources.map((source) => source.case)).toEqual(["fileId", "fileId"]);
  chats.script.push(says(makes(PIXEL, "again.png")));
  const told: Any[] = [];
  for await (const { payload } of client.sendMessageStream(message("Again", { contextId }))) {
    if (payload?.$case === "artifactUpdate") told.push(...bytesIn(payload.value.artifact?.parts ?? []));
  }
  expect(told).toEqual([[PIXEL.toString("base64"), "again.png", "image/png"]]);
});
