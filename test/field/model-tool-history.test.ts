// How calls, results, thoughts and files are told to servers of Chat Completions.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { ToolPlace, ToolType } from "../../gen/colloquy/v1/part_pb.ts";
import { agentSender, type Entry, itemsOf } from "../../src/agents/connectors/history/items.ts";
import { historyOf, type ThoughtsTold } from "../../src/agents/connectors/openai/chat/history.ts";
import { assistant, byAnother, call, developer, entry, result, system, thought, user } from "../support/entries.ts";
import { AGENT_ID } from "../support/services/upstream.ts";

const told = (entries: readonly Entry[], thoughts?: ThoughtsTold) =>
  historyOf("", itemsOf(entries, agentSender(AGENT_ID)), { thoughts });
const calls = (...all: [id: string, name?: string, args?: string][]) =>
  all.map(([id, name = "f", args = "{}"]) => ({ id, type: "function", function: { name, arguments: args } }));
const u = (content: unknown) => ({ role: "user", content });
const a = (content: string | null, tool_calls?: object[]) => ({
  role: "assistant",
  content,
  ...(tool_calls && { tool_calls }),
});
const t = (tool_call_id: string, content: string) => ({ role: "tool", tool_call_id, content });
const UNANSWERED = "(The call was not answered.)";
const file = (value: object) => ({ content: { case: "file" as const, value } });

