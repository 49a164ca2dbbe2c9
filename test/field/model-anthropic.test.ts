// Anthropic's Messages: replies as they come, histories as they are taken, and what may not leave this machine.
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { ToolType } from "../../gen/colloquy/v1/part_pb.ts";
import { checkHost, publicLookup } from "../../src/agents/connectors/addresses.ts";
import { createAnthropic } from "../../src/agents/connectors/anthropic/anthropic.ts";
import { historyOf } from "../../src/agents/connectors/anthropic/history.ts";
import { agentSender, type Entry, itemsOf } from "../../src/agents/connectors/history/items.ts";
import { NO_OPTIONS } from "../../src/domain/turns/turn-options.ts";
import { createBoundedFetch, type FetchedResponse } from "../../src/outbound/bounded-fetch.ts";
import { assistant, byAnother, call, entry, result, system, thought, user } from "../support/entries.ts";
import { AGENT_ID, ask, type Heard, inChunks, startUpstream, type Upstream } from "../support/services/upstream.ts";

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

const event = (type: string, fields: object = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const start = (usage: object = {}) =>
  event("message_start", { message: { type: "message", role: "assistant", content: [], model: "claude-x", usage } });
const begin = (index: number, content_block: object) => event("content_block_start", { index, content_block });
const delta = (index: number, d: object) => event("content_block_delta", { index, delta: d });
const stop = (index: number) => event("content_block_stop", { index });
const end = (stop_reason: string, usage: object = {}) =>
  event("message_delta", { delta: { stop_reason }, usage }) + event("message_stop");
const text = (index: number, ...words: string[]) =>
  begin(index, { type: "text", text: "" }) +
  words.map((word) => delta(index, { type: "text_delta", text: word })).join("") +
  stop(index);
const uses = (index: number, id: string, name: string, ...json: string[]) =>
  begin(index, { type: "tool_use", id, name, input: {} }) +
  json.map((partial_json) => delta(index, { type: "input_json_delta", partial_json })).join("") +
  stop(index);
const GET = { call: "get", id: "toolu_1", arguments: '{"x":1}', type: ToolType.FUNCTION };
const hosted = {
  type: "web_search_tool_result",
  tool_use_id: "srv",
  content: [{ type: "web_search_result", url: "https://a.example/", encrypted_content: "E" }],
};

const REPLIES: Readonly<Record<string, readonly [body: string, items: object[], finish?: string]>> = {
  words: [start() + text(0, "Grü", "ße 👍") + event("ping") + end("end_turn"), [{ text: "Grüße 👍" }]],
  "thoughts, words and two calls": [
    start() +
      begin(0, { type: "thinking", thinking: "", signature: "" }) +
      delta(0, { type: "thinking_delta", thinking: "h" }) +
      delta(0, { type: "thinking_delta", thinking: "m" }) +
      delta(0, { type: "signature_delta", signature: "S" }) +
      stop(0) +
      begin(1, { type: "redacted_thinking", data: "D" }) +
      stop(1) +
      text(2, "Well.") +
      uses(3, "toolu_1", "get", "", '{"x"', ":1}") +
      uses(4, "toolu_2", "now") +
      end("tool_use"),
    [
      { reasoning: "hm", ended: { encrypted: "S", providerJson: '{"anthropic":{"type":"thinking"}}' } },
      { reasoning: "", ended: { encrypted: "D", providerJson: '{"anthropic":{"type":"redacted_thinking"}}' } },
      { text: "Well." },
      GET,
      { call: "now", id: "toolu_2", arguments: "", type: ToolType.FUNCTION },
    ],
    "TOOL_CALLS",
  ],
  "openai/openai-agents-python#4155: thoughts that are not shown, but signed": [
    start() + begin(0, { type: "thinking", thinking: "", signature: "S" }) + stop(0) + text(1, "So") + end("end_turn"),
    [{ reasoning: "", ended: { encrypted: "S", providerJson: '{"anthropic":{"type":"thinking"}}' } }, { text: "So" }],
  ],
  "input at once, as some proxies send it": [
    start() + begin(0, { type: "tool_use", id: "toolu_1", name: "get", input: { x: 1 } }) + stop(0) + end("tool_use"),
    [GET],
    "TOOL_CALLS",
  ],
  "a hosted search, and words with what they cite": [
    start() +
      begin(0, { type: "server_tool_use", id: "srv", name: "web_search", input: {} }) +
      delta(0, { type: "input_json_delta", partial_json: '{"query":"q"}' }) +
      stop(0) +
      begin(1, hosted) +
      stop(1) +
      text(2, "I found ") +
      begin(3, { type: "text", text: "", citations: [] }) +
      delta(3, { type: "text_delta", text: "it" }) +
      delta(3, {
        type: "citations_delta",
        citation: { type: "web_search_result_location", url: "https://a.example/", title: "A", encrypted_index: "I" },
      }) +
      stop(3) +
      end("end_turn"),
    [
      {
        part: expect.objectContaining({
          format: "anthropic",
          json: '{"type":"server_tool_use","id":"srv","name":"web_search","input":{"query":"q"}}',
        }),
        kind: "opaque",
        entry: 7,
      },
      { part: expect.objectContaining({ json: JSON.stringify(hosted) }), kind: "opaque", entry: 7 },
      { text: "I found it" },
      {
        annotation: expect.objectContaining({
          start: 8,
          end: 10,
          extraJson: '{"type":"web_search_result_location","encrypted_index":"I"}',
        }),
      },
    ],
  ],
  "a limit of length within thoughts": [
    start() +
      begin(0, { type: "thinking", thinking: "", signature: "" }) +
      delta(0, { type: "thinking_delta", thinking: "hm" }) +
      stop(0) +
      end("max_tokens"),
    [{ reasoning: "hm", ended: { providerJson: '{"anthropic":{"type":"thinking"}}', cut: true } }],
    "LENGTH",
  ],
  "a limit of length": [start() + text(0, "cut") + end("max_tokens"), [{ text: "cut" }], "LENGTH"],
  "a refusal": [start() + text(0, "I") + end("refusal"), [{ text: "I" }], "CONTENT_FILTER"],
  "the connection ends after the reason": [
    start() + text(0, "so") + event("message_delta", { delta: { stop_reason: "end_turn" } }),
    [{ text: "so" }],
  ],
  "a reason that nobody knows": [start() + text(0, "so") + end("because"), [{ text: "so" }], "UNSPECIFIED"],
};

/** Through the official client, from chunks. */
function parse(chunks: AsyncIterable<Uint8Array>): Promise<Heard> {
  const answer = {
    status: 200,
    header: () => undefined,
    body: chunks,
    text: async () => "",
    start: async () => "",
  } satisfies FetchedResponse;
  return ask(createAnthropic({ fetch: async () => answer }), { settings: { model: "m" } });
}

describe("F-ANTHROPIC: a reply", () => {
  test.each(Object.entries(REPLIES))("%s", async (_, [body, items, finish = "STOP"]) => {
    const bytes = Buffer.from(body);
    const whole = await parse(inChunks(bytes, []));
    expect(whole).toEqual({ items, finish, usage: { model: "claude-x" }, failure: undefined });
    expect(await parse(inChunks(bytes, [...bytes.keys()]))).toEqual(whole);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(9_000), { maxLength: 30 }), async (at) => {
        expect(await parse(inChunks(bytes, at))).toEqual(whole);
      }),
      { numRuns: 15 },
    );
    upstream.answer = (response) => response.end(body);
    expect(await ask(createAnthropic(upstream.bounded), { settings: { baseUrl: upstream.url, model: "m" } })).toEqual(
      whole,
    );
  });

  test("has its usage: the input includes what was cached", async () => {
    const body =
      start({ input_tokens: 2, cache_read_input_tokens: 4, cache_creation_input_tokens: 3, output_tokens: 1 }) +
      text(0, "a") +
      end("end_turn", { output_tokens: 5, output_tokens_details: { thinking_tokens: 3 } });
    expect((await parse(inChunks(Buffer.from(body), []))).usage).toEqual({
      inputTokens: 9n,
      cachedTokens: 4n,
      outputTokens: 5n,
      reasoningTokens: 3n,
      cacheWriteTokens: 3n,
      model: "claude-x",
    });
  });

  test.each<[string, string, string]>([
    [
      "an overload in the middle",
      start() + text(0, "half") + event("error", { error: { type: "overloaded_error", message: "x" } }),
      "down",
    ],
    ["an error of its own", event("error", { error: { type: "api_error", message: "x" } }), "down"],
    [
      "a refusal of this conversation",
      event("error", { error: { type: "invalid_request_error", message: "x" } }),
      "up",
    ],
  ])("that fails: %s", async (_, body, health) => {
    expect((await parse(inChunks(Buffer.from(body), []))).failure).toMatchObject({
      message: "the agent reported an error",
      health,
    });
  });

  test.each<[number, string, boolean, number | undefined]>([
    [400, "up", false, undefined],
    [401, "up", false, undefined],
    [413, "up", false, undefined],
    [429, "down", true, 7_000],
    [500, "down", true, undefined],
    [529, "down", true, undefined],
  ])("with status %i", async (status, health, retryable, retryAfterMs) => {
    upstream.answer = (response) =>
      response
        .writeHead(status, retryAfterMs ? { "retry-after": "7" } : {})
        .end('{"type":"error","error":{"type":"timeout_error","message":"timed out"}}');
    upstream.calls.length = 0;
    const { failure } = await ask(createAnthropic(upstream.bounded), {
      settings: { baseUrl: upstream.url, model: "m" },
    });
    expect(failure).toMatchObject({
      message: `the agent returned status ${status}`,
      health,
      retryable,
      retryAfterMs,
    });
    // The client's own retries would come on top of ours.
    expect(upstream.calls).toHaveLength(1);
  });

  test("that breaks off", async () => {
    upstream.answer = (response) => response.write(start() + text(0, "half"), () => response.destroy());
    const { failure, items } = await ask(createAnthropic(upstream.bounded), {
      settings: { baseUrl: upstream.url, model: "m" },
    });
    expect(items).toEqual([{ text: "half" }]);
    expect(failure).toMatchObject({ health: "down", retryable: true });
  });

  test("that stops to be asked to go on goes on", async () => {
    upstream.calls.length = 0;
    upstream.answer = (response, _, index) =>
      response.end(
        index === 0
          ? start() + text(0, "Search") + begin(1, hosted) + stop(1) + end("pause_turn")
          : start() + text(0, "Found.") + end("end_turn"),
      );
    const heard = await ask(createAnthropic(upstream.bounded), { settings: { baseUrl: upstream.url, model: "m" } });
    expect(heard).toMatchObject({
      items: [{ text: "Search" }, { kind: "opaque" }, { text: "Found." }],
      finish: "STOP",
    });
    expect(upstream.calls[1]?.body.messages.at(-1)).toEqual({
      role: "assistant",
      content: [{ type: "text", text: "Search" }, hosted],
    });
  });

  test("is not silent while it pings", async () => {
    const pieces: string[] = [];
    const answer = {
      status: 200,
      header: () => undefined,
      body: inChunks(Buffer.from(event("ping").repeat(3) + start() + text(0, "so") + end("end_turn")), [20, 40, 60]),
      text: async () => "",
      start: async () => "",
    };
    const connector = createAnthropic({ fetch: async () => answer })(
      { id: AGENT_ID, settings: { model: "m" } } as never,
      undefined,
    );
    for await (const { kind } of connector(
      { messages: [{ role: 1, content: "hi" }], tools: [] } as never,
      new AbortController().signal,
    ))
      pieces.push(kind);
    expect(pieces[0]).toBe("heartbeat");
  });

  test("ends at once when it is cancelled, with the request", async () => {
    const gone = Promise.withResolvers<void>();
    upstream.calls.length = 0;
    upstream.answer = (response) => {
      response.on("close", gone.resolve);
      response.write(start());
    };
    const controller = new AbortController();
    const asked = ask(createAnthropic(upstream.bounded), {
      settings: { baseUrl: upstream.url, model: "m" },
      signal: controller.signal,
    });
    await expect.poll(() => upstream.calls.length).toBeGreaterThan(0);
    controller.abort(new Error("cancelled"));
    expect((await asked).failure).toMatchObject({ message: "cancelled" });
    await gone.promise;
  });
});

