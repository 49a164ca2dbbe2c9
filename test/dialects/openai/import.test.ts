// Moving in: what OpenAI's products hand out becomes conversations here, with times, roles and ids.
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Message, MessageKind, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TransferService } from "../../../gen/colloquy/v1/transfer_service_pb.ts";
import { linesOf } from "../../../src/dialects/openai/import/lines.ts";
import { openAiRecords } from "../../../src/dialects/openai/import/records.ts";
import { transportOver } from "../../support/calls/five-wires.ts";
import { HOSTILE } from "./item-table.ts";
import { type OpenAiScene, startOpenAi } from "./scene.ts";

let scene: OpenAiScene;
beforeAll(async () => {
  scene = await startOpenAi();
});
afterAll(() => scene.close());

async function clients() {
  const { credential } = await scene.dialect.tenant.key("read", "write", "admin");
  const transport = transportOver("gRPC", scene.dialect.server.url, credential);
  return {
    conversations: createClient(ConversationService, transport),
    messages: createClient(MessageService, transport),
    transfer: createClient(TransferService, transport),
  };
}

/** Imports a text that comes in pieces of a size that is none of its values'. */
async function imported(text: string, member?: string) {
  async function* pieces() {
    const bytes = Buffer.from(text);
    for (let from = 0; from < bytes.length; from += 61) yield bytes.subarray(from, from + 61);
  }
  const source = linesOf(openAiRecords(pieces(), { member }), false);
  const { transfer } = await clients();
  const answer = await transfer.importConversations(
    (async function* () {
      for await (const data of source.chunks()) yield { body: { data } };
    })(),
  );
  const errors = answer.errors.map(({ line, description }) => ({ value: source.valueOf(Number(line)), description }));
  return { ...answer, errors: [...errors, ...source.faults] };
}

const lines = (...values: object[]) => values.map((value) => JSON.stringify(value)).join("\n");

const KINDS = [1, 2, 3, 4, 5, 6, 7, 8] as MessageKind[];

/** The conversation with this title or metadata, and its entries. */
async function found(filter: { title?: string; metadata?: Record<string, string> }) {
  const { conversations, messages } = await clients();
  const { conversations: all } = await conversations.listConversations({ metadata: filter.metadata ?? {} });
  const conversation = all.find(({ title }) => filter.title === undefined || title === filter.title);
  if (conversation === undefined) throw new Error("it was not imported");
  const listed = await messages.listMessages({ conversationId: conversation.id, kinds: KINDS });
  return { conversation, entries: listed.messages };
}

const seconds = ({ createTime }: Pick<Message, "createTime">) => Number(createTime?.seconds ?? 0n);

describe("threads of the Assistants API", () => {
  const message = (n: number, role: string, text: string, more: object = {}) => ({
    id: `msg_${n}`,
    object: "thread.message",
    created_at: 1_700_000_000 + n,
    thread_id: "thread_abc",
    role,
    content: [{ type: "text", text: { value: text, annotations: [] } }],
    ...more,
  });
  const thread = { id: "thread_abc", object: "thread", created_at: 1_700_000_000, metadata: { run: "threads" } };

  test("come with their messages in the order of time, however they were listed, and once", async () => {
    const dump = lines(
      thread,
      message(3, "user", "And in Rome?", { attachments: [{ file_id: "file-1", tools: [] }] }),
      message(2, "assistant", "It rains.", { assistant_id: "asst_1", run_id: "run_1" }),
      message(1, "user", "How is it in Paris?", { metadata: { from: "web" } }),
    );
    expect(await imported(dump)).toMatchObject({ conversationCount: 1n, messageCount: 3n, errors: [] });
    const { conversation, entries } = await found({ metadata: { run: "threads" } });
    expect(seconds(conversation)).toBe(1_700_000_000);
    expect(entries.map((entry) => [entry.role, entry.content, seconds(entry), entry.clientId])).toEqual([
      [MessageRole.USER, "How is it in Paris?", 1_700_000_001, "msg_1"],
      [MessageRole.ASSISTANT, "It rains.", 1_700_000_002, "msg_2"],
      [MessageRole.USER, "And in Rome?", 1_700_000_003, "msg_3"],
    ]);
    expect(entries[0]?.metadata).toEqual({ from: "web" });
    expect(entries[1]?.metadata).toEqual({ assistant_id: "asst_1", run_id: "run_1" });
    const id = `conv_${conversation.id.replaceAll("-", "")}`;
    const last = await scene.client.conversations.items.retrieve("msg_3", { conversation_id: id });
    expect(last).toMatchObject({
      content: [
        { type: "input_text", text: "And in Rome?" },
        { type: "input_file", file_id: "file-1" },
      ],
    });
    expect(await imported(dump)).toMatchObject({ conversationCount: 0n, messageCount: 0n, skippedCount: 4n });
  });

  test("come from lists and with images", async () => {
    const image = { content: [{ type: "image_url", image_url: { url: "https://a.b/c.png" } }] };
    const own = { ...thread, id: "thread_list", metadata: { run: "list" } };
    const data = [message(2, "assistant", "A cat."), message(1, "user", "", image)];
    const page = { object: "list", data: data.map((one) => ({ ...one, thread_id: "thread_list" })) };
    expect(await imported(JSON.stringify([own, page], undefined, 2))).toMatchObject({ messageCount: 2n, errors: [] });
    const { entries } = await found({ metadata: { run: "list" } });
    expect(entries.map(({ content }) => content)).toEqual(["", "A cat."]);
    expect(entries[0]?.parts[0]?.content).toMatchObject({ case: "file" });
  });
});

