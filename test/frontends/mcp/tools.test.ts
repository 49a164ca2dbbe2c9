// Every tool and resource, through both official clients and in both eras of the protocol.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { connectNew, MCP_CLIENTS, type McpClient } from "../../support/fronts/mcp.ts";
import type { Credential, IdentityServer, IdentityTenant } from "../../support/servers/identity-server.ts";
import { startIdentityServer } from "../../support/servers/identity-server.ts";

let server: IdentityServer;
let tenant: IdentityTenant;
let ada: Credential;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "mcp" } });
  tenant = await server.tenant();
  ada = await tenant.token("ada", "member");
});
afterAll(() => server.close());

describe.each(MCP_CLIENTS)("%s", (name, connect) => {
  let client: McpClient;
  beforeAll(async () => {
    client = await connect(server.url, ada);
  });
  afterAll(() => client.close());

  test("agrees on its version of the protocol", () => {
    expect(client.version).toBe(name.endsWith("stateless") ? "2026-07-28" : "2025-11-25");
  });

  test("is offered six tools", async () => {
    const names = (await client.tools()).map((tool) => tool.name);
    expect(names).toEqual([
      "list_conversations",
      "read_conversation",
      "search_messages",
      "create_conversation",
      "append_message",
      "ask_agent",
    ]);
  });

  test("creates, appends and reads", async () => {
    const created = await client.call("create_conversation", { title: "Garden", agent: "helper" });
    const { conversation } = created.structuredContent;
    expect(created.structuredContent).toEqual({
      conversation: {
        id: expect.any(String),
        title: "Garden",
        status: "active",
        agent: "helper",
        ownerId: "ada",
        messageCount: 0,
        // That she takes part is the first entry of its log.
        lastSeq: 1,
        createTime: expect.stringMatching(/Z$/),
      },
    });
    const appended = await client.call("append_message", { conversationId: conversation.id, text: "Roses, please" });
    const message = {
      id: expect.any(String),
      seq: 2,
      role: "user",
      sender: "ada",
      text: "Roses, please",
      createTime: expect.stringMatching(/Z$/),
    };
    expect(appended.structuredContent).toEqual({ message });
    const read = await client.call("read_conversation", { conversationId: conversation.id });
    expect(read.structuredContent).toEqual({
      conversation: { ...conversation, messageCount: 1, lastSeq: 2, lastMessageTime: expect.stringMatching(/Z$/) },
      messages: [message],
    });
  });

  test("gets the same as JSON text", async () => {
    const { content, structuredContent, isError } = await client.call("list_conversations", { limit: 1 });
    expect(content).toEqual([{ type: "text", text: JSON.stringify(structuredContent) }]);
    expect(isError).toBeUndefined();
  });

  test("reads page by page", async () => {
    const conversationId = await conversationOf("one", "two", "three");
    const first = await client.call("read_conversation", { conversationId, limit: 2 });
    expect(textsOf(first)).toEqual(["one", "two"]);
    expect(first.structuredContent.nextAfterSeq).toBe(3);
    const rest = await client.call("read_conversation", { conversationId, limit: 2, afterSeq: 3 });
    expect(textsOf(rest)).toEqual(["three"]);
    expect(rest.structuredContent).not.toHaveProperty("nextAfterSeq");
  });

  test("lists page by page", async () => {
    const [older, newer] = [await conversationOf(), await conversationOf()];
    const first = await client.call("list_conversations", { limit: 1 });
    expect(idsOf(first)).toEqual([newer]);
    const { nextCursor: cursor } = first.structuredContent;
    expect(idsOf(await client.call("list_conversations", { limit: 1, cursor }))).toEqual([older]);
  });

  test("finds messages, everywhere or in one conversation", async () => {
    const word = `w${randomUUID().replaceAll("-", "")}`;
    const [here, there] = [await conversationOf(`the ${word} here`), await conversationOf("nothing", `a ${word}`)];
    const everywhere = await client.call("search_messages", { query: word });
    expect(
      everywhere.structuredContent.matches.map((match: { conversationId: string }) => match.conversationId).sort(),
    ).toEqual([here, there].sort());
    const inOne = await client.call("search_messages", { query: word, conversationId: there });
    expect(inOne.structuredContent).toEqual({
      matches: [
        {
          conversationId: there,
          messageId: expect.any(String),
          seq: 3,
          role: "user",
          sender: "ada",
          snippet: `a ${word}`,
          createTime: expect.any(String),
        },
      ],
    });
  });

  test("reads a conversation as Markdown", async () => {
    const conversationId = await conversationOf("Hello *there*");
    const uri = `colloquy://conversations/${conversationId}`;
    expect(await client.resources()).toContainEqual(
      expect.objectContaining({ uri, name: "A title", mimeType: "text/markdown" }),
    );
    const text = await client.read(uri);
    expect(text.replace(/\d{4}-.*Z/, "TIME")).toBe(
      `# A title\n\nConversation ${conversationId} · active\n\n## 2 · user · ada · TIME\n\nHello *there*\n`,
    );
  });

  test("is told which argument broke which rule", async () => {
    const conversationId = await conversationOf();
    const tell = async (tool: string, args: object) => {
      const answer = await client.call(tool, args);
      expect(answer).toMatchObject({ isError: true });
      expect(answer).not.toHaveProperty("structuredContent");
      return answer.content.map(({ text }) => text).join();
    };
    expect(await tell("append_message", { conversationId })).toBe("INVALID_FIELD: text: is missing");
    expect(await tell("append_message", { conversationId, text: 7 })).toBe("INVALID_FIELD: text: must be a string");
    expect(await tell("append_message", { conversationId: "", text: "x" })).toBe(
      "INVALID_FIELD: conversationId: must not be empty",
    );
    expect(await tell("append_message", { conversationId, text: "x", requestId: "with space" })).toMatch(
      /^INVALID_FIELD: requestId: must be visible ASCII/,
    );
    expect(await tell("append_message", { conversationId, text: "a\0b" })).toMatch(/^INVALID_FIELD: text: must /);
    expect(await tell("read_conversation", { conversationId, limit: 0 })).toBe(
      "INVALID_FIELD: limit: must be at least 1",
    );
    expect(await tell("read_conversation", { conversationId, afterSeq: 1.5 })).toBe(
      "INVALID_FIELD: afterSeq: must be a whole number",
    );
    expect(await tell("read_conversation", { conversationId, since: 1 })).toBe(
      "INVALID_FIELD: since: is not an argument of this tool",
    );
    expect(await tell("search_messages", { query: "" })).toBe("INVALID_FIELD: query: must not be empty");
    expect(await tell("list_conversations", { cursor: "made up" })).toMatch(/^INVALID_PAGE_TOKEN: /);
    expect(await tell("create_conversation", { title: "x".repeat(501) })).toBe(
      "INVALID_FIELD: title: must be at most 500 characters",
    );
    expect(await tell("read_conversation", { conversationId: randomUUID() })).toBe("NOT_FOUND: conversation not found");
  });

  test("may leave an argument out by null", async () => {
    const conversationId = await conversationOf("one");
    expect(textsOf(await client.call("read_conversation", { conversationId, afterSeq: null, limit: null }))).toEqual([
      "one",
    ]);
  });

  test("appends and creates once, however often it repeats", async () => {
    const conversationId = await conversationOf();
    const requestId = randomUUID();
    const append = () => client.call("append_message", { conversationId, text: "once", requestId });
    expect(await append()).toEqual(await append());
    expect(textsOf(await client.call("read_conversation", { conversationId }))).toEqual(["once"]);
    const create = () => client.call("create_conversation", { title: "once", requestId });
    expect(await create()).toEqual(await create());
    const other = await client.call("append_message", { conversationId, text: "other", requestId });
    expect(other.content[0]?.text).toMatch(/^REQUEST_ID_REUSED: /);
  });

  test("does not know a tool that there is not", async () => {
    await expect(client.call("drop_everything")).rejects.toThrow(/params\.name: must be the name of a tool/);
  });
});

test("a client that asks for the newest era that both know gets it", async () => {
  const client = await connectNew(server.url, ada, "auto");
  expect(client.version).toBe("2026-07-28");
  await client.close();
});

/** A conversation of ada's with these messages. */
async function conversationOf(...texts: string[]): Promise<string> {
  const conversations = server.client(ConversationService, ada);
  const { conversation } = await conversations.createConversation({ conversation: { title: "A title" } });
  const id = conversation?.id ?? "";
  const messages = server.client(MessageService, ada);
  for (const content of texts) await messages.sendMessage({ conversationId: id, message: { content } });
  return id;
}

function textsOf({ structuredContent }: { structuredContent?: { messages: { text: string }[] } }): string[] {
  return structuredContent?.messages.map(({ text }) => text) ?? [];
}

function idsOf({ structuredContent }: { structuredContent?: { conversations: { id: string }[] } }): string[] {
  return structuredContent?.conversations.map(({ id }) => id) ?? [];
}
