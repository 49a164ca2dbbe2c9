// F-MCP: what public reports say of MCP servers over streamable HTTP, each tried on ours.
import { queryObjects } from "node:v8";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MCP_CLIENTS, postMcp, request, toolCall } from "../support/fronts/mcp.ts";
import { HAS_PROXIES, startNginx } from "../support/parts/proxies.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../support/services/agents.ts";

let server: IdentityServer;
let agent: FakeAgent;
let key: Credential;
beforeAll(async () => {
  agent = await startFakeAgent();
  server = await startIdentityServer({
    environment: { COLLOQUY_COMPAT: "mcp", COLLOQUY_AGENT_PRIVATE: "yes", COLLOQUY_HEARTBEAT: "1" },
  });
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  await server.client(AgentService, key).createAgent({ agent: { name: "default", connector } });
});
afterAll(async () => {
  await server.close();
  await agent.close();
});

describe("F-MCP-ACCEPT: a client gets an answer in a form that it takes", () => {
  test.each([
    ["application/json", "application/json"],
    ["text/event-stream", "text/event-stream"],
    ["text/event-stream, application/json", "application/json"],
    ["application/json, text/event-stream", "application/json"],
    ["APPLICATION/JSON;q=0.9, */*;q=0.1", "application/json"],
    ["*/*", "application/json"],
    ["application/*", "application/json"],
  ])("Accept: %s", async (accept, type) => {
    const { status, headers, messages } = await postMcp(server.url, request("tools/list"), { ...key, accept });
    expect([status, headers.get("content-type")]).toEqual([200, type]);
    expect(messages[0].result.tools).toHaveLength(6);
  });

  test("and 406 where it takes neither", async () => {
    expect((await postMcp(server.url, request("ping"), { ...key, accept: "text/html" })).status).toBe(406);
  });
});

test("F-MCP-ARGUMENTS: a call without arguments, or with null for them, has none", async () => {
  for (const params of [{}, { arguments: {} }, { arguments: null }]) {
    const call = request("tools/call", { name: "list_conversations", ...params });
    const { messages } = await postMcp(server.url, call, key);
    expect(messages[0].result.structuredContent.conversations).toBeInstanceOf(Array);
  }
});

test("F-MCP-SESSION: the session of another server, or of this one before a restart, is no hindrance", async () => {
  const stale = { ...key, "mcp-session-id": "0197-of-long-ago" };
  const { status, headers } = await postMcp(server.url, request("tools/list"), stale);
  expect(status).toBe(200);
  expect(headers.has("mcp-session-id")).toBe(false);
});

test("F-MCP-VERSION: initialize negotiates, whatever the header says; later requests are held to what there is", async () => {
  const initialize = (protocolVersion: string) =>
    request("initialize", { protocolVersion, capabilities: {}, clientInfo: { name: "t", version: "1" } });
  for (const version of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
    const { messages } = await postMcp(server.url, initialize(version), { ...key, "mcp-protocol-version": version });
    expect(messages[0].result.protocolVersion).toBe(version);
    const later = await postMcp(server.url, request("ping"), { ...key, "mcp-protocol-version": version });
    expect(later.status).toBe(200);
  }
  const unheardOf = await postMcp(server.url, initialize("2031-01-01"), key);
  expect(unheardOf.messages[0].result.protocolVersion).toBe("2025-11-25");
  for (const [version, said] of [
    ["1900-01-01", "2025-11-25"],
    ["not-a-version", "MCP-Protocol-Version header"],
  ] as const) {
    const refused = await postMcp(server.url, request("tools/list"), { ...key, "mcp-protocol-version": version });
    expect([refused.status, refused.messages[0].error.message]).toEqual([400, expect.stringContaining(said)]);
  }
});

test("F-MCP-SLASH: the path with a slash at its end is the same place, not a redirect", async () => {
  const response = await fetch(`${server.url}/mcp/`, {
    method: "POST",
    redirect: "error",
    headers: { ...key, "content-type": "application/json" },
    body: JSON.stringify(request("ping")),
  });
  expect(response.status).toBe(200);
});

test("F-MCP-LISTEN: a GET for a stream is 405 with and without a credential, so that no client waits or logs in", async () => {
  for (const headers of [{}, key]) {
    const response = await fetch(`${server.url}/mcp`, { headers: { ...headers, accept: "text/event-stream" } });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([405, null]);
    await response.body?.cancel();
  }
});

