// Replies of Responses as OpenAI and its relatives send them, and histories as they take them.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OpenAiConnectorSchema } from "../../gen/colloquy/v1/agent_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { ToolPlace, ToolType } from "../../gen/colloquy/v1/part_pb.ts";
import { agentSender, type Entry, itemsOf } from "../../src/agents/connectors/history/items.ts";
import { createOpenAi } from "../../src/agents/connectors/openai/openai.ts";
import { readBody } from "../../src/agents/connectors/openai/read-body.ts";
import { inputOf } from "../../src/agents/connectors/openai/responses/input.ts";
import { ResponsesReply } from "../../src/agents/connectors/openai/responses/reply.ts";
import { responsesApi } from "../../src/agents/connectors/openai/responses/responses.ts";
import { assistant, call, developer, entry, result, system, thought, user } from "../support/entries.ts";
import {
  AGENT_ID,
  ask,
  type Heard,
  heard,
  inChunks,
  startUpstream,
  type Upstream,
} from "../support/services/upstream.ts";

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

const event = (type: string, fields: object = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const added = (output_index: number, item: object) => event("response.output_item.added", { output_index, item });
const done = (output_index: number, item: object) => event("response.output_item.done", { output_index, item });
const say = (output_index: number, delta: string, content_index = 0, item_id = "msg_1") =>
  event("response.output_text.delta", { output_index, content_index, item_id, delta });
const completed = (response: object = {}) =>
  event("response.completed", {
    response: { object: "response", status: "completed", error: null, output: [], ...response },
  });
const CREATED = event("response.created", {
  response: { object: "response", status: "in_progress", error: null, output: [] },
});
const fc1 = { type: "function_call", id: "fc_1", call_id: "call_a", name: "get", status: "completed" };
const GET = {
  call: "get",
  id: "call_a",
  arguments: '{"x":1}',
  type: ToolType.FUNCTION,
  partId: "fc_1",
};
const rs = { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }], encrypted_content: "E" };
const RS = {
  reasoning: "hm",
  ended: { id: "rs_1", summary: ["hm"], encrypted: "E" },
};
const search = { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } };

