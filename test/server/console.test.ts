// The console as it is served: its page, its assets, and who gets a developer's token.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { createConsoleHandler } from "../../src/server/console/console.ts";
import { bearer, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let production: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
  const provider = { issuer: "https://id.example/realm", audience: "colloquy", algorithms: ["RS256"] };
  production = await startIdentityServer({
    beside: server,
    environment: {
      COLLOQUY_PROFILE: "production",
      COLLOQUY_ISSUERS: JSON.stringify([{ ...provider, jwks_url: "https://id.example/keys" }]),
      COLLOQUY_CONSOLE_OIDC: JSON.stringify([
        { issuer: provider.issuer, client_id: "console", origins: ["https://token.example"] },
      ]),
    },
  });
});
afterAll(async () => {
  await production?.close();
  await server?.close();
});

const get = (path: string, headers: Record<string, string> = {}, at = server) =>
  fetch(`${at.url}${path}`, { headers, redirect: "manual" });

async function scriptOf(page: string): Promise<string> {
  const script = /src="(\/console\/assets\/[^"]+\.js)"/.exec(page)?.[1];
  if (script === undefined) throw new Error("the page has no script");
  return script;
}

describe("the page", () => {
  test.each(["/console", "/console/", "/console/conversations/01a?at=2", "/console/sign-in"])(
    "is at %s",
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(response.headers.get("cache-control")).toBe("no-cache");
      expect(await response.text()).toContain('<div id="root">');
    },
  );

  test("may run nothing but its own files, and be in no frame", async () => {
    const { headers } = await get("/console");
    expect(Object.fromEntries((headers.get("content-security-policy") ?? "").split("; ").map(directive))).toEqual({
      "default-src": "'none'",
      "script-src": "'self'",
      "style-src": "'self'",
      "img-src": "'self' blob: data:",
      "media-src": "'self' blob:",
      "font-src": "'self'",
      "connect-src": "'self'",
      "base-uri": "'none'",
      "form-action": "'none'",
      "frame-ancestors": "'none'",
    });
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    const page = await (await get("/console")).text();
    expect(page).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|https?:\/\//);
  });

  test("may call the identity providers that are configured", async () => {
    const { headers } = await get("/console", {}, production);
    expect(headers.get("content-security-policy")).toContain(
      "connect-src 'self' https://id.example https://token.example;",
    );
  });

  test("takes no other method", async () => {
    const response = await fetch(`${server.url}/console`, { method: "POST" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test("does not take paths that only begin like its own", async () => {
    expect((await get("/console2")).status).toBe(404);
  });
});

describe("an asset", () => {
  test("is kept for good, comes compressed, and is not sent again", async () => {
    const script = await scriptOf(await (await get("/console")).text());
    const response = await get(script, { "accept-encoding": "gzip" });
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    const etag = response.headers.get("etag") ?? "";
    expect((await get(script, { "accept-encoding": "gzip", "if-none-match": etag })).status).toBe(304);
  });

  test.each(["/console/assets/gone.js", "/console/assets/..%2f..%2fpackage.json", "/console/assets/"])(
    "that is missing is 404: %s",
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );
});

describe("what the page is told", () => {
  test("in development: one click signs in", async () => {
    expect(await (await get("/console/config.json")).json()).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      issuers: [],
      developer: true,
    });
  });

  test("in production: the identity providers", async () => {
    expect(await (await get("/console/config.json", {}, production)).json()).toMatchObject({
      developer: false,
      issuers: [{ issuer: "https://id.example/realm", name: "id.example", clientId: "console", scope: "openid" }],
    });
  });
});

describe("a developer's token", () => {
  const ask = (at: IdentityServer, headers: Record<string, string>, method = "POST") =>
    fetch(`${at.url}/console/developer-token`, { method, headers });

  test("is given to this server's own page, and is an administrator's", async () => {
    const response = await ask(server, { origin: server.url });
    expect(response.headers.get("cache-control")).toBe("no-store");
    const { token } = (await response.json()) as { token: string };
    const who = await server.client(AccessService, bearer(token)).whoAmI({});
    expect(who).toMatchObject({ tenantSlug: "default", memberId: "developer" });
  });

  test.each([
    ["another page of this machine", { origin: "http://localhost:3000" }],
    ["a page without an origin", { origin: "null" }],
    ["what is no page", {}],
  ])("is not given to %s", async (_, headers) => {
    expect((await ask(server, headers)).status).toBe(403);
  });

  test("is not given for a GET", async () => {
    expect((await ask(server, { origin: server.url }, "GET")).status).toBe(405);
  });

  test("is not given in production", async () => {
    expect((await ask(production, { origin: production.url })).status).toBe(405);
  });
});

test("COLLOQUY_CONSOLE=off: the paths are unknown", async () => {
  await using off = await startIdentityServer({ beside: server, environment: { COLLOQUY_CONSOLE: "off" } });
  for (const path of ["/console", "/console/config.json", "/console/developer-token"]) {
    expect((await get(path, {}, off)).status).toBe(404);
  }
});

test("without a built console, its paths say how to build it", async () => {
  const handler = createConsoleHandler({ built: undefined, version: "1.2.3", issuers: [] });
  const bare: Server = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => bare.listen(0, "127.0.0.1", resolve));
  const response = await fetch(`http://127.0.0.1:${(bare.address() as AddressInfo).port}/console`);
  expect([response.status, await response.text()]).toEqual([404, "The console is not built: run `npm run build`.\n"]);
  bare.closeAllConnections();
  bare.close();
});

function directive(text: string): [string, string] {
  const space = text.indexOf(" ");
  return [text.slice(0, space), text.slice(space + 1)];
}