describe("conversations and items", () => {
  test("come back from here as they were there", async () => {
    const items = [
      {
        type: "message",
        id: "msg_68",
        status: "completed",
        role: "user",
        content: [{ type: "input_text", text: "hi" }],
      },
      { type: "reasoning", id: "rs_68", summary: [], encrypted_content: "gA" },
      { type: "function_call", id: "fc_68", call_id: "c", name: "n", arguments: HOSTILE, status: "completed" },
      { type: "a_type_of_tomorrow", id: "x_68", deep: [[{}]] },
    ];
    const conversation = {
      id: "conv_68af",
      object: "conversation",
      created_at: 1_750_000_000,
      metadata: { run: "items" },
    };
    const [first, ...others] = items;
    const dump = lines(
      { ...conversation, items: { object: "list", data: [first] } },
      ...others.map((item) => ({ ...item, conversation_id: "conv_68af" })),
    );
    expect(await imported(dump)).toMatchObject({ conversationCount: 1n, messageCount: 4n, errors: [] });
    const { conversation: ours } = await found({ metadata: { run: "items" } });
    const id = `conv_${ours.id.replaceAll("-", "")}`;
    expect((await scene.client.conversations.items.list(id, { order: "asc" })).data).toEqual(items);
    expect((await scene.client.conversations.retrieve(id)).created_at).toBe(1_750_000_000);
    expect(await imported(dump)).toMatchObject({ messageCount: 0n, skippedCount: 5n });
  });

  test("that cannot be read are named by their number", async () => {
    const conversation = { id: "conv_bad", object: "conversation", created_at: 1_750_000_000 };
    const { errors, messageCount } = await imported(
      `${lines(conversation, { type: "message", role: "robot", content: "x" }, { nothing: 1 })}\n[1]\n{"type": ` +
        `\n}\n${lines({ role: "user", content: "good" })}`,
    );
    expect(messageCount).toBe(1n);
    expect(errors).toEqual([
      { value: 2, description: "item.role: must be one of user, assistant, system, developer" },
      { value: 3, description: "object: must be thread, thread.message, conversation, list, or left out in an item" },
      { value: 4, description: "must be an object" },
      { value: 5, description: "must be JSON" },
    ]);
  });
});

