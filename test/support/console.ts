// The console in Chromium, on a whole server of its own with a tenant: pages that are signed in, and what no page may do.
import AxeSource from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launchChromium } from "./browser.ts";
import {
  type IdentityServer,
  type IdentityServerOptions,
  type IdentityTenant,
  startIdentityServer,
} from "./identity-server.ts";

export interface ConsoleStage {
  readonly server: IdentityServer;
  readonly tenant: IdentityTenant;
  readonly browser: Browser;
  /** Faults of all its pages: exceptions, errors on the browser's console, breaches of the page's policy. */
  readonly faults: string[];
  /** A page with a session of its own, as an administrator of the tenant or whoever is given. */
  open(path: string, options?: PageOptions): Promise<Page>;
  close(): Promise<void>;
}

export interface PageOptions {
  /** Undefined: nobody is signed in. Default: the member `ada`, an administrator. */
  readonly credential?: string | undefined;
  readonly width?: number;
  readonly dark?: boolean;
}

export async function startConsole(options: IdentityServerOptions = {}): Promise<ConsoleStage> {
  const server = await startIdentityServer(options);
  const tenant = await server.tenant("acme");
  await tenant.addMember("ada", { role: "admin" });
  const credential = ((await tenant.token("ada", "admin")).authorization ?? "").slice("Bearer ".length);
  const browser = await launchChromium();
  const faults: string[] = [];
  const contexts: BrowserContext[] = [];

  const open = async (path: string, wanted: PageOptions = {}): Promise<Page> => {
    const { width = 1200, dark = false } = wanted;
    const context = await browser.newContext({
      viewport: { width, height: 800 },
      colorScheme: dark ? "dark" : "light",
      locale: "en-GB",
      reducedMotion: "reduce",
    });
    contexts.push(context);
    const session = {
      credential: "credential" in wanted ? wanted.credential : credential,
      tenant: "acme",
      name: "ada",
    };
    if (session.credential !== undefined) {
      await context.addInitScript((text) => {
        if (location.protocol === "about:") return;
        if (!sessionStorage.getItem("began")) sessionStorage.setItem("colloquy.session", text);
        sessionStorage.setItem("began", "yes");
      }, JSON.stringify(session));
    }
    const page = await context.newPage();
    page.setDefaultTimeout(25_000);
    page.on("pageerror", (error) => faults.push(`${path}: ${error.message}`));
    page.on("console", (line) => {
      // What a test provokes, such as a refused key, the browser tells as well.
      if (line.type() === "error" && !line.text().startsWith("Failed to load resource")) {
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
      await Promise.all(contexts.map((context) => context.close()));
      await browser.close();
      await server.close();
    },
  };
}

/** The serious and critical faults that axe finds, each with the elements. */
export async function inaccessible(page: Page): Promise<string[]> {
  await page.evaluate(`${AxeSource.source}; undefined`).catch(async () => {
    throw new Error("axe cannot be run on the page");
  });
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof AxeSource };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  });
}

/** How far the page is wider than the window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = (globalThis as unknown as { document: { documentElement: Element } }).document
      .documentElement as unknown as { scrollWidth: number; clientWidth: number };
    return scrollWidth - clientWidth;
  });
}