test("F-MCP-HTTPS: behind a proxy that ends TLS the documents say https", async () => {
  const forwarded = { "x-forwarded-proto": "https" };
  const { headers } = await postMcp(server.url, request("ping"), forwarded);
  const at = /resource_metadata="([^"]+)"/.exec(headers.get("www-authenticate") ?? "")?.[1] ?? "";
  expect(at).toBe(`${server.url.replace("http:", "https:")}/.well-known/oauth-protected-resource/mcp`);
  const document = await fetch(at.replace("https:", "http:"), { headers: forwarded });
  expect((await document.json()).resource).toBe(`${server.url.replace("http:", "https:")}/mcp`);
});

test("F-MCP-HEADER: a host or scheme that is none cannot write into the challenge", async () => {
  const { headers } = await postMcp(server.url, request("ping"), { "x-forwarded-proto": 'x", evil="1' });
  expect(headers.get("www-authenticate")).toContain(`"${server.url}/`);
});

describe("F-MCP-SCHEMA: what a tool answers is what its schema says, and an error holds none of it", () => {
  test.each(MCP_CLIENTS)("%s, which checks it", async (_, connect) => {
    const client = await connect(server.url, key);
    // Without the list the clients know no schemas.
    await client.tools();
    const { structuredContent } = await client.call("create_conversation", { title: "Schemas" });
    const conversationId = structuredContent.conversation.id;
    await client.call("append_message", { conversationId, text: "Hi" });
    await client.call("ask_agent", { conversationId, text: "Hi" });
    for (const [name, args] of [
      ["list_conversations", {}],
      ["read_conversation", { conversationId }],
      ["search_messages", { query: "hi" }],
    ] as const) {
      expect((await client.call(name, args)).isError, name).toBeUndefined();
    }
    const failed = await client.call("read_conversation", { conversationId: "none" });
    expect(failed).toMatchObject({ isError: true });
    expect(failed).not.toHaveProperty("structuredContent");
    await client.close();
  });
});

test("F-MCP-LEAK: requests leave nothing behind", async () => {
  const { Server } = await import("@modelcontextprotocol/server");
  const sum = (text: string, name: string) =>
    [...text.matchAll(new RegExp(`^${name}\\{[^}]*McpService[^}]*\\} (\\d+)$`, "gm"))].reduce(
      (total, [, count]) => total + Number(count),
      0,
    );
  const counts = async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return [sum(text, "colloquy_rpc_started_total"), sum(text, "colloquy_rpc_handled_total")] as const;
  };
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const [before] = await counts();
  const [timersBefore, serversBefore] = [timers(), queryObjects(Server, { format: "count" })];
  for (let i = 0; i < 60; i++)
    await postMcp(server.url, request("tools/list"), { ...key, accept: "text/event-stream" });
  // The metrics are those of up to a quarter of a second ago.
  await expect.poll(counts).toEqual([before + 60, before + 60]);
  expect(timers() - timersBefore).toBeLessThan(20);
  expect(queryObjects(Server, { format: "count" }) - serversBefore).toBeLessThan(20);
});

test.skipIf(!HAS_PROXIES)(
  "F-MCP-PROXY: behind nginx as people copy it, a long answer comes as it is said",
  async () => {
    const bare = `server { listen 127.0.0.1:PORT; location / { proxy_pass ${server.url}; proxy_read_timeout 2s; } }`;
    await using proxy = await startNginx(bare);
    const heard = Promise.withResolvers<void>();
    agent.answer = async function* () {
      yield { text: "first " };
      await heard.promise;
      yield { text: "second" };
    };
    const { conversation } = await server
      .client(ConversationService, key)
      .createConversation({ conversation: { agent: "default" } });
    const call = toolCall("ask_agent", { conversationId: conversation?.id ?? "", text: "Hi" });
    const response = await fetch(new URL("/mcp", proxy.url), {
      method: "POST",
      headers: { ...key, "content-type": "application/json", accept: "application/json, text/event-stream" },
      body: JSON.stringify({ ...call, params: { ...call.params, _meta: { progressToken: "p" } } }),
    });
    let text = "";
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      // The first word has come, and so have three heartbeats of a second each, which is longer than the proxy waits.
      if (text.includes('"first "') && (text.match(/^:/gm)?.length ?? 0) >= 3) heard.resolve();
    }
    expect(text).toContain('"text":"first second"');
  },
);
