// Calls of tools, thoughts and usage as servers of Chat Completions really send them.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ChatReply } from "../../src/agents/connectors/openai/chat/reply.ts";
import { createOpenAi } from "../../src/agents/connectors/openai/openai.ts";
import { readBody } from "../../src/agents/connectors/openai/read-body.ts";
import { schemaOf } from "../../src/agents/connectors/tool-schema/tool-schema.ts";
import { ask, type Heard, heard, inChunks, startUpstream, type Upstream } from "../support/services/upstream.ts";

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

type Delta = { [field: string]: unknown };
const chunk = (delta: Delta, finish: string | null = null, more: Delta = {}) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }], ...more })}\n\n`;
const calls = (...tool_calls: Delta[]) => chunk({ tool_calls });
const fn = (name: string | undefined, args?: unknown) => ({
  function: { ...(name !== undefined && { name }), ...(args !== undefined && { arguments: args }) },
});
const END = `${chunk({}, "tool_calls")}data: [DONE]\n\n`;
const STOP = `${chunk({}, "stop")}data: [DONE]\n\n`;

const A = { call: "get_weather", id: "call_a", arguments: '{"city":"Paris"}', type: 1 };
const B = { call: "get_time", id: "call_b", arguments: '{"zone":"CET"}', type: 1 };
const NEW = expect.stringMatching(/^new-\d+$/);

/** Whole replies: their bytes, what is said, and how they end. */
const REPLIES: Readonly<Record<string, readonly [body: string, items: object[], finish?: string]>> = {
  "OpenAI: two calls, arguments bit by bit": [
    chunk({ role: "assistant", content: null }) +
      calls({ index: 0, id: "call_a", type: "function", ...fn("get_weather", "") }) +
      calls({ index: 0, ...fn(undefined, '{"ci') }) +
      calls({ index: 0, ...fn(undefined, 'ty":"Paris"}') }) +
      calls({ index: 1, id: "call_b", type: "function", ...fn("get_time", "") }) +
      calls({ index: 1, ...fn(undefined, '{"zone":"CET"}') }) +
      END,
    [A, B],
  ],
  "words before the calls": [
    chunk({ content: "Let me look." }) + calls({ index: 0, id: "call_a", ...fn("get_weather", A.arguments) }) + END,
    [{ text: "Let me look." }, A],
  ],
  "continuedev/continue#13223: fragments of two calls by turns": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", "") }) +
      calls({ index: 1, id: "call_b", ...fn("get_time", "") }) +
      calls({ index: 0, ...fn(undefined, '{"city":') }) +
      calls({ index: 1, ...fn(undefined, '{"zone":') }) +
      calls({ index: 0, ...fn(undefined, '"Paris"}') }) +
      calls({ index: 1, ...fn(undefined, '"CET"}') }) +
      END,
    [A, B],
  ],
  "ai-dynamo/dynamo#4723, Ollama: whole calls, every index 0": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", A.arguments) }) +
      calls({ index: 0, id: "call_b", ...fn("get_time", B.arguments) }) +
      END,
    [A, B],
  ],
  "huggingface/smolagents#1569: the same tool twice, every index 0": [
    calls({ index: 0, id: "call_a", ...fn("search", '{"q":"Emma Bull"}') }) +
      calls({ index: 0, id: "call_b", ...fn("search", '{"q":"Virginia Woolf"}') }) +
      END,
    [
      { call: "search", id: "call_a", arguments: '{"q":"Emma Bull"}', type: 1 },
      { call: "search", id: "call_b", arguments: '{"q":"Virginia Woolf"}', type: 1 },
    ],
  ],
  "the same with one id for both": [
    calls({ index: 0, id: "search", ...fn("search", '{"q":"one"}') }) +
      calls({ index: 0, id: "search", ...fn("search", '{"q":"two"}') }) +
      END,
    [
      { call: "search", id: "search", arguments: '{"q":"one"}', type: 1 },
      { call: "search", id: NEW, arguments: '{"q":"two"}', type: 1 },
    ],
  ],
  "openai/openai-python#2806, Gemini: no index": [
    calls({ id: "call_a", ...fn("get_weather", '{"city":') }) +
      calls({ ...fn(undefined, '"Paris"}') }) +
      calls({ id: "call_b", ...fn("get_time", B.arguments) }) +
      STOP,
    [A, B],
    "TOOL_CALLS",
  ],
  "router-for-me/CLIProxyAPI#5058: several without an index in one delta": [
    calls({ id: "call_a", ...fn("get_weather", A.arguments) }, { id: "call_b", ...fn("get_time", B.arguments) }) + END,
    [A, B],
  ],
  "continuedev/continue#13225, Ollama: no id": [
    calls({ index: 0, ...fn("get_weather", A.arguments) }) + STOP,
    [{ ...A, id: NEW }],
    "TOOL_CALLS",
  ],
  "neither id nor index, the same tool twice": [
    calls({ ...fn("search", '{"q":1}') }) + calls({ ...fn("search", '{"q":2}') }) + END,
    [
      { call: "search", id: NEW, arguments: '{"q":1}', type: 1 },
      { call: "search", id: NEW, arguments: '{"q":2}', type: 1 },
    ],
  ],
  "an empty id": [calls({ index: 0, id: "", ...fn("get_weather", A.arguments) }) + END, [{ ...A, id: NEW }]],
  "dirac-run/dirac#215, Nebius: indices that count the deltas": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", "") }) +
      calls({ index: 1, ...fn(undefined, '{"city":') }) +
      calls({ index: 2, ...fn(undefined, '"Paris"}') }) +
      END,
    [A],
  ],
  "another id in each delta": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", "") }) +
      calls({ index: 0, id: "x1", ...fn("", '{"city":') }) +
      calls({ index: 0, id: "x2", ...fn(null as never, '"Paris"}') }) +
      END,
    [A],
  ],
  "id and name in each delta": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", '{"city":') }) +
      calls({ index: 0, id: "call_a", ...fn("get_weather", '"Paris"}') }) +
      END,
    [A],
  ],
  "the name after the id": [
    calls({ index: 0, id: "call_a", ...fn(undefined, "") }) +
      calls({ index: 0, ...fn("get_weather", A.arguments) }) +
      END,
    [A],
  ],
  "sipeed/picoclaw#1287, ggml-org/llama.cpp#20198, MiniMax: arguments as an object": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", { city: "Paris" }) }) + END,
    [A],
  ],
  "a tool without arguments, and one after it": [
    calls({ index: 0, id: "call_c", ...fn("now", "") }) +
      calls({ index: 1, id: "call_b", ...fn("get_time", B.arguments) }) +
      END,
    [{ call: "now", id: "call_c", arguments: "", type: 1 }, B],
  ],
  "Bedrock by proxy: {} first, and then the arguments": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", "{}") }) +
      calls({ index: 0, ...fn(undefined, '{"city":') }) +
      calls({ index: 0, ...fn(undefined, '"Paris"}') }) +
      END,
    [A],
  ],
  "{} alone": [
    calls({ index: 0, id: "call_c", ...fn("now", "{}") }) + END,
    [{ call: "now", id: "call_c", arguments: "{}", type: 1 }],
  ],
  "the whole once more in the last delta": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", '{"city":"Par') }) +
      calls({ index: 0, ...fn(undefined, 'is"}') }) +
      calls({ index: 0, id: "call_a", ...fn("get_weather", A.arguments) }) +
      END,
    [A],
  ],
  "the whole message once more at the end": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", A.arguments) }) +
      `data: ${JSON.stringify({ choices: [{ message: { tool_calls: [{ id: "call_a", ...fn("get_weather", A.arguments) }] }, finish_reason: "tool_calls" }] })}\n\ndata: [DONE]\n\n`,
    [A],
  ],
  "a call alone, not in a list": [
    chunk({ tool_calls: { index: 0, id: "call_a", ...fn("get_weather", A.arguments) } }) + END,
    [A],
  ],
  "tool_calls: null and [] beside words": [
    chunk({ content: "Hi", tool_calls: null }) + chunk({ content: "!", tool_calls: [] }) + STOP,
    [{ text: "Hi!" }],
    "STOP",
  ],
  "function_call, the older form": [
    chunk({ function_call: { name: "get_weather", arguments: "" } }) +
      chunk({ function_call: { arguments: '{"city":' } }) +
      chunk({ function_call: { arguments: '"Paris"}' } }) +
      chunk({}, "function_call") +
      "data: [DONE]\n\n",
    [{ ...A, id: NEW }],
  ],
  "a custom tool": [
    calls({ index: 0, id: "call_a", type: "custom", custom: { name: "shell", input: "ls" } }) +
      calls({ index: 0, custom: { input: " -l" } }) +
      END,
    [{ call: "shell", id: "call_a", arguments: "ls -l", type: 2 }],
  ],
  "empty lines between calls": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", A.arguments) }) +
      chunk({ content: "\n\n" }) +
      calls({ index: 1, id: "call_b", ...fn("get_time", B.arguments) }) +
      END,
    [A, B],
  ],
  "words between the pieces of a call come after it": [
    calls({ index: 0, id: "call_a", ...fn("get_weather", '{"city":') }) +
      chunk({ content: "Wait." }) +
      calls({ index: 0, ...fn(undefined, '"Paris"}') }) +
      END,
    [A, { text: "Wait." }],
  ],
  "langroid/langroid#969, Gemini 3: a signature": [
    calls({
      index: 0,
      id: "call_a",
      extra_content: { google: { thought_signature: "s" } },
      ...fn("get_weather", A.arguments),
    }) + END,
    [{ ...A, providerJson: '{"extra_content":{"google":{"thought_signature":"s"}}}' }],
  ],
  "LiteLLM: a signature within the id": [
    calls({ index: 0, id: `call_a__thought__${"s".repeat(2000)}`, ...fn("get_weather", A.arguments) }) + END,
    [{ ...A, id: NEW, providerJson: JSON.stringify({ call_id: `call_a__thought__${"s".repeat(2000)}` }) }],
  ],
  "a call that the limit of length cut": [
    `${calls({ index: 0, id: "call_a", ...fn("get_weather", '{"ci') }) + chunk({}, "length")}data: [DONE]\n\n`,
    [{ ...A, arguments: '{"ci' }],
    "LENGTH",
  ],
  "thoughts, words, a call": [
    chunk({ reasoning_content: "hm " }) +
      chunk({ reasoning_content: "hm" }) +
      chunk({ content: "Well." }) +
      calls({ index: 0, id: "call_a", ...fn("get_weather", A.arguments) }) +
      END,
    [{ reasoning: "hm hm", ended: { providerJson: '{"chat":{"field":"reasoning_content"}}' } }, { text: "Well." }, A],
  ],
  "vLLM, OpenRouter: reasoning": [
    chunk({ reasoning: "hm", content: "" }) + chunk({ content: "So" }) + STOP,
    [{ reasoning: "hm", ended: { providerJson: '{"chat":{"field":"reasoning"}}' } }, { text: "So" }],
    "STOP",
  ],
  "both names say the same": [
    chunk({ reasoning: "hm", reasoning_content: "hm" }) + chunk({ content: "So" }) + STOP,
    [{ reasoning: "hm", ended: { providerJson: '{"chat":{"field":"reasoning_content"}}' } }, { text: "So" }],
    "STOP",
  ],
  "OpenRouter: details, with what is encrypted": [
    chunk({ reasoning: "h", reasoning_details: [{ type: "reasoning.text", index: 0, text: "h" }] }) +
      chunk({ reasoning: "m", reasoning_details: [{ type: "reasoning.text", index: 0, text: "m", signature: "s" }] }) +
      chunk({ reasoning_details: [{ type: "reasoning.encrypted", index: 1, data: "d" }] }) +
      chunk({ content: "So" }) +
      STOP,
    [
      {
        reasoning: "hm",
        ended: {
          providerJson:
            '{"chat":{"field":"reasoning","reasoning_details":[{"type":"reasoning.text","index":0,"text":"hm","signature":"s"},{"type":"reasoning.encrypted","index":1,"data":"d"}]}}',
        },
      },
      { text: "So" },
    ],
    "STOP",
  ],
  "Mistral: thoughts in parts of content": [
    chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }] }) +
      chunk({ content: [{ type: "text", text: "So" }] }) +
      STOP,
    [{ reasoning: "hm", ended: { providerJson: '{"chat":{"field":"content"}}' } }, { text: "So" }],
    "STOP",
  ],
  "LM Studio, llama.cpp: thoughts between tags": [
    chunk({ content: "<th" }) + chunk({ content: "ink>\nhm</thi" }) + chunk({ content: "nk>\n\nSo" }) + STOP,
    [{ reasoning: "hm", ended: { providerJson: '{"chat":{"field":"content"}}' } }, { text: "So" }],
    "STOP",
  ],
  "tags that never close": [
    `${chunk({ content: "<think>hm" }) + chunk({ content: " hm" }, "length")}data: [DONE]\n\n`,
    [{ reasoning: "hm hm", ended: { providerJson: '{"chat":{"field":"content"}}', cut: true } }],
    "LENGTH",
  ],
  "a tag later is the model's words": [
    chunk({ content: "Use <think>" }) + chunk({ content: " here</think>" }) + STOP,
    [{ text: "Use <think> here</think>" }],
    "STOP",
  ],
  "what only begins as a tag": [chunk({ content: "<thi" }) + STOP, [{ text: "<thi" }], "STOP"],
  "tags, then a call": [
    chunk({ content: "<think>hm</think>\n" }) +
      calls({ index: 0, id: "call_a", ...fn("get_weather", A.arguments) }) +
      END,
    [{ reasoning: "hm", ended: { providerJson: '{"chat":{"field":"content"}}' } }, A],
  ],
  "a document with calls": [
    JSON.stringify({
      choices: [
        {
          message: {
            reasoning_content: "hm",
            content: "Well.",
            tool_calls: [
              { id: "call_a", type: "function", ...fn("get_weather", A.arguments) },
              { id: "call_b", type: "function", ...fn("get_time", B.arguments) },
            ],
          },
          finish_reason: "tool_calls",
        },
      ],
    }),
    [{ reasoning: "hm", ended: { providerJson: '{"chat":{"field":"reasoning_content"}}' } }, { text: "Well." }, A, B],
  ],
  "OpenAI's search: citations": [
    chunk({ content: "See" }) +
      chunk({
        annotations: [
          {
            type: "url_citation",
            url_citation: { url: "https://a.example/", title: "A", start_index: 0, end_index: 3 },
          },
        ],
      }) +
      STOP,
    [
      { text: "See" },
      {
        annotation: expect.objectContaining({
          start: 0,
          end: 3,
          target: { case: "url", value: expect.objectContaining({ url: "https://a.example/", title: "A" }) },
        }),
      },
    ],
    "STOP",
  ],
  "OpenRouter: an image": [
    chunk({ images: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }] }) + STOP,
    [{ kind: "file", entry: 1, part: expect.objectContaining({ mediaType: "image/png" }) }],
    "STOP",
  ],
};

function parse(chunks: AsyncIterable<Uint8Array>): Promise<Heard> {
  let count = 0;
  const form = new ChatReply({ newId: () => `new-${++count}` });
  return heard(readBody(chunks, form, new AbortController().signal));
}

describe("F-TOOLS: a reply with calls and thoughts", () => {
  test.each(Object.entries(REPLIES))("%s", async (_, [body, items, finish = "TOOL_CALLS"]) => {
    const bytes = Buffer.from(body);
    const whole = await parse(inChunks(bytes, []));
    expect(whole).toEqual({ items, finish, usage: undefined, failure: undefined });
    expect(await parse(inChunks(bytes, [...bytes.keys()]))).toEqual(whole);
    const cuts = fc.array(fc.nat(5_000), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(cuts, async (at) => {
        expect(await parse(inChunks(bytes, at))).toEqual(whole);
      }),
      { numRuns: 20 },
    );
    // And over a socket, through the connector.
    upstream.answer = (response) => response.end(body);
    const asked = await ask(createOpenAi(upstream.bounded), {
      settings: { baseUrl: `${upstream.url}/v1`, model: "m" },
    });
    const named = (all: readonly object[]) => all.map((item) => ("id" in item ? { ...item, id: "" } : item));
    expect(named(asked.items)).toEqual(named(whole.items));
    expect(asked.finish).toBe(finish);
  });

  test("ids that the conversation already has are made anew", async () => {
    const body = calls({ index: 0, id: "call_0", ...fn("get_weather", A.arguments) }) + END;
    const form = new ChatReply({ taken: ["call_0"], newId: () => "new-1" });
    const { items } = await heard(readBody(inChunks(Buffer.from(body), []), form, new AbortController().signal));
    expect(items).toEqual([{ ...A, id: "new-1" }]);
  });

  test("a call without a name fails the turn, and not the agent", async () => {
    const { failure, items } = await parse(
      inChunks(Buffer.from(calls({ index: 0, id: "a", ...fn(undefined, "{}") }) + END), []),
    );
    expect(failure).toMatchObject({ message: "the agent called a tool without its name", health: "up" });
    expect(items).toEqual([]);
  });

  test("more than 256 calls fail the turn", async () => {
    const body = Array.from({ length: 257 }, (_, index) => calls({ index, id: `c${index}`, ...fn("f", "{}") })).join(
      "",
    );
    const { failure } = await parse(inChunks(Buffer.from(body + END), []));
    expect(failure).toMatchObject({ message: "the agent called more than 256 tools at once", health: "up" });
  });
});

describe("F-TOOLS: the schema of a tool's arguments", () => {
  const properties = { city: { type: "string" } };
  test.each<[string, string, object]>([
    ["left out", "", { type: "object", properties: {} }],
    ["of any object", '{"type":"object"}', { type: "object", properties: {} }],
    ["without a type", JSON.stringify({ properties }), { type: "object", properties }],
    [
      "that names its dialect",
      JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", properties }),
      { type: "object", properties },
    ],
    [
      "that closes the object",
      '{"type":"object","additionalProperties":false}',
      { type: "object", properties: {}, additionalProperties: false },
    ],
  ])("%s has what providers require, and nothing that they refuse", (_, inputSchemaJson, expected) => {
    expect(schemaOf({ name: "t", description: "", inputSchemaJson, place: "client", needsApproval: false })).toEqual(
      expected,
    );
  });
});

describe("F-TOOLS: more tools than an endpoint takes", () => {
  const tools = Array.from({ length: 130 }, (_, n) => ({ name: `t${n}`, description: "", inputSchemaJson: "{}" }));
  const MANY =
    "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 130 instead.";
  test.each([
    ["OpenAI's", { error: { message: MANY, param: "tools", code: "array_above_max_length" } }],
    ["Groq's", { error: { message: "'tools' : maximum number of items is 128" } }],
  ])("are cut to those that it takes, by %s words, and are cut from then on", async (_, refusal) => {
    const factory = createOpenAi(upstream.bounded);
    const question = { settings: { baseUrl: upstream.url, model: "m" }, tools: tools as never };
    upstream.calls.length = 0;
    upstream.answer = (response, { body }) => {
      if ((body.tools as object[]).length <= 128) return response.end(chunk({ content: "so" }) + STOP);
      response.writeHead(400).end(JSON.stringify(refusal));
    };
    for (let n = 0; n < 2; n++) expect(await ask(factory, question)).toMatchObject({ items: [{ text: "so" }] });
    expect(upstream.calls.map(({ body }) => (body.tools as object[]).length)).toEqual([130, 128, 128]);
  });

  test("is not what a refusal of something else says", async () => {
    upstream.calls.length = 0;
    upstream.answer = (response) =>
      response.writeHead(400).end('{"error":"tools[3].function.name: at most 64 characters"}');
    const question = { settings: { baseUrl: upstream.url, model: "m" }, tools: tools as never };
    await ask(createOpenAi(upstream.bounded), question);
    expect(upstream.calls).toHaveLength(1);
  });
});

describe("F-USAGE: usage", () => {
  const full = { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 };
  const counted = { inputTokens: 9n, outputTokens: 5n };
  test.each<[string, string, object | undefined]>([
    [
      "OpenAI: after the finish reason, without choices",
      `${STOP.slice(0, -14)}data: ${JSON.stringify({ model: "gpt", choices: [], usage: { ...full, prompt_tokens_details: { cached_tokens: 4 }, completion_tokens_details: { reasoning_tokens: 3 } } })}\n\ndata: [DONE]\n\n`,
      { ...counted, cachedTokens: 4n, reasoningTokens: 3n, model: "gpt" },
    ],
    ["with the finish reason", chunk({}, "stop", { usage: full }), counted],
    [
      "in every chunk, growing",
      chunk({ content: "a" }, null, { usage: { prompt_tokens: 9, completion_tokens: 1 } }) +
        chunk({}, "stop", { usage: full }),
      counted,
    ],
    [
      "null until the end",
      chunk({ content: "a" }, null, { usage: null }) + chunk({}, "stop", { usage: full }),
      counted,
    ],
    ["Groq: x_groq", chunk({}, "stop", { x_groq: { usage: full } }), counted],
    [
      "Moonshot: within the choice",
      `data: ${JSON.stringify({ choices: [{ delta: {}, finish_reason: "stop", usage: full }] })}\n\n`,
      counted,
    ],
    [
      "DeepSeek: cache hits",
      chunk({}, "stop", { usage: { ...full, prompt_cache_hit_tokens: 8 } }),
      { ...counted, cachedTokens: 8n },
    ],
    [
      "OpenAI and OpenRouter: cache writes",
      chunk({}, "stop", { usage: { ...full, prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 6 } } }),
      { ...counted, cachedTokens: 0n, cacheWriteTokens: 6n },
    ],
    [
      "LiteLLM: cache writes",
      chunk({}, "stop", { usage: { ...full, prompt_tokens_details: { cached_tokens: 0, cache_creation_tokens: 6 } } }),
      { ...counted, cachedTokens: 0n, cacheWriteTokens: 6n },
    ],
    ["none", STOP, undefined],
    ["numbers that are none", chunk({}, "stop", { usage: { prompt_tokens: "9", completion_tokens: -1 } }), undefined],
  ])("%s", async (_, body, usage) => {
    expect((await parse(inChunks(Buffer.from(body), []))).usage).toEqual(usage);
  });

  test("is asked for, and where a server refuses that it is asked again without, and not asked for any more", async () => {
    const factory = createOpenAi(upstream.bounded);
    const question = { settings: { baseUrl: upstream.url, model: "m" } };
    upstream.calls.length = 0;
    upstream.answer = (response, { body }) => {
      if (body.stream_options === undefined) return response.end(chunk({ content: "so" }) + STOP);
      response.writeHead(422).end('{"detail":[{"loc":["body","stream_options"],"msg":"extra fields not permitted"}]}');
    };
    expect(await ask(factory, question)).toMatchObject({ items: [{ text: "so" }], finish: "STOP" });
    expect(await ask(factory, question)).toMatchObject({ items: [{ text: "so" }], finish: "STOP" });
    expect(upstream.calls.map(({ body }) => body.stream_options)).toEqual([
      { include_usage: true },
      undefined,
      undefined,
    ]);
  });
});
