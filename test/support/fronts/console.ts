// The console in Chromium, on a whole server of its own with a tenant: pages that are signed in, and what no page may
// do.
import AxeSource from "axe-core";
import type { Browser, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import {
  type IdentityServer,
  type IdentityServerOptions,
  type IdentityTenant,
  startIdentityServer,
} from "../servers/identity-server.ts";
import { launchChromium } from "./browser.ts";

export interface ConsoleStage {
  readonly server: IdentityServer;
  readonly tenant: IdentityTenant;
  readonly browser: Browser;
  /** Faults of all its pages: exceptions, errors on the browser's console, breaches of the page's policy. */
  readonly faults: string[];
  /**
   * A page with a session of its own, as an administrator of the tenant or whoever is given. It is closed with its
   * test.
   */
  open(path: string, options?: PageOptions): Promise<Page>;
  close(): Promise<void>;
}

export interface PageOptions {
  /** Undefined: nobody is signed in. Default: the member `ada`, an administrator. */
  readonly credential?: string | undefined;
  readonly width?: number;
  readonly dark?: boolean;
  /**
   * Shares cookies and cached files with no other page. Default: shares them, because compiling them anew takes most of
   * a load.
   */
  readonly apart?: boolean;
}

/** No test provokes failures of these: that there is no draft is none. */
const DRAFTS = "/colloquy.v1.DraftService/";
/** All pages in one process: starting one for each took a fifth of the processor time of these tests. */
const ONE_RENDERER = [
  "--process-per-site",
  "--renderer-process-limit=1",
  "--disable-gpu",
  "--disable-software-rasterizer",
];

export async function startConsole(options: IdentityServerOptions = {}): Promise<ConsoleStage> {
  const server = await startIdentityServer(options);
  const tenant = await server.tenant("acme");
  await tenant.addMember("ada", { role: "admin" });
  const credential = ((await tenant.token("ada", "admin")).authorization ?? "").slice("Bearer ".length);
  const browser = await launchChromium(...ONE_RENDERER);
  const faults: string[] = [];
  const settings = { locale: "en-GB", reducedMotion: "reduce" } as const;
  const shared = await browser.newContext(settings);

  const open = async (path: string, wanted: PageOptions = {}): Promise<Page> => {
    const context = wanted.apart ? await browser.newContext(settings) : shared;
    const page = await context.newPage();
    // One that is left open would follow what later tests do, on one of the browser's six connections to the server.
    onTestFinished(() => (wanted.apart ? context.close() : page.close()));
    await show(page, wanted);
    const session = {
      credential: "credential" in wanted ? wanted.credential : credential,
      tenant: "acme",
      name: "ada",
    };
    if (session.credential !== undefined) {
      await page.addInitScript((text) => {
        if (location.protocol === "about:") return;
        if (!sessionStorage.getItem("began")) sessionStorage.setItem("colloquy.session", text);
        sessionStorage.setItem("began", "yes");
      }, JSON.stringify(session));
    }
    page.setDefaultTimeout(25_000);
    page.on("pageerror", (error) => faults.push(`${path}: ${error.message}`));
    page.on("console", (line) => {
      // What a test provokes, such as a refused key, the browser tells as well.
      const isProvoked = line.text().startsWith("Failed to load resource") && !line.location().url.includes(DRAFTS);
      if (line.type() === "error" && !isProvoked) {
        faults.push(`${path}: ${line.text()}`);
      }
    });
    await page.goto(`${server.url}/console${path}`);
    return page;
  };

  return {
    server,
    tenant,
    browser,
    faults,
    open,
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** Shows a page as on a screen of this width, light unless told. */
export async function show(page: Page, { width = 1200, dark = false }: PageOptions): Promise<void> {
  await page.setViewportSize({ width, height: 800 });
  await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
}

const SCREENS = [{ width: 1200 }, { width: 320, dark: true }] as const;
let looks = 0;

/**
 * What keeps somebody from using the page: on a wide light screen, and on a narrow dark one. Axe looks at one of them, from
 * page to page the other, and at both in the torture run.
 */
export async function obstacles(page: Page): Promise<string[]> {
  const found: string[] = [];
  const turn = looks++ % SCREENS.length;
  for (const [place, screen] of SCREENS.entries()) {
    await show(page, screen);
    const wider = await overflow(page);
    if (wider > 0) found.push(`${wider} pixels wider than the window of ${screen.width}`);
    if (place === turn || process.env.TORTURE === "1") found.push(...(await inaccessible(page)));
  }
  await show(page, {});
  return found;
}

/** The serious and critical faults that axe finds, each with the elements. */
async function inaccessible(page: Page): Promise<string[]> {
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(`${AxeSource.source}; undefined`);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof AxeSource };
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  });
}

/** How far the page is wider than the window. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = (globalThis as unknown as { document: { documentElement: Element } }).document
      .documentElement as unknown as { scrollWidth: number; clientWidth: number };
    return scrollWidth - clientWidth;
  });
}
