// MCP's place in HTTP: credentials, the document about them, methods, CORS, limits and request ids, as for every call.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageVersion } from "../../../src/config/version.ts";
import { postMcp, request, toolCall } from "../../support/fronts/mcp.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";

const ISSUERS = [
  {
    issuer: "https://login.example.com",
    audience: "colloquy",
    jwks_url: "https://login.example.com/jwks",
    algorithms: ["ES256"],
  },
  { issuer: "plain-name", audience: "colloquy", jwks_url: "https://other.example.com/jwks", algorithms: ["ES256"] },
];

let server: IdentityServer;
let key: Credential;
beforeAll(async () => {
  server = await startIdentityServer({
    environment: {
      COLLOQUY_COMPAT: "mcp,mcp/legacy",
      COLLOQUY_ISSUERS: JSON.stringify(ISSUERS),
      COLLOQUY_CORS: "https://app.example.com",
      COLLOQUY_HOSTS: "*",
    },
  });
  key = (await (await server.tenant()).key("read", "write")).credential;
});
afterAll(() => server.close());

test("says which version of which server it is", async () => {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } };
  const { messages } = await postMcp(server.url, request("initialize", params), key);
  expect(messages[0]?.result.serverInfo).toEqual({ name: "colloquy", title: "Colloquy", version: packageVersion() });
});

describe("without a credential", () => {
  test("a call is told where to learn how to get one", async () => {
    const { status, headers, messages } = await postMcp(server.url, request("tools/list"));
    expect(status).toBe(401);
    expect(headers.get("www-authenticate")).toBe(
      `Bearer realm="colloquy", resource_metadata="${server.url}/.well-known/oauth-protected-resource/mcp"`,
    );
    expect(messages).toEqual([
      {
        jsonrpc: "2.0",
        id: null,
        error: {
          code: -32000,
          message: expect.stringMatching(/^a credential is needed/),
          data: { reason: "CREDENTIAL_MISSING" },
        },
      },
    ]);
  });

  test("a bad one is told what is wrong with it", async () => {
    const { status, headers } = await postMcp(server.url, request("tools/list"), { authorization: "Bearer x.y.z" });
    expect(status).toBe(401);
    expect(headers.get("www-authenticate")).toMatch(
      /^Bearer realm="colloquy", error="invalid_token", error_description="[^"]+", resource_metadata="http:[^"]+\/mcp"$/,
    );
  });

  test("the document names the issuers whose tokens are taken", async () => {
    const response = await fetch(`${server.url}/.well-known/oauth-protected-resource/mcp`);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({
      resource: `${server.url}/mcp`,
      authorization_servers: ["https://login.example.com"],
      bearer_methods_supported: ["header"],
      resource_name: "Colloquy",
    });
  });

  test("each mount has its own, and the first is where clients look that know no path", async () => {
    const resourceAt = async (path: string) => (await (await fetch(server.url + path)).json()).resource;
    expect(await resourceAt("/.well-known/oauth-protected-resource/legacy/mcp")).toBe(`${server.url}/legacy/mcp`);
    expect(await resourceAt("/.well-known/oauth-protected-resource")).toBe(`${server.url}/mcp`);
    const { headers } = await fetch(`${server.url}/legacy/mcp`, { method: "POST", body: "{}" });
    expect(headers.get("www-authenticate")).toContain("/.well-known/oauth-protected-resource/legacy/mcp");
  });

  test("it is read, not written", async () => {
    const path = `${server.url}/.well-known/oauth-protected-resource/mcp`;
    expect((await fetch(path, { method: "POST" })).status).toBe(405);
    const head = await fetch(path, { method: "HEAD" });
    expect(head.status).toBe(200);
  });
});

describe("GET and DELETE", () => {
  test.each(["GET", "DELETE", "PUT"])("%s is not taken, with or without a credential", async (method) => {
    for (const headers of [key, {}]) {
      const response = await fetch(`${server.url}/mcp`, {
        method,
        headers: { ...headers, accept: "text/event-stream" },
      });
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toBe("OPTIONS, POST");
      expect(await response.json()).toMatchObject({ jsonrpc: "2.0", id: null, error: { code: -32000 } });
    }
  });
});

describe("F-MCP-ORIGIN: pages of browsers", () => {
  test("of an origin that is listed may call", async () => {
    const origin = "https://app.example.com";
    const wanted = "authorization, content-type, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name";
    const preflight = await fetch(`${server.url}/mcp`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": wanted },
    });
    const allowed = preflight.headers.get("access-control-allow-headers")?.toLowerCase().split(", ") ?? [];
    for (const name of wanted.split(", ")) expect(allowed).toContain(name);
    const { status, headers } = await postMcp(server.url, request("ping"), { ...key, origin });
    expect(status).toBe(200);
    expect(headers.get("access-control-allow-origin")).toBe(origin);
    expect(headers.get("access-control-expose-headers")).toContain("WWW-Authenticate");
  });

  test("of this server may call", async () => {
    expect((await postMcp(server.url, request("ping"), { ...key, origin: server.url })).status).toBe(200);
  });

  test.each(["https://attacker.example", "null", "not a URL"])("of %s may not, whatever they hold", async (origin) => {
    const { status, messages } = await postMcp(server.url, request("ping"), { ...key, origin });
    expect(status).toBe(403);
    expect(messages[0].error).toEqual({
      code: -32000,
      message: "origin: must be this server's own or one that COLLOQUY_CORS lists",
      data: { reason: "PERMISSION_DENIED" },
    });
  });
});

test("a request id is given back", async () => {
  const { headers } = await postMcp(server.url, request("ping"), { ...key, "x-request-id": "mine" });
  expect(headers.get("x-request-id")).toBe("mine");
  expect(headers.get("cache-control")).toBe("no-store");
});

test("calls are counted in the metrics", async () => {
  await postMcp(server.url, request("ping"), key);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(/method="\/colloquy\.frontend\.mcp\.v1\.McpService\/Post"[^\n]*wire="rest"/);
});

test("rate limits hold for every message", async () => {
  await using limited = await startIdentityServer({
    environment: { COLLOQUY_COMPAT: "mcp", COLLOQUY_RATE_LIMITS: "caller=2/60" },
  });
  const credential = (await (await limited.tenant()).key("read")).credential;
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await postMcp(limited.url, request("ping"), credential)).status);
  const { status, headers, messages } = await postMcp(limited.url, toolCall("list_conversations"), credential);
  expect([...statuses, status]).toEqual([200, 200, 429, 429]);
  expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  expect(messages[0].error.data).toEqual({ reason: "RATE_LIMITED" });
});

test("it is served where COLLOQUY_COMPAT says, and nowhere else", async () => {
  await using without = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "crm" } });
  expect((await fetch(`${without.url}/mcp`, { method: "POST" })).status).toBe(404);
  expect((await fetch(`${without.url}/.well-known/oauth-protected-resource`)).status).toBe(404);
});