const REPLIES: Readonly<Record<string, readonly [body: string, items: object[], finish?: string]>> = {
  "thoughts, a call and another": [
    CREATED +
      added(0, { ...rs, summary: [], encrypted_content: "half" }) +
      event("response.reasoning_summary_part.added", { output_index: 0, summary_index: 0 }) +
      event("response.reasoning_summary_text.delta", { output_index: 0, item_id: "rs_1", delta: "h" }) +
      event("response.reasoning_summary_text.delta", { output_index: 0, item_id: "rs_1", delta: "m" }) +
      done(0, rs) +
      added(1, { ...fc1, arguments: "", status: "in_progress" }) +
      event("response.function_call_arguments.delta", { output_index: 1, item_id: "fc_1", delta: '{"x"' }) +
      event("response.function_call_arguments.delta", { output_index: 1, item_id: "fc_1", delta: ":1}" }) +
      event("response.function_call_arguments.done", { output_index: 1, item_id: "fc_1", arguments: '{"x":1}' }) +
      done(1, { ...fc1, arguments: '{"x":1}' }) +
      added(2, { type: "custom_tool_call", id: "ctc_1", call_id: "call_b", name: "sh", input: "" }) +
      event("response.custom_tool_call_input.delta", { output_index: 2, item_id: "ctc_1", delta: "ls" }) +
      done(2, { type: "custom_tool_call", id: "ctc_1", call_id: "call_b", name: "sh", input: "ls" }) +
      completed(),
    [
      RS,
      GET,
      {
        call: "sh",
        id: "call_b",
        arguments: "ls",
        type: ToolType.CUSTOM,
        partId: "ctc_1",
      },
    ],
    "TOOL_CALLS",
  ],
  "two calls whose arguments come by turns": [
    added(0, { ...fc1, arguments: "" }) +
      added(1, { ...fc1, id: "fc_2", call_id: "call_b", arguments: "" }) +
      event("response.function_call_arguments.delta", { output_index: 1, delta: '{"y"' }) +
      event("response.function_call_arguments.delta", { output_index: 0, delta: '{"x":1}' }) +
      event("response.function_call_arguments.delta", { output_index: 1, delta: ":2}" }) +
      completed(),
    [GET, { ...GET, id: "call_b", partId: "fc_2", arguments: '{"y":2}' }],
    "TOOL_CALLS",
  ],
  "words, and words after a hosted search, with citations": [
    added(0, { type: "message", id: "msg_1", content: [] }) +
      say(0, "Let me see.") +
      done(0, { type: "message", id: "msg_1", content: [{ type: "output_text", text: "Let me see." }] }) +
      added(1, search) +
      event("response.web_search_call.searching", { output_index: 1, item_id: "ws_1" }) +
      done(1, search) +
      say(2, "Sü👍") +
      say(2, "ß", 1) +
      event("response.output_text.annotation.added", {
        output_index: 2,
        content_index: 1,
        annotation: { type: "url_citation", url: "https://a.example/", title: "A", start_index: 0, end_index: 1 },
      }) +
      done(2, { type: "message", content: [{ type: "output_text", text: "Sü👍" }] }) +
      completed(),
    [
      { text: "Let me see." },
      { part: expect.objectContaining({ format: "openai", json: JSON.stringify(search) }), kind: "opaque", entry: 7 },
      { text: "Sü👍\n\nß" },
      { annotation: expect.objectContaining({ start: 5, end: 6 }) },
    ],
  ],
  "braintrustdata/lingua#397: messages whose words come by turns": [
    added(0, { type: "message", id: "msg_1", content: [] }) +
      added(1, { type: "message", id: "msg_2", content: [] }) +
      added(2, { type: "message", id: "msg_3", content: [] }) +
      say(0, "a") +
      say(2, "e", 0, "msg_3") +
      say(1, "c", 0, "msg_2") +
      say(0, "b") +
      say(1, "d", 0, "msg_2") +
      done(1, { type: "message", id: "msg_2", content: [{ type: "output_text", text: "cd" }] }) +
      done(0, { type: "message", id: "msg_1", content: [{ type: "output_text", text: "ab" }] }) +
      say(2, "f", 0, "msg_3") +
      completed(),
    [{ text: "ab\n\ncd\n\nef" }],
  ],
  "a refusal": [
    event("response.refusal.delta", { output_index: 0, content_index: 0, delta: "No." }) + completed(),
    [{ text: "No." }],
  ],
  "vercel/ai#18548, Copilot: another id in each event": [
    added(0, { type: "message", id: "x1", content: [] }) +
      say(0, "wh", 0, "x2") +
      say(0, "ole", 0, "x3") +
      done(0, { type: "message", id: "x4", content: [{ type: "output_text", text: "whole" }] }) +
      completed({ output: [{ type: "message", id: "x5", content: [{ type: "output_text", text: "whole" }] }] }),
    [{ text: "whole" }],
  ],
  "Oaklight/llm-rosetta#56: words without a place, the response with them": [
    event("response.output_text.delta", { delta: "whole" }) +
      completed({ output: [{ type: "message", id: "m", content: [{ type: "output_text", text: "whole" }] }] }),
    [{ text: "whole" }],
  ],
  "lidge-jun/opencodex#4652: arguments in the last event alone": [
    added(0, { ...fc1, arguments: "" }) +
      event("response.function_call_arguments.done", { output_index: 0, arguments: '{"x":1}' }) +
      completed(),
    [GET],
    "TOOL_CALLS",
  ],
  "items that no event began": [
    done(0, rs) + done(1, { ...fc1, arguments: '{"x":1}' }) + completed(),
    [RS, GET],
    "TOOL_CALLS",
  ],
  "NVIDIA-NeMo/Switchyard#777: the response alone": [
    completed({
      output: [
        rs,
        { type: "message", content: [{ type: "output_text", text: "So" }] },
        { ...fc1, arguments: '{"x":1}' },
      ],
    }),
    [RS, { text: "So" }, GET],
    "TOOL_CALLS",
  ],
  "a document": [
    JSON.stringify({
      object: "response",
      status: "completed",
      error: null,
      output: [rs, { type: "message", content: [{ type: "output_text", text: "So" }] }],
    }),
    [RS, { text: "So" }],
  ],
  "gpt-oss: thoughts as text, without a summary": [
    event("response.reasoning_text.delta", { output_index: 0, content_index: 0, delta: "hm" }) +
      done(0, { type: "reasoning", id: "rs_1", summary: [], content: [{ type: "reasoning_text", text: "hm" }] }) +
      say(1, "So") +
      completed(),
    [{ reasoning: "hm", ended: { providerJson: '{"id":"rs_1"}' } }, { text: "So" }],
  ],
  "peonist-ai/halogen-flash-server#67: each word as text and as a summary": [
    added(0, { type: "reasoning", id: "rs_1", summary: [] }) +
      event("response.reasoning_summary_part.added", { output_index: 0, summary_index: 0 }) +
      ["h", "m"]
        .map(
          (delta) =>
            event("response.reasoning_text.delta", { output_index: 0, item_id: "rs_1", delta }) +
            event("response.reasoning_summary_text.delta", { output_index: 0, item_id: "rs_1", delta }),
        )
        .join("") +
      done(0, {
        type: "reasoning",
        id: "rs_1",
        summary: rs.summary,
        content: [{ type: "reasoning_text", text: "hm" }],
      }) +
      say(1, "So") +
      completed(),
    [{ reasoning: "hm", ended: { providerJson: '{"id":"rs_1"}' } }, { text: "So" }],
  ],
  "anomalyco/opencode#44794: the id of thoughts comes after their words": [
    event("response.reasoning_text.delta", { output_index: 0, delta: "h" }) +
      event("response.reasoning_text.delta", { output_index: 0, item_id: "rs_1", delta: "m" }) +
      done(0, { type: "reasoning", id: "rs_1", summary: [], content: [{ type: "reasoning_text", text: "hm" }] }) +
      say(1, "So") +
      completed(),
    [{ reasoning: "hm", ended: { providerJson: '{"id":"rs_1"}' } }, { text: "So" }],
  ],
  "anomalyco/opencode#44595: a summary that is told at its end alone": [
    added(0, { type: "reasoning", id: "rs_1", summary: [] }) +
      event("response.reasoning_summary_part.added", { output_index: 0, item_id: "rs_1", summary_index: 0 }) +
      event("response.reasoning_summary_text.done", {
        output_index: 0,
        item_id: "rs_1",
        summary_index: 0,
        text: "hm",
      }) +
      done(0, rs) +
      say(1, "So") +
      completed(),
    [RS, { text: "So" }],
  ],
  "vllm-project/agentic-api#273: what was cut ends with response.completed": [
    say(0, "cut") + completed({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }),
    [{ text: "cut" }],
    "LENGTH",
  ],
  "thoughts without any words": [
    done(0, { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "E" }) + say(1, "So") + completed(),
    [{ reasoning: "", ended: { id: "rs_1", encrypted: "E" } }, { text: "So" }],
  ],
  "summaries in two parts": [
    event("response.reasoning_summary_part.added", { output_index: 0, summary_index: 0 }) +
      event("response.reasoning_summary_text.delta", { output_index: 0, delta: "one" }) +
      event("response.reasoning_summary_part.added", { output_index: 0, summary_index: 1 }) +
      event("response.reasoning_summary_text.delta", { output_index: 0, delta: "two" }) +
      done(0, {
        ...rs,
        summary: [
          { type: "summary_text", text: "one" },
          { type: "summary_text", text: "two" },
        ],
      }) +
      say(1, "So") +
      completed(),
    [{ reasoning: "one\n\ntwo", ended: { ...RS.ended, summary: ["one", "two"] } }, { text: "So" }],
  ],
  "a limit of length": [
    say(0, "cut") +
      event("response.incomplete", {
        response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } },
      }),
    [{ text: "cut" }],
    "LENGTH",
  ],
  "a filter": [
    say(0, "cut") +
      event("response.incomplete", {
        response: { status: "incomplete", incomplete_details: { reason: "content_filter" } },
      }),
    [{ text: "cut" }],
    "CONTENT_FILTER",
  ],
  "no event names, and [DONE] in place of the end": [
    `data: ${JSON.stringify({ type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "so" })}\n\ndata: [DONE]\n\n`,
    [{ text: "so" }],
  ],
  "types that nobody knows": [
    event("response.new_thing.delta", { delta: "?" }) +
      done(0, { type: "new_thing", id: "n", x: null }) +
      say(1, "So") +
      completed(),
    [
      { part: expect.objectContaining({ json: '{"type":"new_thing","id":"n","x":null}' }), kind: "opaque", entry: 7 },
      { text: "So" },
    ],
  ],
};

