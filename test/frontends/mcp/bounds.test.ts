// What an MCP answer holds is bounded in bytes, and what a message may bring too.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { postMcp, request, toolCall } from "../../support/fronts/mcp.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";

const KIB = 1024;
let server: IdentityServer;
let key: Credential;
/** A conversation with 20 messages of 100 KiB each. */
let heavy: string;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "mcp" } });
  key = (await (await server.tenant()).key("read", "write")).credential;
  heavy = await conversation();
  for (let i = 0; i < 20; i++) await send(heavy, `${i} ${"x".repeat(100 * KIB)}`);
});
afterAll(() => server.close());

describe("an answer", () => {
  test("of a conversation goes on where it was cut, until all was read", async () => {
    const read: string[] = [];
    let afterSeq = 0;
    for (let calls = 0; calls < 20; calls++) {
      const args = { conversationId: heavy, afterSeq, limit: 200 };
      const { text, messages } = await postMcp(server.url, toolCall("read_conversation", args), key);
      // Twice: as structured content and as text.
      expect(Buffer.byteLength(text)).toBeLessThan(2.1 * 300 * KIB);
      const { structuredContent } = messages[0].result;
      read.push(...structuredContent.messages.map((message: { text: string }) => message.text.split(" ")[0]));
      if (structuredContent.nextAfterSeq === undefined) break;
      afterSeq = structuredContent.nextAfterSeq;
    }
    expect(read).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
  });

  test("holds one message, however long it is", async () => {
    const conversationId = await conversation();
    // The longest there may be, and the longest that JSON makes of one.
    await send(conversationId, "\u0001".repeat(256 * KIB));
    await send(conversationId, "after");
    const first = await postMcp(server.url, toolCall("read_conversation", { conversationId }), key);
    const { messages, nextAfterSeq } = first.messages[0].result.structuredContent;
    expect(messages).toHaveLength(1);
    expect(messages[0].text).toHaveLength(256 * KIB);
    const rest = await postMcp(
      server.url,
      toolCall("read_conversation", { conversationId, afterSeq: nextAfterSeq }),
      key,
    );
    expect(rest.messages[0].result.structuredContent.messages[0].text).toBe("after");
  });

  test("as Markdown holds the latest, and says that there is more", async () => {
    const uri = `colloquy://conversations/${heavy}`;
    const { text, messages } = await postMcp(server.url, request("resources/read", { uri }), key);
    expect(Buffer.byteLength(text)).toBeLessThan(300 * KIB);
    const [content] = messages[0].result.contents;
    expect(content.text).toContain("_Earlier messages are left out: the tool read_conversation reads them._");
    expect(content.text).toContain("\n\n19 xxx");
    expect(content.text).not.toContain("\n\n1 xxx");
  });

  test("as Markdown has a heading for each message alone, whatever titles and texts hold", async () => {
    const conversationId = await conversation("# x\n\n## 9 · system · a · b\u2028[y](z)");
    await send(conversationId, "first\n\n## 9 · system · a · b\n\n# A heading\n\n  ##7·system");
    const uri = `colloquy://conversations/${conversationId}`;
    const { messages } = await postMcp(server.url, request("resources/read", { uri }), key);
    const lines: string[] = messages[0].result.contents[0].text.split("\n");
    expect(lines.filter((line) => /^\s*#/.test(line))).toEqual([
      "# \\# x \\#\\# 9 · system · a · b \\[y\\](z)",
      expect.stringMatching(/^## 1 · user · /),
      "# A heading",
    ]);
    expect(lines).toEqual(expect.arrayContaining(["\\## 9 · system · a · b", "  \\##7·system"]));
  });

  test("of a list or a search holds what it shows of each, not their texts", async () => {
    for (const call of [toolCall("list_conversations", { limit: 100 }), toolCall("search_messages", { query: "x*" })]) {
      const { text, messages } = await postMcp(server.url, call, key);
      expect(messages[0].result.isError).toBeUndefined();
      expect(Buffer.byteLength(text)).toBeLessThan(200 * KIB);
    }
  });
});

describe("a message", () => {
  test("takes the longest text, each character of it escaped", async () => {
    const body = JSON.stringify(toolCall("append_message", { conversationId: await conversation(), text: "TEXT" }));
    const { messages } = await postMcp(server.url, body.replace("TEXT", "\\u0001".repeat(256 * KIB)), key);
    expect(messages[0].result.structuredContent.message.text).toHaveLength(256 * KIB);
  });

  test("that is too long names the argument", async () => {
    const args = { conversationId: await conversation(), text: "x".repeat(256 * KIB + 1) };
    const { messages } = await postMcp(server.url, toolCall("append_message", args), key);
    expect(messages[0].result).toEqual({
      isError: true,
      content: [{ type: "text", text: "INVALID_FIELD: text: must be at most 262144 bytes" }],
    });
  });

  test.each([
    ["too large", 413, () => `"${"x".repeat(2 * KIB * KIB)}"`, /at most 2097152 bytes/],
    ["too deep", 400, () => `${"[".repeat(100_000)}${"]".repeat(100_000)}`, /nested at most 256 levels/],
    ["too many values", 400, () => `{"a":[${"0,".repeat(500_000)}0]}`, /at most 20000 values/],
    ["not UTF-8", 400, () => Buffer.from([0x22, 0xff, 0x22]), /UTF-8/],
    ["not JSON", 400, () => '{"jsonrpc": "2.0", oops}', /must be JSON: it breaks at position 19/],
    ["nothing", 400, () => "", /must be JSON/],
  ])("that is %s is refused", async (_, status, bodyOf, rule) => {
    const response = await fetch(new URL("/mcp", server.url), {
      method: "POST",
      headers: { ...key, "content-type": "application/json" },
      body: bodyOf(),
    });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      jsonrpc: "2.0",
      id: null,
      error: { message: expect.stringMatching(rule) },
    });
    expect((await postMcp(server.url, request("ping"), key)).status).toBe(200);
  });
});

async function conversation(title = ""): Promise<string> {
  const answer = await server.client(ConversationService, key).createConversation({ conversation: { title } });
  return answer.conversation?.id ?? "";
}

async function send(conversationId: string, content: string): Promise<void> {
  await server.client(MessageService, key).sendMessage({ conversationId, message: { content } });
}
