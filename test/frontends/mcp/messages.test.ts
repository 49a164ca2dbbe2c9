// JSON-RPC as nobody should send it: each message gets one clear answer, and nothing happens.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postMcp, request, toolCall } from "../../support/fronts/mcp.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "mcp" } });
  key = (await (await server.tenant()).key("read", "write")).credential;
});
afterAll(() => server.close());

/** A request of the stateless era. */
function modern(method: string, params: object = {}, version = "2026-07-28") {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return request(method, { ...params, _meta: meta });
}

const MODERN = { "mcp-protocol-version": "2026-07-28" };

describe("a message", () => {
  test.each([
    ["a number", 7],
    ["a text", '"hello"'],
    ["null", "null"],
    ["without a version", { id: 1, method: "ping" }],
    ["of another version", { jsonrpc: "1.0", id: 1, method: "ping" }],
    ["with an object for an id", { jsonrpc: "2.0", id: {}, method: "ping" }],
    ["with a broken number for an id", { jsonrpc: "2.0", id: 1.5, method: "ping" }],
    ["with a list for params", { jsonrpc: "2.0", id: 1, method: "ping", params: [1] }],
    ["with a number for a method", { jsonrpc: "2.0", id: 1, method: 7 }],
  ])("that is %s is an invalid request", async (_, message) => {
    const { status, messages } = await postMcp(server.url, message, key);
    expect([status, messages[0].error.code]).toEqual([400, -32600]);
  });

  test.each([
    ["two requests", [request("ping"), request("ping", {}, 2)]],
    ["one request", [request("ping")]],
    ["nothing", []],
  ])("F-MCP-BATCH: that is a batch of %s is refused as a whole", async (_, batch) => {
    const { status, messages } = await postMcp(server.url, batch, key);
    expect(status).toBe(400);
    expect(messages).toEqual([
      {
        jsonrpc: "2.0",
        id: null,
        error: {
          code: -32600,
          message: "body: must be one JSON-RPC message: batches are not supported",
          data: { reason: "INVALID_FIELD" },
        },
      },
    ]);
  });

  test("that is no JSON by its type is refused", async () => {
    const { status } = await postMcp(server.url, request("ping"), { ...key, "content-type": "text/plain" });
    expect(status).toBe(415);
  });

  test.each([[0], [-7], ["an id"], [""], [2 ** 53 - 1]])("keeps its id %j", async (id) => {
    expect((await postMcp(server.url, request("ping", {}, id), key)).messages).toEqual([
      { jsonrpc: "2.0", id, result: {} },
    ]);
  });

  test("that wants no answer gets none", async () => {
    for (const method of ["notifications/initialized", "notifications/cancelled", "notifications/unheard-of"]) {
      const { status, text } = await postMcp(server.url, { jsonrpc: "2.0", method, params: { requestId: 1 } }, key);
      expect([status, text]).toEqual([202, ""]);
    }
  });

  test("that is an answer to nothing is taken and dropped", async () => {
    const { status, text } = await postMcp(server.url, { jsonrpc: "2.0", id: 1, result: {} }, key);
    expect([status, text]).toEqual([202, ""]);
  });

  test("of a method that there is not", async () => {
    for (const method of ["tools/drop", "prompts/list", "constructor", "__proto__", "completion/complete"]) {
      const { messages } = await postMcp(server.url, request(method), key);
      expect(messages[0].error).toMatchObject({ code: -32601 });
    }
  });

  test("of a tool that there is not", async () => {
    for (const name of ["drop", "constructor", "__proto__", ""]) {
      const { messages } = await postMcp(server.url, toolCall(name), key);
      expect(messages[0].error).toMatchObject({ code: -32602 });
    }
  });

  test("with arguments that are no object", async () => {
    for (const args of [[], "x", 7]) {
      const { messages } = await postMcp(
        server.url,
        request("tools/call", { name: "list_conversations", arguments: args }),
        key,
      );
      expect(messages[0].error).toMatchObject({ code: -32602 });
    }
  });

  test("with a prototype for an argument changes nothing", async () => {
    const argument = '"arguments":{"__proto__":{"limit":0}}';
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_conversations",${argument}}}`;
    const { messages } = await postMcp(server.url, body, key);
    expect(messages[0].result.structuredContent).toEqual({ conversations: [] });
    expect(({} as { limit?: number }).limit).toBeUndefined();
  });

  test("for a resource that there is not, or that is none", async () => {
    for (const uri of [
      "colloquy://conversations/../x",
      "colloquy://conversations/",
      `colloquy://conversations/${"x".repeat(5_000)}`,
      "file:///etc/passwd",
      "",
    ]) {
      const { messages } = await postMcp(server.url, request("resources/read", { uri }), key);
      expect(messages[0].error.message).toMatch(/not found/i);
    }
  });
});

describe("the stateless era", () => {
  test("is told of by server/discover", async () => {
    const { messages } = await postMcp(server.url, modern("server/discover"), {
      ...key,
      ...MODERN,
      "mcp-method": "server/discover",
    });
    expect(messages[0].result).toMatchObject({
      supportedVersions: expect.arrayContaining(["2026-07-28"]),
      capabilities: { tools: {}, resources: {} },
      instructions: expect.stringContaining("read_conversation"),
    });
  });

  test("answers with JSON", async () => {
    const headers = { ...key, ...MODERN, "mcp-method": "tools/list" };
    const answer = await postMcp(server.url, modern("tools/list"), headers);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.messages[0].result.tools).toHaveLength(6);
  });

  test("refuses a header that says another version, method or name than the body", async () => {
    const call = modern("tools/call", { name: "list_conversations", arguments: {} });
    const right = { ...key, ...MODERN, "mcp-method": "tools/call", "mcp-name": "list_conversations" };
    expect((await postMcp(server.url, call, right)).status).toBe(200);
    for (const wrong of [
      { "mcp-protocol-version": "2025-11-25" },
      { "mcp-method": "tools/list" },
      { "mcp-name": "append_message" },
    ]) {
      const { status, messages } = await postMcp(server.url, call, { ...right, ...wrong });
      expect([status, messages[0].error.code]).toEqual([400, -32020]);
    }
  });

  test("names the versions that there are to one that asks for another", async () => {
    const headers = { ...key, "mcp-protocol-version": "2199-01-01", "mcp-method": "tools/list" };
    const { status, messages } = await postMcp(server.url, modern("tools/list", {}, "2199-01-01"), headers);
    expect(status).toBe(400);
    expect(messages[0].error).toMatchObject({
      code: -32022,
      data: { supported: ["2026-07-28"], requested: "2199-01-01" },
    });
  });

  test("has nothing to subscribe to", async () => {
    const headers = { ...key, ...MODERN, "mcp-method": "subscriptions/listen" };
    const filter = { notifications: { resourcesListChanged: true } };
    const { messages } = await postMcp(server.url, modern("subscriptions/listen", filter), headers);
    expect(messages[0].error).toBeDefined();
  });
});