const parse = (chunks: AsyncIterable<Uint8Array>): Promise<Heard> =>
  heard(readBody(chunks, new ResponsesReply({ newId: () => "new" }), new AbortController().signal));

describe("F-RESPONSES: a reply", () => {
  test.each(Object.entries(REPLIES))("%s", async (_, [body, items, finish = "STOP"]) => {
    const bytes = Buffer.from(body);
    const whole = await parse(inChunks(bytes, []));
    expect(whole).toEqual({ items, finish, usage: undefined, failure: undefined });
    expect(await parse(inChunks(bytes, [...bytes.keys()]))).toEqual(whole);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(9_000), { maxLength: 30 }), async (at) => {
        expect(await parse(inChunks(bytes, at))).toEqual(whole);
      }),
      { numRuns: 20 },
    );
    upstream.answer = (response) => response.end(body);
    const settings = { baseUrl: `${upstream.url}/v1`, model: "m", api: "OPEN_AI_API_RESPONSES" };
    expect(await ask(createOpenAi(upstream.bounded), { settings })).toEqual(whole);
    expect(upstream.calls.at(-1)?.path).toBe("/v1/responses");
  });

  test.each<[string, string, string, string | undefined]>([
    [
      "response.failed",
      event("response.failed", { response: { status: "failed", error: { code: "server_error", message: "x" } } }),
      "the agent reported an error",
      "down",
    ],
    [
      "failed for a limit of rate",
      event("response.failed", {
        response: { status: "failed", error: { code: "rate_limit_exceeded", message: "x" } },
      }),
      "the agent reported an error",
      "down",
    ],
    [
      "failed for this conversation",
      event("response.failed", { response: { status: "failed", error: { code: "invalid_prompt", message: "x" } } }),
      "the agent reported an error",
      "up",
    ],
    [
      "an error event",
      event("error", { code: "server_error", message: "x", param: null }),
      "the agent reported an error",
      "down",
    ],
    [
      "an error without an event's name",
      `data: {"type":"error","error":{"type":"invalid_request_error","message":"x"}}\n\n`,
      "the agent reported an error",
      "up",
    ],
    ...["slow_down", "server_is_overloaded", "upstream_error"].map((code): [string, string, string, string] => [
      `for now: ${code}`,
      event("response.failed", { response: { status: "failed", error: { code, message: "x" } } }),
      "the agent reported an error",
      "down",
    ]),
    [
      "messages by turns, of which too much would be held",
      [0, 1].map((index) => added(index, { type: "message", id: `msg_${index}`, content: [] })).join("") +
        say(1, "x".repeat(1024 * 1024), 0, "msg_1").repeat(5),
      "the agent sent too much of messages by turns",
      "up",
    ],
    ["no end", say(0, "half"), "the agent broke off", "down"],
    ["a document that is none", '{"hello":1}', "the agent's response is not a reply", "unknown"],
  ])("that fails: %s", async (_, body, message, health) => {
    const { failure } = await parse(inChunks(Buffer.from(body), []));
    expect(failure).toMatchObject({ message, health });
  });

  test("has its usage and model", async () => {
    const usage = {
      input_tokens: 9,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 3 },
    };
    const { usage: counted } = await parse(
      inChunks(Buffer.from(say(0, "a") + completed({ model: "gpt-x", usage })), []),
    );
    expect(counted).toEqual({
      inputTokens: 9n,
      cachedTokens: 4n,
      outputTokens: 5n,
      reasoningTokens: 3n,
      cacheWriteTokens: 2n,
      model: "gpt-x",
    });
  });
});

