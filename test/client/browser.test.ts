// The client in a browser, on a page of another origin: calls, reasons of errors, headers, and who is kept out.
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { type IdentityServer, startIdentityServer } from "../support/identity-server.ts";

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) process.stderr.write("Chromium is not installed (apt-get install chromium): skipping its tests\n");

/** What the page says of how it followed a conversation. */
interface Followed {
  readonly heard: readonly number[];
  readonly last: number;
  readonly reply: string;
}

describe.skipIf(!hasChromium)("a page of another origin", () => {
  let browser: Browser;
  let page: Server;
  let origin: string;
  beforeAll(async () => {
    const script = await bundle(join(import.meta.dirname, "../support/browser-page.ts"));
    page = createServer((request, response) => {
      const isScript = request.url === "/page.js";
      response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html; charset=utf-8" });
      response.end(isScript ? script : '<!doctype html><script type="module" src="/page.js"></script>');
    });
    await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
    });
  });
  afterAll(async () => {
    await browser?.close();
    page?.closeAllConnections();
    page?.close();
  });

  /** What the page tells of its calls to a server. */
  async function visit(server: IdentityServer, proxy = ""): Promise<unknown> {
    const tenant = await server.tenant();
    await tenant.addMember("ada");
    const admin = (await tenant.key("read", "write", "admin")).credential;
    const parrot = { name: "parrot", connector: { case: "echo", value: { delay: { nanos: 30_000_000 } } } } as const;
    await server.client(AgentService, admin).createAgent({ agent: parrot });
    const key = await tenant.key("read", "write");
    const tab = await browser.newPage();
    try {
      await tab.goto(`${origin}/#${new URLSearchParams({ server: server.url, proxy, key: key.text })}`);
      const told = await tab.waitForFunction(() => (globalThis as { told?: unknown }).told, undefined, {
        timeout: 20_000,
      });
      return await told.jsonValue();
    } finally {
      await tab.close();
    }
  }

  const works = {
    contents: ["Hi there", "Grüße 🌍"],
    failure: { code: "NotFound", notFound: true },
    headers: { "x-request-id": true, etag: true, location: true },
    rest: "From REST",
  };

  test("calls a server in the development profile", async () => {
    await using server = await startIdentityServer();
    expect(await visit(server)).toEqual(works);
  });

  test("follows a conversation and hears a reply whole, over lines that are cut again and again", async () => {
    await using server = await startIdentityServer();
    const proxy = await startCuttingProxy(() => server.url);
    let cuts = 0;
    const cutting = setInterval(() => {
      cuts += proxy.cut();
    }, 120);
    try {
      const { heard, last, reply, ...rest } = (await visit(server, proxy.url)) as Followed;
      expect(rest).toEqual(works);
      expect(heard).toEqual(Array.from({ length: last }, (_, i) => i + 1));
      expect(reply).toBe("to be or not to be ".repeat(6).trim());
      expect(cuts).toBeGreaterThan(5);
    } finally {
      clearInterval(cutting);
      await proxy.close();
    }
  });

  test("calls one in the production profile that allows its origin", async () => {
    const environment = { COLLOQUY_PROFILE: "production", COLLOQUY_CORS: origin };
    await using server = await startIdentityServer({ environment });
    expect(await visit(server)).toEqual(works);
  });

  test("is kept out of one in the production profile that does not", async () => {
    const environment = { COLLOQUY_PROFILE: "production", COLLOQUY_CORS: "https://app.example.com" };
    await using server = await startIdentityServer({ environment });
    expect(await visit(server)).toEqual({ refused: "Failed to fetch" });
  });
});

/** One file for a browser, with the client as it is published. */
async function bundle(entry: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "error",
    build: { write: false, minify: false, target: "es2022", rolldownOptions: { input: entry } },
  });
  const [result] = Array.isArray(built) ? built : [built];
  if (result === undefined || !("output" in result)) throw new Error("nothing was built");
  return result.output[0].code;
}