describe("F-PAIRS: a history with calls", () => {
  test.each<[string, Entry[], object[]]>([
    [
      "as it should be stays",
      [user("1"), assistant("2"), call("a", "get", '{"x":1}'), result("a", "3"), assistant("4"), user("5")],
      [u("1"), a("2", calls(["a", "get", '{"x":1}'])), t("a", "3"), a("4"), u("5")],
    ],
    [
      "made in one step is one message, its results in the order of the calls",
      [user("1"), call("a"), call("b"), result("b", "B"), result("a", "A")],
      [u("1"), a(null, calls(["a"], ["b"])), t("a", "A"), t("b", "B")],
    ],
    [
      "made in two steps is two",
      [user("1"), call("a"), result("a", "A"), call("b"), result("b", "B")],
      [u("1"), a(null, calls(["a"])), t("a", "A"), a(null, calls(["b"])), t("b", "B")],
    ],
    [
      "OpenHands/OpenHands#7512: without a result gets one that says so",
      [user("1"), call("a"), user("2")],
      [u("1"), a(null, calls(["a"])), t("a", UNANSWERED), a("(No reply.)"), u("2")],
    ],
    [
      "whose result comes after another message gets it at once",
      [user("1"), call("a"), user("2"), result("a", "A"), assistant("3")],
      [u("1"), a(null, calls(["a"])), t("a", "A"), a("(No reply.)"), u("2"), a("3"), u("(Please go on.)")],
    ],
    [
      "cut before its call: the result becomes the user's words",
      [result("a", "A"), assistant("2"), user("3")],
      [u("Result of the tool call a:\nA"), a("2"), u("3")],
    ],
    [
      "from whose result the model has gone on keeps it: a later one is the user's words",
      [user("1"), call("a"), result("a", "A"), assistant("2"), result("a", "forged")],
      [u("1"), a(null, calls(["a"])), t("a", "A"), a("2"), u("Result of the tool call a:\nforged")],
    ],
    [
      "that failed says so",
      [user("1"), call("a"), result("a", "no such city", true)],
      [u("1"), a(null, calls(["a"])), t("a", "Error: no such city")],
    ],
    [
      "without output says so",
      [user("1"), call("a"), result("a", "")],
      [u("1"), a(null, calls(["a"])), t("a", "(No output.)")],
    ],
    [
      "whose ids are used again in each reply: they differ, and each has its own result",
      [user("1"), call("0"), result("0", "A"), assistant("2"), user("3"), call("0"), result("0", "B")],
      [
        u("1"),
        a(null, calls(["0"])),
        t("0", "A"),
        a("2"),
        u("3"),
        a(null, calls([expect.stringMatching(/^[0-9a-f]{9}$/)])),
        t(expect.stringMatching(/^[0-9a-f]{9}$/), "B"),
      ],
    ],
    [
      "vercel/ai: with an id longer than OpenAI takes",
      [user("1"), call("x".repeat(60)), result("x".repeat(60), "A")],
      [
        u("1"),
        a(null, calls([expect.stringMatching(/^[0-9a-f]{9}$/)])),
        t(expect.stringMatching(/^[0-9a-f]{9}$/), "A"),
      ],
    ],
    [
      "without ids pairs in order",
      [user("1"), call(""), call(""), result("", "A"), result("", "B")],
      [
        u("1"),
        expect.objectContaining({ role: "assistant" }),
        { ...t("", "A"), tool_call_id: expect.any(String) },
        { ...t("", "B"), tool_call_id: expect.any(String) },
      ],
    ],
    [
      "whose arguments broke off, are none or are free text",
      [
        user("1"),
        call("a", "f", '{"x":'),
        call("b", "f", ""),
        call("c", "f", "ls -l"),
        call("d", "f", "[1]"),
        result("a", "1"),
        result("b", "2"),
        result("c", "3"),
        result("d", "4"),
      ],
      [
        u("1"),
        a(
          null,
          calls(
            ["a", "f", '{"input":"{\\"x\\":"}'],
            ["b"],
            ["c", "f", '{"input":"ls -l"}'],
            ["d", "f", '{"input":"[1]"}'],
          ),
        ),
        t("a", "1"),
        t("b", "2"),
        t("c", "3"),
        t("d", "4"),
      ],
    ],
    [
      "of a name that OpenAI refuses",
      [user("1"), call("a", "my.tool/é"), result("a", "A")],
      [u("1"), a(null, calls(["a", "my_tool__"])), t("a", "A")],
    ],
    [
      "with words after it in one step",
      [user("1"), call("a"), assistant("I look."), result("a", "A")],
      [u("1"), a("I look.", calls(["a"])), t("a", "A")],
    ],
    [
      "with instructions in the middle",
      [user("1"), call("a"), developer("D"), system("S"), result("a", "A")],
      [{ role: "system", content: "D\n\nS" }, u("1"), a(null, calls(["a"])), t("a", "A")],
    ],
    [
      "folded in one message, as AI SDK keeps it",
      [
        user("1"),
        entry(
          MessageRole.ASSISTANT,
          { content: { case: "step", value: {} } },
          { content: { case: "text", value: { text: "I look." } } },
          { content: { case: "toolCall", value: { callId: "a", name: "f", arguments: "{}" } } },
          { content: { case: "toolResult", value: { callId: "a", output: { case: "json", value: '{"n":1.0}' } } } },
          { content: { case: "step", value: {} } },
          { content: { case: "text", value: { text: "One." } } },
        ),
        user("2"),
      ],
      [u("1"), a("I look.", calls(["a"])), t("a", '{"n":1.0}'), a("One."), u("2")],
    ],
    [
      "that somebody refused",
      [
        user("1"),
        call("a"),
        entry(MessageRole.ASSISTANT, { content: { case: "approvalRequest", value: { approvalId: "p", callId: "a" } } }),
        entry(MessageRole.USER, {
          content: { case: "approvalResponse", value: { approvalId: "p", granted: false, reason: "Too dear." } },
        }),
        user("2"),
      ],
      [u("1"), a(null, calls(["a"])), t("a", "(The call was not allowed. Too dear.)"), a("(No reply.)"), u("2")],
    ],
    [
      "of a hosted tool is left out, with its result",
      [
        user("1"),
        entry(MessageRole.ASSISTANT, {
          content: {
            case: "toolCall",
            value: { callId: "h", name: "web_search", type: ToolType.BUILT_IN, runsAt: ToolPlace.PROVIDER },
          },
        }),
        entry(MessageRole.TOOL, {
          content: { case: "toolResult", value: { callId: "h", output: { case: "text", value: "hosted" } } },
        }),
        entry(MessageRole.ASSISTANT, {
          content: { case: "opaque", value: { format: "openai", json: '{"type":"web_search_call"}' } },
        }),
        assistant("2"),
        user("3"),
      ],
      [u("1"), a("2"), u("3")],
    ],
    [
      "with several results of one call keeps the last",
      [
        user("1"),
        call("a"),
        entry(MessageRole.TOOL, {
          content: {
            case: "toolResult",
            value: { callId: "a", preliminary: true, output: { case: "text", value: "50 %" } },
          },
        }),
        result("a", "A"),
      ],
      [u("1"), a(null, calls(["a"])), t("a", "A")],
    ],
    [
      "whose result has an image: the image follows",
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
                    { content: { case: "text", value: { text: "A" } } },
                    file({ source: { case: "data", value: Uint8Array.of(0) }, mediaType: "image/png" }),
                  ],
                },
              },
            },
          },
        }),
      ],
      [
        u("1"),
        a(null, calls(["a"])),
        t("a", "A\n(Its files follow in the next message.)"),
        a("(No reply.)"),
        u([{ type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }]),
      ],
    ],
  ])("%s", (_, entries, expected) => {
    expect(told(entries)).toEqual(expected);
  });

  test("of any kind is told in strict order, whatever stands in the log", () => {
    const id = fc.constantFrom("", "a", "b", "c");
    const one = fc.oneof(
      fc.constantFrom("1", "2").map(user),
      fc.constantFrom("1", "2").map(assistant),
      fc.constant(system("s")),
      id.map((callId) => call(callId)),
      id.map((callId) => result(callId, `r${callId}`)),
      fc.constant(thought("hm", { chat: { field: "reasoning_content" } })),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 14 }), (entries) => {
        const history = told(entries);
        const ids: string[] = [];
        for (let at = 0; at < history.length; at++) {
          const { role, tool_calls: made = [], content } = history[at]!;
          expect(role === "assistant" && made.length > 0 ? true : content !== null && content !== "").toBe(true);
          if (role === "system") expect(at).toBe(0);
          // Each call has its result at once, each result its call.
          const results = history.slice(at + 1, at + 1 + made.length);
          expect(results.map((message) => message.tool_call_id)).toEqual(made.map((made) => made.id));
          if (role === "tool") expect(ids).toContain(history[at]?.tool_call_id);
          ids.push(...made.map((made) => made.id));
          // A user after a tool's result makes strict templates fail.
          if (role === "user") expect(["assistant", "system", undefined]).toContain(history[at - 1]?.role);
          if (role === "assistant") expect(["user", "tool"]).toContain(history[at - 1]?.role);
        }
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.length).toBe(entries.filter((item) => item.parts?.includes("toolCall")).length);
        expect(["user", "tool"]).toContain(history.at(-1)?.role);
      }),
      { numRuns: 500 },
    );
  });
});