const told = (entries: readonly Entry[], thoughts = true) => inputOf(itemsOf(entries, agentSender(AGENT_ID)), thoughts);
const m = (role: string, text: string) => ({
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text }],
});
const f = (call_id: string, name = "f", args = "{}") => ({ type: "function_call", call_id, name, arguments: args });
const o = (call_id: string, output: unknown) => ({ type: "function_call_output", call_id, output });
const thinks = thought("hm", {}, { encrypted: "E", summary: ["hm"], id: "rs_1" });
const R = { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }], encrypted_content: "E" };
const opaque = (json: object) =>
  entry(MessageRole.ASSISTANT, {
    content: { case: "opaque", value: { format: "openai", json: JSON.stringify(json) } },
  });

describe("F-RESPONSES: a history to reply to", () => {
  const GO_ON = m("user", "(Please go on.)");

  test.each<[string, Entry[], object[]]>([
    ["of an empty message alone is not empty", [user("")], [GO_ON]],
    [
      "whose last message is empty does not end with the reply",
      [user("1"), assistant("2"), user(" ")],
      [m("user", "1"), m("assistant", "2"), GO_ON],
    ],
    ["that ends with an output stays", [user("1"), call("a"), result("a", "A")], [m("user", "1"), f("a"), o("a", "A")]],
    ["of instructions of the developer alone stays", [developer("D")], [m("developer", "D")]],
  ])("%s", (_, entries, input) => {
    const items = itemsOf(entries, agentSender(AGENT_ID));
    expect(responsesApi.body(create(OpenAiConnectorSchema), items, [], new Set())).toMatchObject({ input });
  });
});

