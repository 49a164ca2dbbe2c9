// Conversations as OpenAI's client makes, changes, finds and deletes them, and as every other API sees them.
import { createClient } from "@connectrpc/connect";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageKind, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { ToolType } from "../../../gen/colloquy/v1/part_pb.ts";
import { transportOver } from "../../support/calls/five-wires.ts";
import { type OpenAiScene, startOpenAi } from "./scene.ts";

let scene: OpenAiScene;
let client: OpenAI;
beforeAll(async () => {
  scene = await startOpenAi();
  client = scene.client;
});
afterAll(() => scene.close());

const ID = /^conv_[0-9a-f]{32}$/;

async function canonical() {
  const { credential } = await scene.dialect.tenant.key("read", "write");
  const transport = transportOver("Connect JSON", scene.dialect.server.url, credential);
  return {
    conversations: createClient(ConversationService, transport),
    messages: createClient(MessageService, transport),
  };
}

/** Our id of a conversation. */
function ours(id: string): string {
  const hex = id.slice("conv_".length);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

describe("a conversation", () => {
  test("has an id, a time in whole seconds and its metadata", async () => {
    const made = await client.conversations.create({ metadata: { topic: "demo", ключ: "значение" } });
    expect(made).toEqual({
      id: expect.stringMatching(ID),
      object: "conversation",
      created_at: expect.any(Number),
      metadata: { topic: "demo", ключ: "значение" },
    });
    expect(Number.isInteger(made.created_at)).toBe(true);
    expect(Math.abs(made.created_at - Date.now() / 1000)).toBeLessThan(3_600);
    expect(await client.conversations.retrieve(made.id)).toEqual(made);
  });

  test.each([[undefined], [{}], [{ items: null, metadata: null }]])("is made of %j", async (body) => {
    expect((await client.conversations.create(body)).metadata).toEqual({});
  });

  test("begins with the items that it is made with", async () => {
    const { id } = await client.conversations.create({ items: [{ role: "user", content: "hi" }] });
    expect((await client.conversations.items.list(id)).data).toMatchObject([{ type: "message", role: "user" }]);
  });

  test("gets all of its metadata replaced, and null removes them", async () => {
    const { id } = await client.conversations.create({ metadata: { a: "1", b: "2" } });
    expect((await client.conversations.update(id, { metadata: { b: "3" } })).metadata).toEqual({ b: "3" });
    expect((await client.conversations.update(id, { metadata: null })).metadata).toEqual({});
    expect((await client.conversations.retrieve(id)).metadata).toEqual({});
  });

  test("is gone with all in it once it is deleted", async () => {
    const { id } = await client.conversations.create({ items: [{ role: "user", content: "hi" }] });
    expect(await client.conversations.delete(id)).toEqual({ id, object: "conversation.deleted", deleted: true });
    const gone = {
      status: 404,
      error: { message: `Conversation with id '${id}' not found.`, code: null, param: null },
    };
    await expect(client.conversations.delete(id)).rejects.toMatchObject(gone);
    await expect(client.conversations.retrieve(id)).rejects.toMatchObject(gone);
    await expect(client.conversations.items.list(id)).rejects.toMatchObject(gone);
    await expect(client.conversations.update(id, { metadata: {} })).rejects.toMatchObject(gone);
    const sending = client.conversations.items.create(id, { items: [{ role: "user", content: "late" }] });
    await expect(sending).rejects.toMatchObject(gone);
  });

  test("of another tenant is not found, like one that never was", async () => {
    const { id } = await client.conversations.create();
    const other = await scene.dialect.server.tenant();
    const { credential } = await other.key("read", "write");
    const random = `conv_${"0".repeat(32)}`;
    for (const asked of [id, random, "conv_x", ours(id)]) {
      const answer = await scene.dialect.http("GET", `/openai/v1/conversations/${asked}`, { credential });
      expect([answer.status, answer.json]).toEqual([
        404,
        {
          error: {
            message: `Conversation with id '${asked}' not found.`,
            type: "invalid_request_error",
            param: null,
            code: null,
          },
        },
      ]);
    }
  });
});

describe("a conversation seen by other APIs", () => {
  test("is an ordinary one, its messages are found and its calls are kept apart", async () => {
    const { conversations, messages } = await canonical();
    const { id } = await client.conversations.create({
      metadata: { topic: "zebra" },
      items: [
        { role: "user", content: "where is the zebracorn" },
        { type: "function_call", call_id: "c", name: "look", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: "there" },
      ],
    });
    const conversationId = ours(id);
    const { conversation } = await conversations.getConversation({ conversationId });
    expect([conversation?.metadata, conversation?.messageCount, conversation?.lastSeq]).toEqual([
      { topic: "zebra" },
      1n,
      3n,
    ]);
    const listed = await messages.listMessages({ conversationId });
    expect(listed.messages.map(({ content, role, parts }) => [content, role, parts])).toEqual([
      ["where is the zebracorn", MessageRole.USER, []],
    ]);
    const calls = await messages.listMessages({
      conversationId,
      kinds: [MessageKind.TOOL_CALL, MessageKind.TOOL_RESULT],
    });
    expect(calls.messages.map(({ parts: [part] }) => part?.content)).toMatchObject([
      { case: "toolCall", value: { callId: "c", name: "look", arguments: "{}", type: ToolType.FUNCTION } },
      { case: "toolResult", value: { callId: "c", output: { case: "text", value: "there" } } },
    ]);
    const { matches } = await messages.searchMessages({ query: "zebracorn" });
    expect(matches.map(({ message }) => message?.conversationId)).toEqual([conversationId]);
  });

  test("keeps the ids of what a provider made, where agents give it back to that provider", async () => {
    const { messages } = await canonical();
    const items = [
      { type: "reasoning", id: "rs_68", summary: [], encrypted_content: "g" },
      { type: "web_search_call", id: "ws_68", status: "completed" },
      { type: "mcp_list_tools", id: "mcpl_68", server_label: "s", tools: [] },
    ];
    const { id } = await client.conversations.create({ items: items as never });
    const kinds = [MessageKind.REASONING, MessageKind.TOOL_CALL, MessageKind.ITEM];
    const { messages: entries } = await messages.listMessages({ conversationId: ours(id), kinds });
    expect(entries[0]?.parts[0]?.id).toBe("rs_68");
    expect(entries[1]?.parts[0]?.extraJson).toContain('"id":"ws_68"');
    expect(entries[2]?.parts[0]?.content.value).toMatchObject({
      format: "openai",
      json: expect.stringContaining("mcpl_68"),
    });
    expect((await client.conversations.items.list(id, { order: "asc" })).data).toEqual(items);
  });

  test("shows what they add as the items that it is", async () => {
    const { conversations, messages } = await canonical();
    const { conversation } = await conversations.createConversation({
      conversation: { title: "Ours", metadata: { n: 1 } },
    });
    const conversationId = conversation?.id ?? "";
    await messages.batchSendMessages({
      conversationId,
      messages: [
        { content: "plain" },
        { role: MessageRole.ASSISTANT, content: "said" },
        {
          kind: MessageKind.TOOL_CALL,
          role: MessageRole.ASSISTANT,
          parts: [{ content: { case: "toolCall", value: { callId: "c", name: "n", arguments: "{}" } } }],
        },
        {
          kind: MessageKind.TOOL_RESULT,
          role: MessageRole.TOOL,
          parts: [
            { content: { case: "toolResult", value: { callId: "c", output: { case: "json", value: '{"a":1}' } } } },
          ],
        },
        {
          kind: MessageKind.REASONING,
          role: MessageRole.ASSISTANT,
          parts: [{ content: { case: "reasoning", value: { text: "hm", encrypted: "e" } } }],
        },
        {
          role: MessageRole.ASSISTANT,
          parts: [
            {
              content: {
                case: "text",
                value: {
                  text: "see",
                  annotations: [
                    { start: 0, end: 3, target: { case: "url", value: { url: "https://a.b", title: "T" } } },
                    { target: { case: "file", value: { fileId: "file-1", filename: "a.pdf", index: 2 } } },
                  ],
                },
              },
            },
          ],
        },
        {
          parts: [
            { content: { case: "step", value: {} } },
            { content: { case: "text", value: { text: "look" } } },
            {
              content: {
                case: "file",
                value: { source: { case: "url", value: "https://a.b/c.png" }, mediaType: "image/png", name: "c.png" },
              },
            },
          ],
        },
      ],
    });
    const id = `conv_${conversationId.replaceAll("-", "")}`;
    expect((await client.conversations.retrieve(id)).metadata).toEqual({ n: "1" });
    const { data } = await client.conversations.items.list(id, { order: "asc" });
    const done = { status: "completed" };
    expect(data.map(({ id: _, ...item }) => item)).toEqual([
      { type: "message", ...done, role: "user", content: [{ type: "input_text", text: "plain" }] },
      {
        type: "message",
        ...done,
        role: "assistant",
        content: [{ type: "output_text", text: "said", annotations: [], logprobs: [] }],
      },
      { type: "function_call", ...done, call_id: "c", name: "n", arguments: "{}" },
      { type: "function_call_output", ...done, call_id: "c", output: '{"a":1}' },
      { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "hm" }], encrypted_content: "e" },
      {
        type: "message",
        ...done,
        role: "assistant",
        content: [
          {
            type: "output_text",
            text: "see",
            annotations: [
              { type: "url_citation", start_index: 0, end_index: 3, url: "https://a.b", title: "T" },
              { type: "file_citation", file_id: "file-1", filename: "a.pdf", index: 2 },
            ],
          },
        ],
      },
      {
        type: "message",
        ...done,
        role: "user",
        content: [
          { type: "input_text", text: "look" },
          { type: "input_image", image_url: "https://a.b/c.png", detail: "auto" },
        ],
      },
    ]);
  });

  test("shows the text of an edit, without what was said of the old one", async () => {
    const { messages } = await canonical();
    const { id } = await client.conversations.create({
      items: [
        {
          type: "message",
          role: "assistant",
          content: [
            {
              type: "output_text",
              text: "old",
              annotations: [{ type: "url_citation", start_index: 0, end_index: 3, url: "https://a.b", title: "T" }],
              logprobs: [],
            },
          ],
        } as never,
      ],
    });
    const { messages: listed } = await messages.listMessages({ conversationId: ours(id) });
    await messages.updateMessage({ messageId: listed[0]?.id ?? "", message: { content: "new" } });
    const { data } = await client.conversations.items.list(id);
    expect(data).toMatchObject([{ content: [{ type: "output_text", text: "new", annotations: [] }] }]);
  });
});

