// Debian's Chromium, on a page with an origin of its own that runs one script.
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";

/** Without windows, tests in it take two thirds of the processor time. */
const SHELL = "/usr/bin/chromium-headless-shell";
const CHROMIUM = existsSync(SHELL) ? SHELL : "/usr/bin/chromium";
export const HAS_CHROMIUM = existsSync(CHROMIUM);
if (!HAS_CHROMIUM) {
  process.stderr.write("Chromium is not installed (apt-get install chromium-headless-shell): skipping its tests\n");
}

export interface BrowserPage {
  readonly origin: string;
  /** Opens the page with these in its fragment, and gives what its script leaves in `told`. */
  visit(settings: Readonly<Record<string, string>>): Promise<unknown>;
  close(): Promise<void>;
}

/** @param script a file of test/support, which is bundled with the client as it is published */
export async function startPage(script: string): Promise<BrowserPage> {
  const code = await bundle(join(import.meta.dirname, script));
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html; charset=utf-8" });
    response.end(isScript ? code : '<!doctype html><script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await launchChromium();
  return {
    origin,
    async visit(settings) {
      const tab = await browser.newPage();
      try {
        await tab.goto(`${origin}/#${new URLSearchParams(settings)}`);
        const told = await tab.waitForFunction(() => (globalThis as { told?: unknown }).told, undefined, {
          timeout: 20_000,
        });
        return await told.jsonValue();
      } finally {
        await tab.close();
      }
    },
    async close() {
      await browser.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** @param more further arguments */
export function launchChromium(...more: readonly string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", ...more],
  });
}

/** One file for a browser. */
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
