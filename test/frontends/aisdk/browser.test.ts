// The page of examples/chat-nextless in Chromium: what a person does with a chat, in one tab and in two.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { type ChatServer, calls, pauses, says, startChats, thought } from "../../support/fronts/ai-sdk.ts";
import { HAS_CHROMIUM, launchChromium } from "../../support/fronts/browser.ts";

const EXAMPLE = join(import.meta.dirname, "../../../examples/chat-nextless");

let server: ChatServer;
let pages: ViteDevServer;
let cache: string;
let browser: Browser;
let paid = 0;
const till = createHttpServer((_, response) => response.end(JSON.stringify({ paid: ++paid })));

describe.skipIf(!HAS_CHROMIUM)("the page", () => {
  beforeAll(async () => {
    await new Promise<void>((resolve) => till.listen(0, "127.0.0.1", resolve));
    server = await startChats();
    const url = `http://127.0.0.1:${(till.address() as AddressInfo).port}`;
    await server.server.client(AgentService, server.admin).createAgent({
      agent: {
        name: "helper",
        connector: { case: "connect", value: { baseUrl: server.agent.url } },
        tools: [
          { name: "timeZone", description: "The user's" },
          { name: "pay", description: "Costs", needsApproval: true, runs: { case: "http", value: { url } } },
        ],
      },
    });
    vi.stubEnv("COLLOQUY", server.server.url);
    vi.stubEnv("KEY", (await server.tenant.key("read", "write")).text);
    vi.stubEnv("MEMBER", "alice");
    cache = await mkdtemp(join(tmpdir(), "colloquy-page-"));
    const configFile = join(EXAMPLE, "vite.config.ts");
    pages = await createServer({
      configFile,
      cacheDir: cache,
      logLevel: "error",
      server: { port: 0, host: "127.0.0.1" },
    });
    await pages.listen();
    browser = await launchChromium();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await pages?.close();
    await server?.close();
    till.close();
    await rm(cache, { recursive: true });
  });
  afterEach(() => {
    server.script.length = 0;
    paid = 0;
  });

  async function open(address?: string): Promise<Page> {
    const page = await browser.newPage();
    page.setDefaultTimeout(25_000);
    await page.goto(address ?? pages.resolvedUrls?.local[0] ?? "");
    await page.getByRole("textbox").waitFor();
    return page;
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.getByRole("textbox").fill(text);
    await page.getByRole("button", { name: "Send" }).click();
  }

  const shown = (page: Page) => page.locator("section p").allTextContents();
  const press = (page: Page, name: string) => page.getByRole("button", { name }).click();
  const ready = (page: Page) => expect.poll(() => page.locator("output").textContent()).toBe("ready");

  test("streams thoughts and words, and shows the same after a reload", async () => {
    const { call, asked, goOn } = pauses([thought("hm"), { text: "Good " }], [{ text: "day" }]);
    server.script.push(call);
    const page = await open();
    await say(page, "Hi");
    await asked;
    await expect.poll(() => shown(page)).toEqual(["Hi", "hm", "Good "]);
    goOn();
    await ready(page);
    await expect.poll(() => shown(page)).toEqual(["Hi", "hm", "Good day"]);
    await page.reload();
    await expect.poll(() => shown(page)).toEqual(["Hi", "hm", "Good day"]);
    await page.close();
  }, 120_000);

  test("is reloaded in the middle of an answer, and opened in a second tab: both follow it", async () => {
    const { call, asked, goOn } = pauses([{ text: "Good " }], [{ text: "day" }]);
    server.script.push(call);
    const page = await open();
    await say(page, "Hi");
    await asked;
    await expect.poll(() => shown(page)).toEqual(["Hi", "Good "]);
    await page.reload();
    await expect.poll(() => shown(page)).toEqual(["Hi", "Good "]);
    const other = await open(page.url());
    await expect.poll(() => shown(other)).toEqual(["Hi", "Good "]);
    goOn();
    await expect.poll(() => shown(page)).toEqual(["Hi", "Good day"]);
    await expect.poll(() => shown(other)).toEqual(["Hi", "Good day"]);
    await page.close();
    await other.close();
  }, 120_000);

  test("stops an answer, from another tab too", async () => {
    const { call, asked } = pauses([{ text: "On and on" }]);
    server.script.push(call);
    const page = await open();
    await say(page, "Hi");
    const signal = await asked;
    await expect.poll(() => shown(page)).toEqual(["Hi", "On and on"]);
    const other = await open(page.url());
    await expect.poll(() => shown(other)).toEqual(["Hi", "On and on"]);
    await press(other, "Stop");
    await expect.poll(() => signal.aborted).toBe(true);
    await ready(page);
    await ready(other);
    await page.reload();
    await expect.poll(() => shown(page)).toEqual(["Hi", "On and on"]);
    await page.close();
    await other.close();
  }, 120_000);

  test("of assistant-ui streams, runs its tool, stops, makes anew, and is reloaded in the middle of an answer", async () => {
    const page = await open(`${pages.resolvedUrls?.local[0]}assistant.html`);
    const { call, asked, goOn } = pauses([thought("hm"), { text: "Good " }], [{ text: "day" }]);
    server.script.push(call);
    await say(page, "Hi");
    await asked;
    await expect.poll(() => shown(page)).toEqual(["Hi", "hm", "Good "]);
    await page.reload();
    await expect.poll(() => shown(page)).toEqual(["Hi", "hm", "Good "]);
    goOn();
    await ready(page);
    await expect.poll(() => shown(page)).toEqual(["Hi", "hm", "Good day"]);
    server.script.push(says({ text: "Good evening" }));
    await page.getByRole("button", { name: "Again" }).last().click();
    await expect.poll(() => shown(page)).toEqual(["Hi", "Good evening"]);
    await ready(page);
    server.script.push(says(calls("c1", "timeZone")), says({ text: "I see." }));
    await say(page, "Where am I?");
    const zone = await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
    const tool = `timeZone({}): ${JSON.stringify(zone)}`;
    await expect.poll(() => shown(page)).toEqual(["Hi", "Good evening", "Where am I?", tool, "I see."]);
    await ready(page);
    const endless = pauses([{ text: "On and on" }]);
    server.script.push(endless.call);
    await say(page, "Go on");
    const signal = await endless.asked;
    await press(page, "Stop");
    await expect.poll(() => signal.aborted).toBe(true);
    await ready(page);
    await page.reload();
    await expect.poll(async () => (await shown(page)).at(-1)).toBe("On and on");
    await page.close();
  }, 120_000);

  test("runs a tool of its own, and goes on with what it gave", async () => {
    server.script.push(says(calls("c1", "timeZone")), says({ text: "I see." }));
    const page = await open();
    await say(page, "Where am I?");
    const zone = await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
    const tool = `tool-timeZone({}): output-available ${JSON.stringify(zone)}`;
    await expect.poll(() => shown(page)).toEqual(["Where am I?", tool, "I see."]);
    await page.close();
  }, 120_000);

  test("asks before a call that costs, and has the answer made once more", async () => {
    server.script.push(says(calls("c1", "pay")), says({ text: "Paid." }), says({ text: "Nothing to pay." }));
    const page = await open();
    await say(page, "Pay");
    await press(page, "Allow");
    await expect.poll(() => shown(page)).toEqual(["Pay", 'tool-pay({}): output-available {"paid":1}', "Paid."]);
    await ready(page);
    await press(page, "Again");
    await expect.poll(() => shown(page)).toEqual(["Pay", "Nothing to pay."]);
    expect(paid).toBe(1);
    await page.close();
  }, 120_000);
});
