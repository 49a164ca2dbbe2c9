// What an agent of the contract may send beside text, and what it gets.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ReplyResponseSchema } from "../../gen/colloquy/agent/v1/agent_service_pb.ts";
import { MessageKind, MessageRole, MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { ToolPlace, ToolType } from "../../gen/colloquy/v1/part_pb.ts";
import { FinishReason } from "../../gen/colloquy/v1/turn_pb.ts";
import { createConnect } from "../../src/agents/connectors/connect/connect.ts";
import { readParts } from "../../src/domain/parts/stored.ts";
import { call, result, thought, user } from "../support/entries.ts";
import { type FakeAgent, startFakeAgent } from "../support/services/agents.ts";
import { ask, type Question } from "../support/services/upstream.ts";

let agent: FakeAgent;
beforeAll(async () => {
  agent = await startFakeAgent();
});
afterAll(() => agent.close());
beforeEach(() => {
  agent.calls.length = 0;
});

type Response = MessageInitShape<typeof ReplyResponseSchema>;
const factory = createConnect({
  allowPrivate: true,
  toMessage: ({ role, content, parts }) => create(MessageSchema, { role, content, parts: readParts(parts ?? null) }),
});
const tool = {
  name: "get",
  description: "Gets.",
  inputSchemaJson: '{"type":"object"}',
  place: "client",
  needsApproval: true,
} as const;

function says(...responses: Response[]) {
  agent.answer = async function* () {
    yield* responses;
  };
}

function asks(protocol: string, question: Question = {}) {
  const settings = { baseUrl: protocol === "GRPC" ? agent.h2Url : agent.url, protocol: `AGENT_PROTOCOL_${protocol}` };
  return ask(factory, { settings, tools: [tool], ...question });
}

const toolCall = (callId: string, more: object = {}): Response => ({
  piece: { case: "toolCall", value: { callId, name: "get", ...more } },
});
const args = (callId: string, text: string): Response => ({ piece: { case: "arguments", value: { callId, text } } });
const gave = (callId: string, text: string): Response => ({
  piece: {
    case: "part",
    value: { content: { case: "toolResult", value: { callId, output: { case: "text", value: text } } } },
  },
});

describe.each(["CONNECT", "GRPC"])("F-AGENT-PIECES over %s: an agent", (protocol) => {
  test.each<[string, Response[], object[], string?]>([
    [
      "thinks, says, cites and counts",
      [
        { piece: { case: "reasoning", value: "h" } },
        { piece: { case: "reasoning", value: "m" } },
        { piece: { case: "reasoningEnd", value: { id: "r", summary: ["s"], encrypted: "E", extraJson: "{}" } } },
        { text: "So" },
        {},
        { text: "." },
        { piece: { case: "annotation", value: { start: 0, end: 2 } } },
      ],
      [
        { reasoning: "hm", ended: { id: "r", summary: ["s"], encrypted: "E", providerJson: "{}" } },
        { text: "So." },
        { annotation: expect.objectContaining({ start: 0, end: 2 }) },
      ],
    ],
    [
      "calls a tool of the request, and leaves it to Colloquy",
      [toolCall("a", { arguments: '{"x"', type: ToolType.CUSTOM, title: "T", extraJson: "{}" }), args("a", ":1}")],
      [{ call: "get", id: "a", arguments: '{"x":1}', type: ToolType.CUSTOM, title: "T", providerJson: "{}" }],
      "TOOL_CALLS",
    ],
    [
      "calls two at once, their arguments by turns",
      [toolCall("a"), toolCall("b"), args("b", "{"), args("a", "{}"), args("", "}")],
      [
        { call: "get", id: "a", arguments: "{}" },
        { call: "get", id: "b", arguments: "{}" },
      ],
      "TOOL_CALLS",
    ],
    [
      "runs a tool of its own",
      [toolCall("a", { name: "own" }), gave("a", "42"), { text: "It is 42." }],
      [
        { call: "own", id: "a", arguments: "", runsAt: ToolPlace.AGENT },
        { part: expect.objectContaining({ callId: "a" }), kind: "toolResult", entry: MessageKind.TOOL_RESULT },
        { text: "It is 42." },
      ],
    ],
    [
      "runs a tool of the request itself",
      [toolCall("a"), gave("a", "42")],
      [
        { call: "get", id: "a", arguments: "" },
        { part: expect.objectContaining({ callId: "a" }), kind: "toolResult", entry: MessageKind.TOOL_RESULT },
      ],
    ],
    [
      "sends a file and an opaque item",
      [
        {
          text: "See",
          piece: {
            case: "part",
            value: { content: { case: "file", value: { source: { case: "url", value: "https://a.example/" } } } },
          },
        },
        { piece: { case: "part", value: { content: { case: "opaque", value: { format: "mine", json: "{}" } } } } },
      ],
      [
        { text: "See" },
        {
          part: expect.objectContaining({ source: { case: "url", value: "https://a.example/" } }),
          kind: "file",
          entry: MessageKind.MESSAGE,
        },
        { part: expect.objectContaining({ format: "mine" }), kind: "opaque", entry: MessageKind.ITEM },
      ],
    ],
  ])("%s", async (_, responses, items, finish = "STOP") => {
    says(...responses);
    expect(await asks(protocol)).toEqual({ items, finish, usage: undefined, failure: undefined });
  });

  test("says why it ends, and what it used", async () => {
    says({
      text: "cut",
      finishReason: FinishReason.LENGTH,
      piece: { case: "usage", value: { inputTokens: 0n, outputTokens: 3n, model: "m" } },
    });
    expect(await asks(protocol)).toEqual({
      items: [{ text: "cut" }],
      finish: "LENGTH",
      usage: { inputTokens: 0n, outputTokens: 3n, model: "m" },
      failure: undefined,
    });
  });

  test.each<[string, Response[]]>([
    ["a result without its call", [gave("a", "42")]],
    ["arguments without their call", [args("a", "{}")]],
    ["two calls with one id", [toolCall("a"), toolCall("a")]],
    ["a call without its id or name", [toolCall("")]],
    [
      "a part that has a piece of its own",
      [{ piece: { case: "part", value: { content: { case: "reasoning", value: {} } } } }],
    ],
  ])("fails its turn, and is not taken for down, with %s", async (what, responses) => {
    says({ text: "half" }, ...responses);
    expect(await asks(protocol)).toMatchObject({
      items: expect.arrayContaining([{ text: "half" }]),
      failure: { message: `the agent sent ${what}`, health: "up", retryable: false },
    });
  });

  test("gets the tools, and a history with calls, results and its own thoughts", async () => {
    says({ text: "ok" });
    const messages = [
      user("1"),
      thought("hm", {}, { encrypted: "E" }),
      call("a", "get", '{"x":1}'),
      result("a", "A"),
    ] as never;
    await asks(protocol, { messages });
    const { request } = agent.calls[0]!;
    expect(request.tools).toMatchObject([
      { name: "get", description: "Gets.", inputSchemaJson: '{"type":"object"}', needsApproval: true },
    ]);
    expect(request.messages.map(({ role, parts: [part] }) => [role, part?.content.case])).toEqual([
      [MessageRole.USER, undefined],
      [MessageRole.ASSISTANT, "reasoning"],
      [MessageRole.ASSISTANT, "toolCall"],
      [MessageRole.TOOL, "toolResult"],
    ]);
  });

  test("may send a part of nearly 1 MiB, a file of 12, and no more", async () => {
    const opaque = (bytes: number): Response => ({
      piece: {
        case: "part",
        value: { content: { case: "opaque", value: { format: "x", json: `"${"x".repeat(bytes)}"` } } },
      },
    });
    const part = (bytes: number): Response => ({
      piece: {
        case: "part",
        value: { content: { case: "file", value: { source: { case: "data", value: new Uint8Array(bytes) } } } },
      },
    });
    says(opaque(1024 * 1024 - 8192));
    expect((await asks(protocol)).items).toHaveLength(1);
    says(opaque(1024 * 1024 + 8192));
    expect((await asks(protocol)).failure?.message).toBe("the agent sent a piece of more than 1 MiB that is no file");
    says(part(12 * 1024 * 1024));
    expect((await asks(protocol)).items).toHaveLength(1);
    says(part(12 * 1024 * 1024 + 8192));
    expect((await asks(protocol)).failure?.message).toBe("the agent failed with ResourceExhausted");
  });
});