describe("the list of conversations", () => {
  interface Page {
    readonly data: readonly { readonly id: string; readonly metadata: object }[];
    readonly first_id: string | null;
    readonly last_id: string | null;
    readonly has_more: boolean;
  }
  const list = (query: object) => client.get<Page>("/conversations", { query: query as never });

  test("comes newest first or oldest first, page by page, filtered by metadata", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      ids.push((await client.conversations.create({ metadata: { run: "list", odd: String(i % 2) } })).id);
    }
    for (const order of ["asc", "desc", undefined]) {
      const expected = order === "asc" ? ids : ids.toReversed();
      const found: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await list({
          limit: 3,
          metadata: { run: "list" },
          ...(order && { order }),
          ...(after && { after }),
        });
        found.push(...page.data.map(({ id }) => id));
        expect([page.first_id, page.last_id]).toEqual([page.data[0]?.id, page.data.at(-1)?.id]);
        if (!page.has_more) break;
        after = page.last_id as string;
      }
      expect(found).toEqual(expected);
    }
    const odd = await list({ metadata: { run: "list", odd: "1" } });
    expect(odd.data.map(({ id }) => id)).toEqual([5, 3, 1].map((i) => ids[i]));
    expect(await list({ metadata: { run: "no" } })).toEqual({
      object: "list",
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
  });

  test("begins behind no conversation that the caller does not see", async () => {
    const after = `conv_${"0".repeat(32)}`;
    for (const id of [after, "nonsense"]) {
      await expect(list({ after: id })).rejects.toMatchObject({ status: 404, param: "after" });
    }
  });

  test("of a member holds what is the member's", async () => {
    const { dialect } = scene;
    await dialect.tenant.addMember("ann");
    const credential = await dialect.tenant.token("ann");
    const made = await dialect.http("POST", "/openai/v1/conversations", { body: {}, credential });
    const { json } = await dialect.http("GET", "/openai/v1/conversations", { credential });
    expect(json.data.map(({ id }: { id: string }) => id)).toEqual([made.json.id]);
  });
});