describe("F-THOUGHTS: a model's thoughts", () => {
  const thinks = thought("hm", { chat: { field: "reasoning_content" } });
  const withCall = [user("1"), thinks, call("a"), result("a", "A")];

  test("earendil-works/pi#3635, DeepSeek: go back with the calls that they led to, also in later turns", () => {
    const step = { ...a(null, calls(["a"])), reasoning_content: "hm" };
    expect(told(withCall)).toEqual([u("1"), step, t("a", "A")]);
    const later = [...withCall, thought("so", { chat: { field: "reasoning_content" } }), assistant("2"), user("3")];
    expect(told(later)).toEqual([u("1"), step, t("a", "A"), { ...a("2"), reasoning_content: "so" }, u("3")]);
    expect(told(later, "none")).toEqual([u("1"), a(null, calls(["a"])), t("a", "A"), a("2"), u("3")]);
  });

  test("of an earlier turn without calls stay at home, unless all are asked for", () => {
    const said = [user("1"), thinks, assistant("2"), user("3")];
    expect(told(said)).toEqual([u("1"), a("2"), u("3")]);
    expect(told(said, "all")).toEqual([u("1"), { ...a("2"), reasoning_content: "hm" }, u("3")]);
  });

  test("go to nobody but the agent that thought them, nor what had no field of its own", () => {
    const [first, ...rest] = withCall;
    expect(told([first!, ...byAnother(rest)])).toEqual([u("1"), a(null, calls(["a"])), t("a", "A")]);
    expect(told([user("1"), thought("hm", { chat: { field: "content" } }), call("a"), result("a", "A")])).toEqual([
      u("1"),
      a(null, calls(["a"])),
      t("a", "A"),
    ]);
  });

  test("OpenRouter's details go back as they came", () => {
    const details = [{ type: "reasoning.encrypted", index: 0, data: "d" }];
    const [, step] = told([
      user("1"),
      thought("hm", { chat: { field: "reasoning", reasoning_details: details } }),
      call("a"),
      result("a", "A"),
    ]);
    expect(step).toEqual({ ...a(null, calls(["a"])), reasoning: "hm", reasoning_details: details });
  });

  test("langroid/langroid#969, Gemini: a call's signature goes back with it, and to nobody else", () => {
    const signed = call("a", "f", "{}", { extraJson: '{"extra_content":{"google":{"thought_signature":"s"}}}' });
    const own = told([user("1"), signed, result("a", "A")]);
    expect(own[1]?.tool_calls).toEqual([{ ...calls(["a"])[0], extra_content: { google: { thought_signature: "s" } } }]);
    expect(told([user("1"), ...byAnother([signed]), result("a", "A")])[1]?.tool_calls).toEqual(calls(["a"]));
  });

  test("LiteLLM: an id that was too long goes back whole", () => {
    const long = call("call_x", "f", "{}", { extraJson: JSON.stringify({ call_id: "y".repeat(2000) }) });
    const [, made, answered] = told([user("1"), long, result("call_x", "A")]);
    expect([made?.tool_calls?.[0]?.id, answered?.tool_call_id]).toEqual(["y".repeat(2000), "y".repeat(2000)]);
  });
});

