// Parts that break a rule: each is refused in the words of its own error, and nothing is stored.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf } from "../support/failure.ts";
import { ALL_KINDS } from "../support/random/random-parts.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
let alice: Clients;
beforeAll(async () => {
  server = await startStoreServer();
  alice = (await server.tenant("alice")).member("alice");
});
afterAll(() => server.close());

const text = (value: string) => ({ content: { case: "text", value: { text: value } } }) as const;
const call = (args: string) =>
  ({ content: { case: "toolCall", value: { callId: "c1", name: "look", arguments: args } } }) as const;
const data = (json: string) => ({ content: { case: "data", value: { name: "d", json } } }) as const;

describe("parts that break a rule are refused in its words", () => {
  const deep = `${"[".repeat(65)}${"]".repeat(65)}`;
  const result = (parts: object[]) => ({
    content: { case: "toolResult", value: { output: { case: "parts", value: { parts } } } },
  });
  const megabyte = "x".repeat(1024 * 1024);
  const cases: [string, object[], string][] = [
    ["nothing in a part", [{}], "message.parts[0]: must hold one of text, reasoning, tool_call and the others"],
    [
      "an id that stands twice",
      [
        { id: "a", ...text("") },
        { id: "a", ...text("") },
      ],
      "message.parts[1].id: must be unique in its message",
    ],
    [
      "an id that is too long",
      [{ id: "a".repeat(129), ...text("") }],
      "message.parts[0].id: must be at most 128 characters",
    ],
    [
      "what is no JSON",
      [text(""), data("{a}")],
      "message.parts[1].data.json: must be JSON, which it is not at character 2",
    ],
    ["JSON that is too deep", [data(deep)], "message.parts[0].data.json: must be at most 64 levels deep"],
    [
      "an extra that is no object",
      [{ extraJson: "[]", ...text("") }],
      "message.parts[0].extra_json: must be a JSON object",
    ],
    [
      "a result in a result",
      [result([result([])])],
      "message.parts[0].tool_result.parts.parts[0]: must not be a tool's result within another",
    ],
    ["too many parts", Array(513).fill(text("")), "message.parts: must contain no more than 512 item(s)"],
    [
      "too many with those within",
      [result(Array(300).fill(text(""))), ...Array(300).fill(text(""))],
      "message.parts: must be at most 512 parts, those in tool results included",
    ],
    ["too much", [text(megabyte)], "message.parts: must be at most 1048576 bytes of JSON"],
    [
      "arguments that are too long",
      [call(`${megabyte}x`)],
      "message.parts[0].tool_call.arguments: must be at most 1048576 bytes",
    ],
  ];
  test.each(cases)("%s", async (_, parts, message) => {
    const { conversation } = await alice.conversations.createConversation({});
    const conversationId = conversation?.id ?? "";
    const failure = await failureOf(alice.messages.sendMessage({ conversationId, message: { parts: parts as never } }));
    expect(failure).toMatchObject({ reason: "INVALID_FIELD", message: expect.stringContaining(message) });
    const { messages } = await alice.messages.listMessages({ conversationId, kinds: ALL_KINDS });
    expect(messages).toEqual([]);
  });
});