test("a search finds messages in all conversations, page by page", async () => {
  const { id } = await client.conversations.create({
    items: ["quokka one", "quokka two", "quokka three"].map((content) => ({ role: "user" as const, content })),
  });
  // biome-ignore lint/suspicious/noExplicitAny: the client has no type for it
  const search = (query: object) => client.get<any>("/conversations/search", { query: query as never });
  const first = await search({ query: "quokka", limit: 2 });
  expect(first).toMatchObject({ object: "conversation.search_results.page", search_query: "quokka", has_more: true });
  const second = await search({ query: "quokka", limit: 2, page: first.next_page });
  expect([second.has_more, second.next_page]).toEqual([false, null]);
  const found = [...first.data, ...second.data];
  expect(found.map(({ item }) => item.content[0].text).sort()).toEqual(["quokka one", "quokka three", "quokka two"]);
  expect(found.every((match) => match.conversation_id === id && match.score > 0 && match.snippet !== "")).toBe(true);
});

test("a fork's inherited items are read one by one by those who do not see the origin", async () => {
  const { dialect, client } = scene;
  const conversation = await client.conversations.create({ items: [{ role: "user", content: "inherited" }] });
  const [item] = (await client.conversations.items.list(conversation.id)).data;
  const { server, tenant } = dialect;
  await tenant.addMember("reader");
  const { conversations } = await canonical();
  const conversationId = ours(conversation.id);
  const { conversation: fork } = await conversations.forkConversation({ conversationId, participantIds: ["reader"] });
  const { authorization = "" } = (await tenant.token("reader")) as Record<string, string>;
  const reader = new OpenAI({
    baseURL: `${server.url}/openai/v1`,
    apiKey: authorization.replace(/^Bearer /i, ""),
    maxRetries: 0,
  });
  const of = (id: string) => ({ conversation_id: id });
  const forkId = `conv_${(fork?.id ?? "").replaceAll("-", "")}`;
  expect((await reader.conversations.items.list(forkId)).data).toEqual([item]);
  expect(await reader.conversations.items.retrieve(item?.id ?? "", of(forkId))).toEqual(item);
  await expect(reader.conversations.items.retrieve(item?.id ?? "", of(conversation.id))).rejects.toMatchObject({
    status: 404,
  });
});