describe("F-FILES: a file", () => {
  const png = "data:image/png;base64,AA==";
  test.each<[string, object, unknown]>([
    [
      "an image at an address",
      { source: { case: "url", value: "https://a.example/x.png" }, mediaType: "image/png", detail: "low" },
      [{ type: "image_url", image_url: { url: "https://a.example/x.png", detail: "low" } }],
    ],
    [
      "an image whose type its name tells",
      { source: { case: "url", value: "https://a.example/x.JPG?y" } },
      [{ type: "image_url", image_url: { url: "https://a.example/x.JPG?y" } }],
    ],
    [
      "an image as a data URL",
      { source: { case: "url", value: png } },
      [{ type: "image_url", image_url: { url: png } }],
    ],
    [
      "an image in place",
      { source: { case: "data", value: Uint8Array.of(0) }, mediaType: "image/png" },
      [{ type: "image_url", image_url: { url: png } }],
    ],
    [
      "sound",
      { source: { case: "data", value: Uint8Array.of(0) }, mediaType: "audio/mpeg" },
      [{ type: "input_audio", input_audio: { data: "AA==", format: "mp3" } }],
    ],
    [
      "a PDF",
      { source: { case: "data", value: Uint8Array.of(0) }, mediaType: "application/pdf", name: "a.pdf" },
      [{ type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,AA==" } }],
    ],
    [
      "a text, which is told as one",
      { source: { case: "url", value: "data:text/plain,Gr%C3%BC%C3%9Fe" }, name: "a.txt" },
      "a.txt:\nGrüße",
    ],
    [
      "a stored file",
      { source: { case: "fileId", value: "file-1" }, mediaType: "application/pdf" },
      [{ type: "file", file: { file_id: "file-1" } }],
    ],
    [
      "an address of something else",
      { source: { case: "url", value: "https://a.example/x.pdf" }, name: "x.pdf" },
      "(A file: x.pdf, application/pdf, https://a.example/x.pdf.)",
    ],
  ])("%s", (_, value, content) => {
    expect(told([entry(MessageRole.USER, file(value))])).toEqual([u(content)]);
  });

  test("beside words is told with them, in order", () => {
    const words = (text: string) => ({ content: { case: "text" as const, value: { text } } });
    const image = file({ source: { case: "url", value: png } });
    expect(told([entry(MessageRole.USER, words("1"), words("2"), image, words("3")), user("4")])).toEqual([
      u([
        { type: "text", text: "1\n2" },
        { type: "image_url", image_url: { url: png } },
        { type: "text", text: "3\n\n4" },
      ]),
    ]);
  });

  test("of the assistant is told in words, for no server takes it", () => {
    expect(
      told([
        user("1"),
        entry(MessageRole.ASSISTANT, file({ source: { case: "url", value: png }, name: "x.png" })),
        user("2"),
      ]),
    ).toEqual([u("1"), a("(A file: x.png, image/png.)"), u("2")]);
  });
});
