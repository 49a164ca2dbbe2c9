// The files of a post that comes several times, over each front end that takes bytes: each is stored once.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FileService } from "../../gen/colloquy/v1/file_service_pb.ts";
import { PIXEL } from "../support/calls/files.ts";
import { a2aClient, message } from "../support/fronts/a2a.ts";
import { input, postAgui } from "../support/fronts/agui.ts";
import { type ChatServer, post, startChats } from "../support/fronts/ai-sdk.ts";
import { lockWaits } from "../support/postgres/lock-waits.ts";

let chats: ChatServer;
beforeAll(async () => {
  chats = await startChats([], { COLLOQUY_COMPAT: "aisdk,agui,a2a" });
});
afterAll(() => chats.close());

const BASE64 = PIXEL.toString("base64");

/** How a member posts a picture, as the message of an id in the chat of an id. */
const POSTS: Readonly<Record<string, (chatId: string, messageId: string) => Promise<unknown>>> = {
  "AI SDK": (id, messageId) => {
    const parts = [{ type: "file", mediaType: "image/png", url: `data:image/png;base64,${BASE64}` }];
    return post(chats, { id, messages: [{ id: messageId, role: "user", parts }] });
  },
  "AG-UI": (threadId, id) => {
    const content = [{ type: "image", source: { type: "data", value: BASE64, mimeType: "image/png" } }];
    const messages = [{ id, role: "user", content }] as never;
    return postAgui(chats.server.url, input({ threadId, runId: randomUUID(), messages }), { ...chats.credential });
  },
  A2A: async (contextId, messageId) => {
    const sent = message("Look", { contextId, messageId });
    const raw = { content: { $case: "raw", value: PIXEL }, metadata: undefined, filename: "", mediaType: "image/png" };
    sent.message?.parts.push(raw as never);
    return (await a2aClient(chats.server.url, chats.credential, "JSONRPC")).sendMessage(sent);
  },
};

async function uploads(): Promise<string[]> {
  const { files } = await chats.server.client(FileService, chats.credential).listFiles({ pageSize: 200 });
  return files.map(({ id }) => id);
}

const USAGE = "select u.files from file_usage u where u.tenant_id = $1 for update";

/** Begins calls while no file can be added, and lets them go on once so many wait for that. */
async function allAtOnce(count: number, call: () => Promise<unknown>): Promise<void> {
  const calls = await chats.server.database.transaction(undefined, async (tx) => {
    await tx.query({ name: "test_usage", text: USAGE }, [chats.tenant.id]);
    const begun = Array.from({ length: count }, call);
    await expect.poll(() => lockWaits(chats.server.database), { timeout: 20_000 }).toHaveLength(count);
    return { begun };
  });
  await Promise.allSettled(calls.begun);
}

describe.each(Object.keys(POSTS))("%s", (name) => {
  const send = POSTS[name] as (chatId: string, messageId: string) => Promise<unknown>;

  test("posts of one message at once store its file once", async () => {
    const before = await uploads();
    const [chatId, messageId] = [randomUUID(), randomUUID()];
    // There is a row of the tenant's usage once it has a file.
    await send(randomUUID(), randomUUID());
    expect(await uploads()).toHaveLength(before.length + 1);
    await allAtOnce(4, () => send(chatId, messageId));
    expect(await uploads()).toHaveLength(before.length + 2);
  });

  test("repeated posts of a message whose file was erased store it once more", async () => {
    const [chatId, messageId] = [randomUUID(), randomUUID()];
    const before = await uploads();
    await send(chatId, messageId);
    const fileId = (await uploads()).find((id) => !before.includes(id)) ?? "";
    await chats.server.client(FileService, chats.admin).deleteFile({ fileId });
    for (let i = 0; i < 3; i++) await send(chatId, messageId).catch(() => {});
    expect((await uploads()).length - before.length).toBeLessThanOrEqual(1);
  });
});