const told = (entries: readonly Entry[], thoughts = true) =>
  historyOf("", itemsOf(entries, agentSender(AGENT_ID)), thoughts).messages;
const u = (...content: (string | object)[]) => ({
  role: "user",
  content: content.map((one) => (typeof one === "string" ? { type: "text", text: one } : one)),
});
const a = (...content: (string | object)[]) => ({ ...u(...content), role: "assistant" });
const use = (id: string, name = "f", input: object = {}) => ({ type: "tool_use", id, name, input });
const r = (tool_use_id: string, words: string, more: object = {}) => ({
  type: "tool_result",
  tool_use_id,
  content: [{ type: "text", text: words }],
  ...more,
});
const signed = thought("hm", { anthropic: { type: "thinking" } }, { encrypted: "S" });
const T = { type: "thinking", thinking: "hm", signature: "S" };

describe("F-ANTHROPIC: a history", () => {
  test.each<[string, Entry[], object[]]>([
    ["by turns", [user("1"), user("2"), assistant("3"), assistant("4"), user("5")], [u("1", "2"), a("3", "4"), u("5")]],
    [
      "that begins and ends with the assistant",
      [assistant("1")],
      [u("(The conversation begins.)"), a("1"), u("(Please go on.)")],
    ],
    [
      "anthropics/claude-code#1237: results in the next message, before the user's words",
      [user("1"), signed, call("a"), call("b"), result("b", "B"), result("a", "A"), user("2")],
      [u("1"), a(T, use("a"), use("b")), u(r("a", "A"), r("b", "B"), "2")],
    ],
    [
      "of two steps",
      [user("1"), call("a"), result("a", "A"), call("b"), result("b", "B", true)],
      [u("1"), a(use("a")), u(r("a", "A")), a(use("b")), u(r("b", "B", { is_error: true }))],
    ],
    [
      "with a call that nobody answered",
      [user("1"), call("a"), user("2")],
      [u("1"), a(use("a")), u(r("a", "(The call was not answered.)", { is_error: true }), "2")],
    ],
    [
      "anthropics/claude-code#23440: without words that are none",
      [user("1"), assistant(" \n"), call("a"), result("a", "")],
      [u("1"), a(use("a")), u({ type: "tool_result", tool_use_id: "a" })],
    ],
    [
      "with arguments that are no object, and ids of others",
      [user("1"), call("functions.f:0", "my.f", "[1]"), result("functions.f:0", "A")],
      [
        u("1"),
        a(use(expect.any(String) as never, "my_f", { input: "[1]" })),
        u({ ...r("", "A"), tool_use_id: expect.stringMatching(/^[0-9a-f]{9}$/) }),
      ],
    ],
    [
      "with another agent's thoughts: they stay at home",
      [user("1"), ...byAnother([signed]), assistant("2"), user("3")],
      [u("1"), a("2"), u("3")],
    ],
    ["with thoughts that led to nothing", [user("1"), signed, user("2")], [u("1", "2")]],
    [
      "with hosted blocks, as they came",
      [
        user("1"),
        entry(MessageRole.ASSISTANT, {
          content: { case: "opaque", value: { format: "anthropic", json: JSON.stringify(hosted) } },
        }),
        assistant("2"),
        user("3"),
      ],
      [u("1"), a(hosted, "2"), u("3")],
    ],
    [
      "with OpenAI's items, which it does not know",
      [
        user("1"),
        entry(MessageRole.ASSISTANT, {
          content: { case: "opaque", value: { format: "openai", json: '{"type":"web_search_call"}' } },
        }),
        assistant("2"),
        user("3"),
      ],
      [u("1"), a("2"), u("3")],
    ],
    [
      "with files",
      [
        entry(
          MessageRole.USER,
          {
            content: {
              case: "file",
              value: { source: { case: "data", value: Uint8Array.of(0) }, mediaType: "image/png" },
            },
          },
          {
            content: {
              case: "file",
              value: { source: { case: "url", value: "https://a.example/x.pdf" }, name: "x.pdf" },
            },
          },
          {
            content: {
              case: "file",
              value: { source: { case: "data", value: Uint8Array.of(65) }, mediaType: "text/plain", name: "a" },
            },
          },
          {
            content: {
              case: "file",
              value: { source: { case: "fileId", value: "file_1" }, mediaType: "application/pdf" },
            },
          },
          {
            content: {
              case: "file",
              value: { source: { case: "data", value: Uint8Array.of(0) }, mediaType: "video/mp4", name: "v" },
            },
          },
        ),
      ],
      [
        u(
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
          { type: "document", source: { type: "url", url: "https://a.example/x.pdf" }, title: "x.pdf" },
          "a:\nA",
          { type: "document", source: { type: "file", file_id: "file_1" } },
          "(A file: v, video/mp4.)",
        ),
      ],
    ],
  ])("%s", (_, entries, expected) => {
    expect(told(entries)).toEqual(expected);
  });

  test("of any kind alternates, and answers each call in the next message, once", () => {
    const id = fc.constantFrom("", "a", "b");
    const one = fc.oneof(
      fc.constant(user("1")),
      fc.constant(assistant("2")),
      fc.constant(system("s")),
      fc.constant(signed),
      id.map((callId) => call(callId)),
      id.map((callId) => result(callId, "r")),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 14 }), (entries) => {
        const messages = told(entries);
        const ids: unknown[] = [];
        for (const [at, { role, content }] of messages.entries()) {
          expect(role).toBe(at % 2 === 0 ? "user" : "assistant");
          expect(content.length).toBeGreaterThan(0);
          const made = content.flatMap((block) => (block.type === "tool_use" ? [block.id] : []));
          const next = messages[at + 1]?.content ?? [];
          expect(next.slice(0, made.length).map((block) => block.tool_use_id)).toEqual(made);
          expect(next.slice(made.length).some(({ type }) => type === "tool_result")).toBe(false);
          ids.push(...made);
        }
        expect(messages.at(-1)?.role).toBe("user");
        expect(new Set(ids).size).toBe(ids.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe("F-ANTHROPIC: a request", () => {
  const tool = { name: "get", description: "", inputSchemaJson: "", place: "client", needsApproval: false } as const;
  const asked = async (settings: object, question: object = {}) => {
    upstream.answer = (response) => response.end(start() + text(0, "a") + end("end_turn"));
    await ask(createAnthropic(upstream.bounded), {
      settings: { baseUrl: upstream.url, model: "m", ...settings },
      ...question,
    });
    return upstream.calls.at(-1)!;
  };

  test("has instructions, system messages, tools and parameters", async () => {
    const { body, path, headers } = await asked(
      {
        instructions: "I",
        maxTokens: 99,
        baseUrl: `${upstream.url}/proxy/v1/?key=1`,
        parameters: {
          temperature: 1,
          stream: false,
          tools: [{ type: "web_search_20250305", name: "web_search" }],
          tool_choice: { type: "any" },
        },
      },
      { messages: [system("S"), user("1")], tools: [tool], credential: "secret" },
    );
    expect(path).toBe("/proxy/v1/messages?key=1");
    expect(headers).toMatchObject({
      authorization: "Bearer secret",
      "anthropic-version": expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
    });
    expect(body).toEqual({
      max_tokens: 99,
      temperature: 1,
      system: "I\n\nS",
      tools: [
        { type: "web_search_20250305", name: "web_search" },
        { name: "get", input_schema: { type: "object", properties: {} } },
      ],
      tool_choice: { type: "any" },
      model: "m",
      messages: [u("1")],
      stream: true,
    });
  });

  test("declares the tools of its history where it has no others, and lets none be called", async () => {
    const { body } = await asked({}, { messages: [user("1"), call("a"), result("a", "A"), assistant("2"), user("3")] });
    expect(body).toMatchObject({
      tools: [{ name: "f", input_schema: { type: "object" } }],
      tool_choice: { type: "none" },
    });
  });

  test("RooCodeInc/Roo-Code#10351: does not ask the model to think on top of calls without their thoughts", async () => {
    const parameters = { thinking: { type: "enabled", budget_tokens: 1024 } };
    const messages = [user("1"), call("a"), result("a", "A")];
    expect((await asked({ parameters }, { messages })).body.thinking).toBeUndefined();
    expect(
      (await asked({ parameters }, { messages: [user("1"), signed, call("a"), result("a", "A")] })).body.thinking,
    ).toEqual(parameters.thinking);
  });

  test("langgenius/dify#41092: thoughts whose signature is refused are left out, and the conversation goes on", async () => {
    upstream.calls.length = 0;
    upstream.answer = (response, { body }) => {
      if (!JSON.stringify(body.messages).includes("signature"))
        return response.end(start() + text(0, "a") + end("end_turn"));
      response
        .writeHead(400)
        .end(
          '{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0: Invalid `signature` in `thinking` block"}}',
        );
    };
    const messages = [user("1"), signed, assistant("2"), user("3")];
    expect(
      await ask(createAnthropic(upstream.bounded), { settings: { baseUrl: upstream.url, model: "m" }, messages }),
    ).toMatchObject({ items: [{ text: "a" }], finish: "STOP" });
    expect(upstream.calls).toHaveLength(2);
  });

  test.each([["auto"], ["disabled"]])(
    "F-TRUNCATE: a history that is too long is cut where truncation is %s",
    async (truncation) => {
      upstream.calls.length = 0;
      upstream.answer = (response, { body }) => {
        const { messages } = body as { messages: { content: unknown }[] };
        if (JSON.stringify(messages).length < 2_000) return response.end(start() + text(0, "a") + end("end_turn"));
        const error = { type: "invalid_request_error", message: "prompt is too long: 213462 tokens > 200000 maximum" };
        response.writeHead(400).end(JSON.stringify({ type: "error", error }));
      };
      const turn = (n: number) => [user(`question ${n} ${"word ".repeat(60)}`), signed, assistant(`answer ${n}`)];
      const messages = [...Array.from({ length: 12 }, (_, n) => turn(n)).flat(), user("last")];
      const settings = { baseUrl: upstream.url, model: "m" };
      const options = { ...NO_OPTIONS, parameters: { truncation } };
      const { items, finish } = await ask(createAnthropic(upstream.bounded), { settings, messages, options }).catch(
        (error: unknown) => ({ items: String(error), finish: undefined }),
      );
      if (truncation === "auto") {
        expect({ items, finish }).toMatchObject({ items: [{ text: "a" }], finish: "STOP" });
        const told = JSON.stringify(upstream.calls.at(-1)?.body.messages);
        expect(told).toMatch(/question 11 .*answer 11.*last/);
        expect(told).not.toContain("question 0 ");
        expect(upstream.calls.at(-1)?.body).not.toHaveProperty("truncation");
      } else expect(upstream.calls).toHaveLength(1);
    },
  );

  describe("takes nothing from the environment", () => {
    const names = {
      ANTHROPIC_API_KEY: "sk-operator",
      ANTHROPIC_AUTH_TOKEN: "operator",
      ANTHROPIC_BASE_URL: "http://127.0.0.1:1",
      ANTHROPIC_CUSTOM_HEADERS: "x-operator: secret\nauthorization: Bearer operator",
    };
    afterEach(() => {
      for (const name of Object.keys(names)) delete process.env[name];
    });

    test.each([[undefined], ["own"]])("credential %s", async (credential) => {
      Object.assign(process.env, names);
      const { headers } = await asked({}, credential === undefined ? {} : { credential });
      expect(headers.authorization).toBe(credential && `Bearer ${credential}`);
      expect(JSON.stringify(headers)).not.toContain("operator");
    });
  });

  test("goes to no private address", async () => {
    const bounded = createBoundedFetch({ maxBytes: 1000, checkHost, lookup: publicLookup });
    for (const host of ["127.0.0.1", "localhost", "169.254.169.254"]) {
      const { failure } = await ask(createAnthropic(bounded), {
        settings: { baseUrl: `http://${host}:8079`, model: "m" },
      });
      expect(failure?.message).toBe("the agent's address is on a private network, which this server does not allow");
    }
    await bounded.close();
  });
});
