// Writes the pictures of docs/console/ and prints how fast the console is, on a server and a store of its own.
// Usage: npm run -s build && node scripts/console-pictures.ts [--large | --live] [--no-pictures] [--only conversation]
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { measure, type OpenPage } from "./console/figures.ts";
import { measurePaint, measureReply } from "./console/live.ts";
import { palettePng } from "./console/palette-png.ts";
import { serve } from "./console/server.ts";
import { type Filled, fill, fillLarge, transportTo } from "./console/store.ts";

const FOLDER = join(import.meta.dirname, "../docs/console");
/** So long after an import PostgreSQL knows how many rows there are, and has cleaned up. */
const VACUUM_MS = 70_000;
const { values } = parseArgs({
  options: {
    /** Measures 100,000 conversations, one of them of 100,000 messages. */
    large: { type: "boolean", default: false },
    /** Measures a long reply and a busy log instead, which takes a minute and a half. */
    live: { type: "boolean", default: false },
    "no-pictures": { type: "boolean", default: false },
    /** Takes this picture alone. */
    only: { type: "string" },
  },
});

interface Picture {
  readonly name: string;
  readonly path: string;
  /** What shows that the view is complete. */
  ready(page: Page): Promise<unknown>;
}

const picturesOf = ({ conversationId, agentId, turnId, endpointId }: Filled): readonly Picture[] => [
  { name: "sign-in", path: "/sign-in", ready: (page) => page.getByLabel("API key or token").waitFor() },
  {
    name: "conversations",
    path: "/conversations",
    ready: (page) => page.getByText("Where is parcel A-1042?").waitFor(),
  },
  {
    name: "conversation",
    path: `/conversations/${conversationId}`,
    async ready(page) {
      await page.getByText("Tool call: track_parcel").click();
      await page.getByText("leave it with the neighbour").last().waitFor();
      await page.locator(".hljs-string").scrollIntoViewIfNeeded();
    },
  },
  { name: "agents", path: "/agents", ready: (page) => page.getByText("parcel-helper").waitFor() },
  {
    name: "agent",
    path: `/agents/${agentId}`,
    ready: (page) => page.getByRole("table", { name: "Last turns" }).waitFor(),
  },
  {
    name: "turn",
    path: `/turns/${turnId}`,
    ready: (page) => page.getByRole("heading", { name: "What came" }).waitFor(),
  },
  { name: "members", path: "/admin/members", ready: (page) => page.getByText("Inês Duarte").waitFor() },
  {
    name: "audit",
    path: "/admin/audit",
    ready: (page) => page.getByRole("table").getByText("agent.create").first().waitFor(),
  },
  {
    name: "webhooks",
    path: `/admin/webhooks/${endpointId}`,
    ready: (page) => page.getByRole("table", { name: "Deliveries" }).getByText("Delivered").nth(3).waitFor(),
  },
  {
    name: "health",
    path: "/health",
    ready: (page) =>
      callsUntil(
        page
          .getByRole("img", { name: /^Calls a second, now/ })
          .locator("rect")
          .nth(3),
      ),
  },
  {
    name: "analytics",
    path: "/analytics?days=30",
    ready: (page) => page.getByRole("img", { name: /^Messages sent/ }).waitFor(),
  },
];

// An endpoint that is not there for a moment.
let requests = 0;
const receiver = createServer((request, response) => {
  requests += 1;
  request.resume().on("end", () => response.writeHead(requests === 2 ? 503 : 204).end());
});
await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
const served = await serve();
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

const open: OpenPage = async (on, path, { dark = false, script } = {}) => {
  const context = await on.newContext({
    viewport: { width: 1280, height: 800 },
    colorScheme: dark ? "dark" : "light",
    locale: "en-GB",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  if (path !== "/sign-in") {
    const session = { credential: served.token, tenant: "default", name: "developer" };
    await page.addInitScript(
      (text) => location.protocol !== "about:" && sessionStorage.setItem("colloquy.session", text),
      JSON.stringify(session),
    );
  }
  if (script !== undefined) await page.addInitScript(script);
  await page.goto(`${served.url}/console${path}`);
  return page;
};

/** Gives the server something to measure until this shows. */
async function callsUntil(shown: Locator): Promise<void> {
  const headers = { authorization: `Bearer ${served.token}` };
  while (!(await shown.isVisible())) {
    for (const path of ["conversations", "members", "nothing"]) await fetch(`${served.url}/v1/${path}`, { headers });
    await setTimeout(20 + 60 * Math.random());
  }
}

async function picture(on: Browser, { name, path, ready }: Picture, dark: boolean): Promise<void> {
  const page = await open(on, path, { dark });
  await ready(page);
  await page.waitForFunction(`!document.querySelector("[role=status][aria-label=Loading]")`);
  const [rgba, width, height] = await pixels(on, await page.screenshot());
  const bytes = palettePng(rgba, width, height);
  const file = `${name}${dark ? "-dark" : ""}.png`;
  await writeFile(join(FOLDER, file), bytes);
  process.stdout.write(`${file}: ${Math.round(bytes.length / 1024)} KB\n`);
  await page.context().close();
}

/** The browser reads its own PNG. */
async function pixels(on: Browser, png: Buffer): Promise<[Uint8Array, number, number]> {
  const page = await on.newPage();
  const [text, width, height] = (await page.evaluate(`(async () => {
    const image = await createImageBitmap(await (await fetch("data:image/png;base64,${png.toString("base64")}")).blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    let text = "";
    for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
    return [btoa(text), image.width, image.height];
  })()`)) as [string, number, number];
  await page.close();
  return [Buffer.from(text, "base64"), width, height];
}

try {
  await mkdir(FOLDER, { recursive: true });
  const filled = await fill(served, `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`);
  if (!values["no-pictures"]) {
    const pictures = picturesOf(filled).filter(({ name }) => values.only === undefined || name === values.only);
    for (const dark of [false, true]) for (const each of pictures) await picture(browser, each, dark);
  }
  if (values.live) {
    const live = [
      await measureReply(browser, open, transportTo(served)),
      await measurePaint(browser, open, transportTo(served)),
    ];
    process.stdout.write(`${JSON.stringify(live, undefined, 2)}\n`);
  }
  const count = 100_000;
  if (values.large) {
    await fillLarge(served, count);
    await setTimeout(VACUUM_MS);
  }
  const [row, last] = values.large
    ? ["A long conversation", `Message ${count} of a long conversation`]
    : ["Where is parcel A-1042?", "leave it with the neighbour"];
  const { firstView, scriptBytes, scroll, opens } = await measure(browser, open, row, last);
  process.stdout.write(
    `${[
      `store: ${values.large ? `${count} conversations, one of them of ${count} messages` : "300 conversations"}`,
      `first view, nothing cached: ${Math.round(firstView)} ms`,
      `JavaScript before it: ${Math.round(scriptBytes / 1024)} KiB compressed`,
      `scrolling the list: ${scroll.rate.toFixed(1)} frames a second, the longest ${Math.round(scroll.longest)} ms`,
      `a conversation opens at its end: ${Math.round(opens)} ms`,
      `load average: ${loadavg()[0]?.toFixed(1)}`,
    ].join("\n")}\n`,
  );
} finally {
  await browser.close();
  await served.close();
  receiver.close();
}
