// Google's own client of gRPC-Web in its default mode, text, in a browser: as we serve it, and behind nginx and
// HAProxy.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { type BrowserPage, HAS_CHROMIUM, startPage } from "../support/fronts/browser.ts";
import { documented, HAS_PROXIES, startHaproxy, startNginx } from "../support/parts/proxies.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

describe.skipIf(!HAS_CHROMIUM)("F-GRPCWEB: Google's grpc-web on a page of another origin", () => {
  let page: BrowserPage;
  let server: IdentityServer;
  let key: string;
  beforeAll(async () => {
    page = await startPage("grpc-web-page.ts");
    const environment = {
      COLLOQUY_PROFILE: "production",
      COLLOQUY_CORS: page.origin,
      COLLOQUY_HEARTBEAT: "1",
      COLLOQUY_TRUSTED_PROXIES: "127.0.0.1",
    };
    server = await startIdentityServer({ environment });
    const tenant = await server.tenant();
    await tenant.addMember("ada");
    const admin = (await tenant.key("read", "write", "admin")).credential;
    const parrot = { name: "parrot", connector: { case: "echo", value: {} } } as const;
    await server.client(AgentService, admin).createAgent({ agent: parrot });
    key = (await tenant.key("read", "write")).text;
  });
  afterAll(async () => {
    await page?.close();
    await server?.close();
  });

  const works = {
    contents: ["Hi there", "Grüße 🌍"],
    missing: { code: 5, message: "message not found" },
    unknown: { code: 12, message: "there is no such service or method" },
    missingStream: { reply: "conversation not found", status: 5 },
    heard: ["Hi there", "Grüße 🌍", ...[2, 3, 4, 5, 6, 7].map((n) => "ü".repeat(n))],
    said: { reply: "to be or not to be", status: 0 },
  };

  test("calls, fails, follows and hears a reply", async () => {
    expect(await page.visit({ server: server.url, key })).toEqual(works);
  });

  test.skipIf(!HAS_PROXIES).each([
    ["nginx", "nginx", startNginx],
    ["HAProxy", "haproxy", startHaproxy],
  ] as const)("does the same behind %s as documented", async (_, language, start) => {
    await using proxy = await start(await documented(language, new URL(server.url).host));
    expect(await page.visit({ server: proxy.url, key })).toEqual(works);
  });
});