describe("F-RESPONSES: a history", () => {
  test.each<[string, Entry[], object[]]>([
    [
      "goes back item by item",
      [system("S"), developer("D"), user("1"), thinks, call("a"), result("a", "A"), assistant("2")],
      [m("system", "S"), m("developer", "D"), m("user", "1"), R, f("a"), o("a", "A"), m("assistant", "2")],
    ],
    [
      "with calls of one step: their outputs after them",
      [user("1"), thinks, call("a"), call("b"), result("b", "B"), result("a", "A")],
      [m("user", "1"), R, f("a"), f("b"), o("a", "A"), o("b", "B")],
    ],
    [
      "OpenHands/software-agent-sdk#1754: a thought without what it led to stays at home",
      [user("1"), thinks, user("2")],
      [m("user", "1"), m("user", "2")],
    ],
    [
      "openai/openai-agents-js#546: a thought without what is encrypted stays at home",
      [user("1"), thought("hm", {}, { id: "rs_1" }), assistant("2")],
      [m("user", "1"), m("assistant", "2")],
    ],
    [
      "thoughts that were told as text go back under the provider's id",
      [user("1"), thought("hm", { id: "rs_1" }, { encrypted: "E" }), assistant("2")],
      [m("user", "1"), { ...R, summary: [] }, m("assistant", "2")],
    ],
    [
      "another provider's thoughts stay at home",
      [user("1"), thought("hm", { anthropic: { type: "thinking" } }, { encrypted: "sig" }), assistant("2")],
      [m("user", "1"), m("assistant", "2")],
    ],
    [
      "a call without output gets one",
      [user("1"), call("a"), user("2")],
      [m("user", "1"), f("a"), o("a", "(The call was not answered.)"), m("user", "2")],
    ],
    [
      "an output without its call becomes words",
      [result("a", "A"), user("1")],
      [
        {
          type: "message",
          role: "user",
          content: [
            { type: "input_text", text: "Result of the tool call a:" },
            { type: "input_text", text: "A" },
          ],
        },
        m("user", "1"),
      ],
    ],
    [
      "items of hosted tools go back as they came, without nulls",
      [user("1"), opaque({ ...search, created_by: "x", n: null }), assistant("2")],
      [m("user", "1"), search, m("assistant", "2")],
    ],
    [
      "a hosted call that was stored as one is an item again",
      [
        user("1"),
        entry(MessageRole.ASSISTANT, {
          extraJson: '{"type":"mcp_call","id":"mcp_1","server_label":"s"}',
          content: {
            case: "toolCall",
            value: { name: "x", arguments: "{}", type: ToolType.MCP, runsAt: ToolPlace.PROVIDER },
          },
        }),
      ],
      [m("user", "1"), { type: "mcp_call", id: "mcp_1", server_label: "s", name: "x", arguments: "{}" }],
    ],
    [
      "a custom call has free text, and an output of its kind",
      [
        user("1"),
        entry(MessageRole.ASSISTANT, {
          content: { case: "toolCall", value: { callId: "a", name: "sh", arguments: "ls", type: ToolType.CUSTOM } },
        }),
        result("a", "x"),
      ],
      [
        m("user", "1"),
        { type: "custom_tool_call", call_id: "a", name: "sh", input: "ls" },
        { type: "custom_tool_call_output", call_id: "a", output: "x" },
      ],
    ],
    [
      "an output with an image is a list",
      [
        user("1"),
        call("a"),
        entry(MessageRole.TOOL, {
          content: {
            case: "toolResult",
            value: {
              callId: "a",
              output: {
                case: "parts",
                value: {
                  parts: [
                    {
                      content: {
                        case: "file",
                        value: { source: { case: "fileId", value: "file-1" }, mediaType: "image/png" },
                      },
                    },
                  ],
                },
              },
            },
          },
        }),
      ],
      [m("user", "1"), f("a"), o("a", [{ type: "input_image", detail: "auto", file_id: "file-1" }])],
    ],
    [
      "files of a user",
      [
        entry(
          MessageRole.USER,
          { content: { case: "file", value: { source: { case: "url", value: "https://a.example/x.png" } } } },
          { content: { case: "file", value: { source: { case: "url", value: "https://a.example/x.pdf" } } } },
          {
            content: {
              case: "file",
              value: { source: { case: "data", value: Uint8Array.of(0) }, mediaType: "application/pdf", name: "a.pdf" },
            },
          },
        ),
      ],
      [
        {
          type: "message",
          role: "user",
          content: [
            { type: "input_image", detail: "auto", image_url: "https://a.example/x.png" },
            { type: "input_file", file_url: "https://a.example/x.pdf" },
            { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,AA==" },
          ],
        },
      ],
    ],
  ])("%s", (_, entries, expected) => {
    expect(told(entries)).toEqual(expected);
  });
});

describe("F-RESPONSES: a request", () => {
  const settings = (more: object = {}) => ({
    baseUrl: `${upstream.url}/v1`,
    model: "m",
    api: "OPEN_AI_API_RESPONSES",
    ...more,
  });
  const tool = {
    name: "get",
    description: "Gets.",
    inputSchemaJson: '{"type":"object","properties":{"x":{"type":"number"}}}',
    place: "client",
    needsApproval: false,
  } as const;

  test("has instructions, tools and parameters, and stores nothing", async () => {
    upstream.answer = (response) => response.end(say(0, "a") + completed());
    const parameters = {
      temperature: 1,
      store: true,
      previous_response_id: "r",
      stream: false,
      tools: [{ type: "web_search" }],
      include: ["web_search_call.results"],
    };
    await ask(createOpenAi(upstream.bounded), { settings: settings({ instructions: "I", parameters }), tools: [tool] });
    expect(upstream.calls.at(-1)?.body).toEqual({
      temperature: 1,
      tools: [
        { type: "web_search" },
        {
          type: "function",
          name: "get",
          description: "Gets.",
          parameters: JSON.parse(tool.inputSchemaJson),
          strict: false,
        },
      ],
      include: ["web_search_call.results", "reasoning.encrypted_content"],
      instructions: "I",
      input: [m("user", "hi")],
      model: "m",
      stream: true,
      store: false,
    });
  });

  test("OpenHands/OpenHands#11406: a model without encrypted thoughts is asked without them from then on", async () => {
    upstream.calls.length = 0;
    upstream.answer = (response, { body }) => {
      if (!body.include) return response.end(say(0, "a") + completed());
      response
        .writeHead(400)
        .end(
          '{"error":{"message":"Encrypted content is not supported with this model.","type":"invalid_request_error","param":"include"}}',
        );
    };
    const factory = createOpenAi(upstream.bounded);
    for (let times = 0; times < 2; times++)
      expect(await ask(factory, { settings: settings() })).toMatchObject({ items: [{ text: "a" }], finish: "STOP" });
    expect(upstream.calls.map(({ body }) => body.include)).toEqual([
      ["reasoning.encrypted_content"],
      undefined,
      undefined,
    ]);
  });

  test.each([
    ["invalid_encrypted_content", "The encrypted content gAAA could not be verified."],
    [null, "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false."],
  ])(
    "maximhq/bifrost#5410: thoughts that the provider cannot read are left out, and the conversation goes on: %s",
    async (code, message) => {
      upstream.calls.length = 0;
      upstream.answer = (response, { body }) => {
        if (!body.input.some(({ type }: { type: string }) => type === "reasoning"))
          return response.end(say(0, "a") + completed());
        response.writeHead(400).end(JSON.stringify({ error: { message, type: "invalid_request_error", code } }));
      };
      const messages = [user("1"), thinks, assistant("2"), user("3")];
      expect(await ask(createOpenAi(upstream.bounded), { settings: settings(), messages })).toMatchObject({
        items: [{ text: "a" }],
        finish: "STOP",
      });
      expect(upstream.calls).toHaveLength(2);
      expect(upstream.calls[1]?.body.include).toEqual(["reasoning.encrypted_content"]);
    },
  );
});
