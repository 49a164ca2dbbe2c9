// Who may do what over MCP: what the RPCs behind the tools say, and nothing else.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { MCP_CLIENTS, postMcp, request, type ToolAnswer } from "../../support/fronts/mcp.ts";
import {
  bearer,
  type Credential,
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
} from "../../support/servers/identity-server.ts";

let server: IdentityServer;
let tenant: IdentityTenant;
let ada: Credential;
/** A conversation of ada's with one message. */
let hers: string;
const word = `w${randomUUID().replaceAll("-", "")}`;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "mcp" } });
  tenant = await server.tenant();
  ada = await tenant.token("ada", "member");
  const { conversation } = await server.client(ConversationService, ada).createConversation({ conversation: {} });
  hers = conversation?.id ?? "";
  await server.client(MessageService, ada).sendMessage({ conversationId: hers, message: { content: word } });
});
afterAll(() => server.close());

describe.each(MCP_CLIENTS)("%s", (_, connect) => {
  const strangers: readonly (readonly [string, () => Promise<Credential>])[] = [
    ["a member who takes no part", () => tenant.token("bob", "member")],
    ["another tenant's administrator", async () => (await server.tenant()).token("ada", "admin")],
    ["another tenant's key", async () => (await (await server.tenant()).key("read", "write")).credential],
    [
      "a key that acts for a member who takes no part",
      async () => {
        await tenant.addMember(`m-${randomUUID()}`);
        await tenant.token("bob", "member");
        return { ...(await tenant.key("read", "write")).credential, "x-act-for": "bob" };
      },
    ],
  ];

  test.each(strangers)("shows nothing of a conversation to %s", async (_who, credentialOf) => {
    const client = await connect(server.url, await credentialOf());
    const unknown = randomUUID();
    const calls: readonly (readonly [string, (id: string) => object])[] = [
      ["read_conversation", (conversationId) => ({ conversationId })],
      ["append_message", (conversationId) => ({ conversationId, text: "x" })],
      ["ask_agent", (conversationId) => ({ conversationId, text: "x" })],
      ["search_messages", (conversationId) => ({ conversationId, query: word })],
    ];
    for (const [tool, argumentsOf] of calls) {
      // What one may not see does not exist: the same answer as for an id that nothing has.
      const answer = await client.call(tool, argumentsOf(hers));
      expect(answer).toEqual(await client.call(tool, argumentsOf(unknown)));
    }
    const listed = (await client.call("list_conversations")).structuredContent.conversations;
    expect(listed.map(({ id }: { id: string }) => id)).not.toContain(hers);
    expect((await client.call("search_messages", { query: word })).structuredContent).toEqual({ matches: [] });
    expect((await client.resources()).map(({ uri }) => uri)).not.toContain(`colloquy://conversations/${hers}`);
    await expect(client.read(`colloquy://conversations/${hers}`)).rejects.toThrow(/not found/i);
    await client.close();
  });

  test("shows a token of one conversation that one alone", async () => {
    const key = (await tenant.key("read", "write")).credential;
    const { conversation } = await server.client(ConversationService, ada).createConversation({});
    const conversationId = conversation?.id ?? "";
    const { token } = await server.client(AccessService, key).createClientToken({ memberId: "ada", conversationId });
    const client = await connect(server.url, bearer(token));
    for (const tool of ["read_conversation", "append_message", "ask_agent"]) {
      const text = tool === "read_conversation" ? {} : { text: "x" };
      const answer = await client.call(tool, { conversationId: hers, ...text });
      expect(answer).toEqual(await client.call(tool, { conversationId: randomUUID(), ...text }));
      expect(answer.isError).toBe(true);
    }
    expect((await client.call("search_messages", { query: word })).structuredContent).toEqual({ matches: [] });
    expect(textOf(await client.call("list_conversations"))).toMatch(/^PERMISSION_DENIED: /);
    expect(textOf(await client.call("create_conversation", { title: "x" }))).toMatch(/^PERMISSION_DENIED: /);
    expect((await client.call("append_message", { conversationId, text: "x" })).isError).toBeUndefined();
    const { structuredContent } = await client.call("read_conversation", { conversationId });
    expect(structuredContent.messages.map(({ text }: { text: string }) => text)).toEqual(["x"]);
    await client.close();
  });

  test("lets a key that may only read read, and says what a write lacks", async () => {
    const client = await connect(server.url, (await tenant.key("read")).credential);
    expect((await client.call("read_conversation", { conversationId: hers })).isError).toBeUndefined();
    const lacks = /^SCOPE_MISSING: the API key lacks the scope "write"/;
    expect(textOf(await client.call("create_conversation", { title: "x" }))).toMatch(lacks);
    expect(textOf(await client.call("append_message", { conversationId: hers, text: "x" }))).toMatch(lacks);
    expect(textOf(await client.call("ask_agent", { conversationId: hers, text: "x" }))).toMatch(lacks);
    await client.close();
  });

  test("lets a key that may only write write, and says what a read lacks", async () => {
    const client = await connect(server.url, (await tenant.key("write")).credential);
    expect((await client.call("append_message", { conversationId: hers, text: "x" })).isError).toBeUndefined();
    const lacks = /^SCOPE_MISSING: the API key lacks the scope "read"/;
    expect(textOf(await client.call("read_conversation", { conversationId: hers }))).toMatch(lacks);
    expect(textOf(await client.call("list_conversations"))).toMatch(lacks);
    await expect(client.resources()).rejects.toThrow(/SCOPE_MISSING/);
    await client.close();
  });

  test("writes as the member that a key acts for", async () => {
    const credential = { ...(await tenant.key("read", "write")).credential, "x-act-for": "ada" };
    const client = await connect(server.url, credential);
    const { structuredContent } = await client.call("append_message", { conversationId: hers, text: "for ada" });
    expect(structuredContent.message.sender).toBe("ada");
    await client.close();
  });

  test("takes the same request id of two callers for two", async () => {
    const bob = await connect(server.url, await tenant.token("bob", "member"));
    const client = await connect(server.url, ada);
    const requestId = randomUUID();
    const [first, second] = [
      await client.call("create_conversation", { title: "mine", requestId }),
      await bob.call("create_conversation", { title: "mine", requestId }),
    ];
    expect(first.structuredContent.conversation.id).not.toBe(second.structuredContent.conversation.id);
    await client.close();
    await bob.close();
  });
});

function textOf({ content }: ToolAnswer): string {
  return content.map(({ text }) => text).join();
}

test("a resource that the key has no scope for is refused as such, not as an internal error", async () => {
  const { credential } = await tenant.key("write");
  const uri = `colloquy://conversations/${hers}`;
  for (const [method, params] of [
    ["resources/read", { uri }],
    ["resources/list", {}],
  ] as const) {
    const { messages } = await postMcp(server.url, request(method, params), credential);
    expect(messages[0].error).toEqual({
      code: -32000,
      message: 'SCOPE_MISSING: the API key lacks the scope "read"',
    });
  }
});