describe("ChatGPT's export", () => {
  const node = (id: string, parent: string | null, children: string[], message: object | null) => ({
    [id]: { id, parent, children, message },
  });
  const said = (role: string, n: number, parts: unknown[], more: object = {}) => ({
    id: `m${n}`,
    author: { role, name: null, metadata: {} },
    create_time: 1_700_000_000 + n + 0.25,
    content: { content_type: "text", parts },
    recipient: "all",
    metadata: {},
    ...more,
  });
  const tree = (title: string) => ({
    title,
    create_time: 1_700_000_000.5,
    update_time: 1_700_000_100,
    conversation_id: `chat-${title}`,
    current_node: "e",
    default_model_slug: "gpt-4o",
    is_archived: true,
    mapping: {
      ...node("root", null, ["s"], null),
      ...node("s", "root", ["a"], said("system", 0, [""], { create_time: null })),
      ...node("a", "s", ["b", "b2"], said("user", 1, ["Hello"])),
      ...node("b2", "a", [], said("assistant", 9, ["an answer that was replaced"])),
      ...node(
        "b",
        "a",
        ["c"],
        said("assistant", 2, [], { content: { content_type: "code", text: "1+1" }, recipient: "python" }),
      ),
      ...node("c", "b", ["d"], {
        ...said("tool", 3, []),
        content: { content_type: "execution_output", text: "2" },
      }),
      ...node("d", "c", ["e"], said("assistant", 4, ["It is 2."], { metadata: { model_slug: "gpt-4o" } })),
      ...node(
        "e",
        "d",
        [],
        said(
          "user",
          5,
          [{ content_type: "image_asset_pointer", asset_pointer: "file-service://file-7" }, "And this?"],
          {
            content: {
              content_type: "multimodal_text",
              parts: [{ content_type: "image_asset_pointer", asset_pointer: "file-service://file-7" }, "And this?"],
            },
          },
        ),
      ),
    },
  });

  test("comes with the path that is live, its calls, files and times, and what was replaced beside it", async () => {
    await scene.dialect.tenant.addMember("ann");
    const text = JSON.stringify([tree("tree"), tree("other")], undefined, 1);
    expect(await imported(text, "ann")).toMatchObject({ conversationCount: 2n, messageCount: 12n, errors: [] });
    const { conversation, entries } = await found({ title: "tree" });
    expect(conversation).toMatchObject({ ownerId: "ann", metadata: { source: "chatgpt", model: "gpt-4o" } });
    expect(conversation.createTime).toMatchObject({ seconds: 1_700_000_000n, nanos: 500_000_000 });
    expect(entries.map(({ kind, role, content }) => [kind, role, content])).toEqual([
      [MessageKind.MESSAGE, MessageRole.USER, "Hello"],
      [MessageKind.TOOL_CALL, MessageRole.ASSISTANT, ""],
      [MessageKind.TOOL_RESULT, MessageRole.TOOL, ""],
      [MessageKind.MESSAGE, MessageRole.ASSISTANT, "It is 2."],
      [MessageKind.MESSAGE, MessageRole.USER, "And this?"],
    ]);
    expect(entries[1]?.parts[0]?.content).toMatchObject({ value: { callId: "m2", name: "python", arguments: "1+1" } });
    expect(entries[2]?.parts[0]?.content).toMatchObject({
      value: { callId: "m2", output: { case: "text", value: "2" } },
    });
    expect(entries[3]?.metadata).toEqual({ model: "gpt-4o" });
    expect(entries[4]?.parts[0]?.content).toMatchObject({ value: { source: { case: "fileId", value: "file-7" } } });
    expect(entries[0]?.sender?.id).toBe("ann");
    expect(entries.map((entry) => [seconds(entry), entry.createTime?.nanos])).toEqual(
      [1, 2, 3, 4, 5].map((n) => [1_700_000_000 + n, 250_000_000]),
    );
    expect(await imported(text, "ann")).toMatchObject({ conversationCount: 0n, messageCount: 0n, skippedCount: 14n });
  });

  test("of old, which names no live path, comes with the latest", async () => {
    const { current_node: _, ...old } = tree("old");
    expect(await imported(JSON.stringify([old]))).toMatchObject({ conversationCount: 1n });
    const { entries } = await found({ title: "old" });
    expect(entries.map(({ content }) => content)).toEqual(["Hello", "an answer that was replaced"]);
  });

  test.each([
    ["UUIDs", () => crypto.randomUUID()],
    ["ids of another program", (name: string) => `node ${name}`],
  ])(
    "with %s brings answers and questions that were replaced as branches, and repeats add nothing",
    async (_, make) => {
      const ids = Object.fromEntries(["r", "u", "x", "y", "z", "v", "w"].map((name) => [name, make(name)]));
      const { r = "", u = "", x = "", y = "", z = "", v = "", w = "" } = ids;
      const branched = {
        ...tree(`branched-${r}`),
        conversation_id: make("conversation"),
        current_node: z,
        mapping: {
          ...node(r, null, [u, v], null),
          ...node(u, r, [x, y], said("user", 1, ["Where to?"])),
          ...node(x, u, [], said("assistant", 2, ["Lisbon"])),
          ...node(y, u, [z], said("assistant", 3, ["Porto"])),
          ...node(z, y, [], said("user", 4, ["By train?"])),
          ...node(v, r, [w], said("user", 5, ["Where from?"])),
          ...node(w, v, [], said("assistant", 6, ["Oslo"])),
        },
      };
      const text = JSON.stringify([branched]);
      expect(await imported(text)).toMatchObject({ conversationCount: 1n, messageCount: 6n, errors: [] });
      const { conversation, entries } = await found({ title: branched.title });
      expect(entries.map(({ content }) => content)).toEqual(["Where to?", "Porto", "By train?"]);
      const { messages } = await clients();
      const { branches } = await messages.listBranches({ conversationId: conversation.id });
      const read = branches.map(async ({ messageId }) => {
        const page = await messages.listMessages({ conversationId: conversation.id, branchMessageId: messageId });
        return page.messages.map(({ content }) => content);
      });
      expect((await Promise.all(read)).sort()).toEqual([
        ["Where from?", "Oslo"],
        ["Where to?", "Lisbon"],
        ["Where to?", "Porto", "By train?"],
      ]);
      expect(await imported(text)).toMatchObject({ messageCount: 0n, skippedCount: 7n });
    },
  );

  test("that is no tree is told, and the others come", async () => {
    const circle = tree("circle");
    circle.mapping.a = { ...circle.mapping.a, parent: "d" } as never;
    const { errors, conversationCount } = await imported(JSON.stringify([circle, tree("after")]));
    expect(errors).toEqual([{ value: 1, description: "mapping: must be a tree, and has a circle" }]);
    expect(conversationCount).toBe(1n);
  });

  test("with a line that is no JSON is counted by lines", async () => {
    const lines = ["not json, at all", JSON.stringify(tree("between")), "12", '"a text" and more', ""];
    const { errors, conversationCount } = await imported(lines.join("\n"));
    expect([errors.map(({ value }) => value), conversationCount]).toEqual([[1, 3, 4], 1n]);
  });
});
