// F-NAMED: an error names the element that breaks a rule, and says the rule in words, on every wire that can bring it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
let conversationId: string;
beforeAll(async () => {
  server = await startIdentityServer();
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
  const made = await post("/v1/conversations", "{}");
  conversationId = (JSON.parse(made.text) as { id: string }).id;
});
afterAll(() => server.close());

async function post(path: string, body: string): Promise<{ readonly status: number; readonly text: string }> {
  const headers = { ...key, "content-type": "application/json" };
  const answer = await fetch(`${server.url}${path}`, { method: "POST", headers, body });
  return { status: answer.status, text: await answer.text() };
}

async function messageOf(path: string, body: string): Promise<string> {
  const { status, text } = await post(path, body);
  const parsed = JSON.parse(text) as { message?: string; error?: { message: string } };
  expect(status).toBe(400);
  return parsed.message ?? parsed.error?.message ?? "";
}

const CREATE = "/colloquy.v1.ConversationService/CreateConversation";
const SEND = "/colloquy.v1.MessageService/BatchSendMessages";
/** Makes a body one of those that are read piece by piece. */
const long = `"title":"t","metadata":{"long":[${'"x",'.repeat(4_000)}1]}`;

describe("a body that breaks a rule is refused by the name of the element", () => {
  const label =
    "the key must be 1 to 63 of the characters a-z, 0-9, ., _, / and -, the first and the last a letter or digit";
  test.each([
    ["a label's key", '{"labels":{"ok":"1","Team A":"x"}}', `labels["Team A"]: ${label}`],
    ["a label's value", '{"labels":{"team":5}}', 'labels["team"]: must be a string'],
    ["a name that stands twice", '{"title":"a","pinned":true,"title":"b"}', 'must not hold the name "title" twice'],
    ["one within", '{"labels":{"a":"1","b":"2","a":"3"}}', 'labels: must not hold the name "a" twice'],
    [
      "one in free JSON",
      '{"metadata":{"x":[{"k":1},{"k":1,"k":2}]}}',
      'metadata.x[1]: must not hold the name "k" twice',
    ],
    ["one that is no word", '{"metadata":{"a b":1,"a b":2}}', 'metadata: must not hold the name "a b" twice'],
    [
      "a number in free JSON",
      '{"metadata":{"a":{"b c":[1,9007199254740993]}}}',
      'metadata.a["b c"][1]: must hold only numbers that a double can: beyond 2^53 write an integer as a string',
    ],
    [
      "half a pair in free JSON",
      '{"metadata":{"a":{"b":["\\ud800"]}}}',
      "metadata.a.b[0]: must not hold half of a surrogate pair",
    ],
    ["U+0000 in free JSON", '{"metadata":{"a":{"b":"\\u0000"}}}', "metadata.a.b: must not hold the character U+0000"],
    [
      "U+0000 in a name of free JSON",
      '{"metadata":{"a\\u0000":1}}',
      'metadata["a?"]: must not hold the character U+0000',
    ],
    [
      "a level too deep",
      `{"metadata":{"a":${"[".repeat(33)}${"]".repeat(33)}}}`,
      `metadata.a${"[0]".repeat(31)}: must be at most 32 levels deep`,
    ],
    ["a value of another kind", '{"title":5}', "title: must be a string"],
    [
      "what no enum can be",
      '{"callType":{}}',
      "call_type: must be one of CALL_TYPE_INBOUND, CALL_TYPE_OUTBOUND, CALL_TYPE_TRAINING",
    ],
  ])("%s", async (_, conversation, message) => {
    const whole = message.startsWith("must");
    const over = (body: string) => messageOf(CREATE, `{"conversation":${body}}`);
    const connect = whole ? `conversation: ${message}` : `conversation.${message}`;
    expect(await over(conversation)).toBe(connect);
    expect(await messageOf("/v1/conversations", `{"conversation":${conversation}}`)).toBe(connect);
    if (conversation.includes('"metadata"') || conversation.includes('"title"')) return;
    // The same in a body that is read piece by piece.
    expect(await over(`{${long},${conversation.slice(1)}`)).toBe(connect);
    expect(await messageOf("/v1/conversations", `{"conversation":{${long},${conversation.slice(1)}}`)).toBe(connect);
  });

  test.each([2, 900])("one of %i messages, by its place", async (count) => {
    const items = (bad: string) =>
      [...Array.from({ length: count - 1 }, () => '{"content":"a long enough text for a large body"}'), bad].join();
    const over = (bad: string) => messageOf(SEND, `{"conversationId":"${conversationId}","messages":[${items(bad)}]}`);
    const last = `messages[${count - 1}]`;
    expect(await over('{"content":5}')).toBe(`${last}.content: must be a string`);
    expect(await over('{"content":"a","content":"b"}')).toBe(`${last}: must not hold the name "content" twice`);
    expect(await over('{"parts":[{"text":{"text":"a"}},{"text":{"text":{}}}]}')).toBe(
      `${last}.parts[1].text.text: must be a string`,
    );
    expect(await over('{"role":{}}')).toBe(
      `${last}.role: must be one of MESSAGE_ROLE_USER, MESSAGE_ROLE_ASSISTANT, MESSAGE_ROLE_SYSTEM, MESSAGE_ROLE_TOOL, MESSAGE_ROLE_DEVELOPER`,
    );
  });
});

test("F-NAMED: over REST a path is that of the request message, as on every wire", async () => {
  const path = `/v1/conversations/${conversationId}/messages`;
  expect(await messageOf(path, '{"content":5}')).toBe("message.content: must be a string");
  expect(await messageOf(path, '{"content":"a","metadata":{"a":["\\u0000"]}}')).toBe(
    "message.metadata.a[0]: must not hold the character U+0000",
  );
});
