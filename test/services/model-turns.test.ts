// Turns of models that call tools, from the chat to the request that brings the results back.
import { afterAll, beforeAll, expect, test } from "vitest";
import { MessageKind } from "../../gen/colloquy/v1/message_pb.ts";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { hear } from "../support/fronts/chat.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { startUpstream, type Upstream } from "../support/services/upstream.ts";

let server: StoreServer;
let upstream: Upstream;
beforeAll(async () => {
  [server, upstream] = await Promise.all([startStoreServer(), startUpstream()]);
});
afterAll(() => Promise.all([server.close(), upstream.close()]));

const sse = (...events: object[]) => `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")}`;
const chat = (delta: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason }],
});
const CALL = { index: 0, id: "call_a", type: "function", function: { name: "get", arguments: '{"x":1}' } };
const ITEM = { type: "function_call", id: "fc_1", call_id: "call_a", name: "get", arguments: '{"x":1}' };
const RS = { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }], encrypted_content: "E" };
const done = (output_index: number, item: object) => ({ type: "response.output_item.done", output_index, item });
const completed = { type: "response.completed", response: { status: "completed", error: null, output: [] } };

test.each<[string, object, string, string, (body: never) => unknown, unknown]>([
  [
    "Chat Completions",
    { api: 1 },
    sse(chat({ reasoning_content: "hm" }), chat({ tool_calls: [CALL] }), chat({}, "tool_calls")),
    sse(chat({ content: "It is 42." }, "stop")),
    ({ messages }: { messages: object[] }) => messages,
    [
      { role: "user", content: "What is x?" },
      {
        role: "assistant",
        content: null,
        reasoning_content: "hm",
        tool_calls: [{ id: "call_a", type: "function", function: CALL.function }],
      },
      { role: "tool", tool_call_id: "call_a", content: "42" },
    ],
  ],
  [
    "Responses",
    { api: 2 },
    sse(done(0, RS), done(1, ITEM), completed),
    sse({ type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "It is 42." }, completed),
    ({ input }: { input: object[] }) => input,
    [
      { type: "message", role: "user", content: [{ type: "input_text", text: "What is x?" }] },
      RS,
      { type: "function_call", call_id: "call_a", name: "get", arguments: '{"x":1}' },
      { type: "function_call_output", call_id: "call_a", output: "42" },
    ],
  ],
])(
  "a model over %s calls a client's tool, and gets the result with its own thoughts",
  async (_, api, first, second, told, expected) => {
    upstream.calls.length = 0;
    upstream.answer = (response, __, index) => response.end(index === 0 ? first : second);
    const tenant = await server.tenant();
    const { agents, conversations, turns, messages } = tenant.key();
    const connector = { case: "openai", value: { baseUrl: upstream.url, model: "m", ...api } } as const;
    const tools = [{ name: "get", runs: { case: "client", value: {} } as const }];
    await agents.createAgent({ agent: { name: "model", connector, tools } });
    const { conversation } = await conversations.createConversation({ conversation: { agent: "model" } });
    const conversationId = conversation?.id ?? "";
    let turnId = "";
    for await (const { event } of turns.chat({ conversationId, message: { content: "What is x?" } })) {
      if (event.case === "started") turnId = event.value.turn?.id ?? "";
      if (event.case === "inputRequired" || event.case === "ended") break;
    }
    await turns.answerTurn({ turnId, results: [{ callId: "call_a", output: { case: "text", value: "42" } }] });
    const { ended } = await hear(turns.resumeTurn({ turnId }));
    expect(ended?.turn).toMatchObject({ state: TurnState.COMPLETE, failure: "" });
    expect(ended?.reply?.content).toBe("It is 42.");
    expect(told(upstream.calls[1]?.body as never)).toEqual(expected);
    const kinds = [MessageKind.MESSAGE, MessageKind.REASONING, MessageKind.TOOL_CALL, MessageKind.TOOL_RESULT];
    const listed = await messages.listMessages({ conversationId, kinds });
    expect(listed.messages.map(({ kind }) => kind)).toEqual([kinds[0], kinds[1], kinds[2], kinds[3], kinds[0]]);
  },
);
