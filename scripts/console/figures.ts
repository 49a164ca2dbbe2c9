// Measures what people wait for, in the page itself: the first view, a scroll of the list, and a conversation that
// opens.
import type { Browser, Page } from "playwright-core";

export interface Figures {
  /** From the request of the page until the first row shows, nothing cached, in milliseconds: the median of five. */
  readonly firstView: number;
  /** Compressed bytes of JavaScript that were loaded until then. */
  readonly scriptBytes: number;
  /** Frames a second while the list scrolls by a row a frame, and the longest frame in milliseconds. */
  readonly scroll: { readonly rate: number; readonly longest: number };
  /** From the click on a row until the last message shows, in milliseconds: the median of five. */
  readonly opens: number;
}

/** `script` runs in the page before anything else does. */
export type OpenPage = (
  browser: Browser,
  path: string,
  options?: { readonly dark?: boolean; readonly script?: string },
) => Promise<Page>;

const LIST = "ul[aria-label=Conversations]";
/** Notes when the first row was there, since the page was asked for. */
const WATCH = `new MutationObserver((_, watch) => {
  if (!document.querySelector("${LIST} > li")) return;
  globalThis.firstRow = performance.now();
  watch.disconnect();
}).observe(document, { childList: true, subtree: true })`;

const SCRIPT_BYTES = `performance.getEntriesByType("resource")
  .filter(({ name }) => name.endsWith(".js"))
  .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`;

export async function measure(browser: Browser, open: OpenPage, row: string, last: string): Promise<Figures> {
  const firstViews: number[] = [];
  const opens: number[] = [];
  let scriptBytes = 0;
  let scroll = { rate: 0, longest: 0 };
  for (let time = 0; time < 5; time++) {
    const page = await open(browser, "/conversations", { script: WATCH });
    await page.getByText(row, { exact: true }).first().waitFor();
    firstViews.push(Number(await page.evaluate("globalThis.firstRow")));
    scriptBytes = Number(await page.evaluate(SCRIPT_BYTES));
    if (time === 0) scroll = await scrolled(page);
    await page.evaluate(`document.querySelector("${LIST}").parentElement.scrollTop = 0`);
    const link = page.getByText(row, { exact: true }).first();
    await link.waitFor();
    opens.push(await link.evaluate(clickUntil, last));
    await page.context().close();
  }
  return { firstView: median(firstViews), scriptBytes, scroll, opens: median(opens) };
}

async function scrolled(page: Page): Promise<{ rate: number; longest: number }> {
  const [rate = 0, longest = 0] = (await page.evaluate(`new Promise((resolve) => {
    const { parentElement: scroller } = document.querySelector("${LIST}");
    const times = [];
    const step = (now) => {
      times.push(now);
      scroller.scrollTop += 64;
      if (now - times[0] < 4000) return requestAnimationFrame(step);
      const gaps = times.slice(1).map((time, index) => time - times[index]);
      resolve([(gaps.length * 1000) / (now - times[0]), Math.max(...gaps)]);
    };
    requestAnimationFrame(step);
  })`)) as number[];
  return { rate, longest };
}

/** Runs in the page. */
function clickUntil(link: { click(): void } | unknown, text: string): Promise<number> {
  const { document, performance, requestAnimationFrame } = globalThis as unknown as {
    document: { querySelector(selector: string): { textContent: string } | null };
    performance: { now(): number };
    requestAnimationFrame(act: () => void): void;
  };
  const begun = performance.now();
  (link as { click(): void }).click();
  return new Promise((resolve) => {
    const look = () => {
      if (document.querySelector("[role=log]")?.textContent.includes(text)) resolve(performance.now() - begun);
      else requestAnimationFrame(look);
    };
    look();
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
