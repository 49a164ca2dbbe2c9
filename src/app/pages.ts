// Opens the cache of pages of messages.
import type { Registry } from "prom-client";
import type { Config } from "../config/config.ts";
import { packageVersion } from "../config/version.ts";
import { PageCache } from "../services/messages/page-cache.ts";
import { measurePages } from "../telemetry/cache-metrics.ts";

/** Undefined: no page is kept. It is closed with `begun`. */
export function openPages(
  { cacheBytes }: Pick<Config, "cacheBytes">,
  registry: Registry,
  begun: AsyncDisposableStack,
): PageCache | undefined {
  if (cacheBytes === 0) return undefined;
  const pages = new PageCache(cacheBytes, packageVersion());
  begun.defer(() => pages.close());
  measurePages(registry, () => pages.counts);
  return pages;
}
