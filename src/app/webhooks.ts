// Builds the delivery of webhooks.
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Sealer } from "../agents/secrets/sealing.ts";
import type { Config } from "../config/config.ts";
import { packageVersion } from "../config/version.ts";
import type { Tracing } from "../domain/tracing.ts";
import type { FeedTails } from "../live/followers/feed-tail.ts";
import { createEventJson } from "../services/events/event-json.ts";
import type { Database } from "../store/database.ts";
import { createWebhookMetrics } from "../telemetry/webhook-metrics.ts";
import { createWebhooks, type Webhooks } from "../webhooks/engine.ts";

export interface WebhookParts {
  readonly database: Database;
  readonly feeds: FeedTails;
  readonly sealer: Sealer;
  readonly config: Config;
  readonly log: Logger;
  readonly registry: Registry;
  readonly tracing: Tracing | undefined;
  /** How long calls have taken so far, all together, in milliseconds. */
  readonly callMs: () => number;
}

export function openWebhooks({ config, registry, ...parts }: WebhookParts): Webhooks {
  return createWebhooks({
    ...parts,
    allowPrivate: config.webhooks.allowPrivate,
    encode: createEventJson(),
    metrics: createWebhookMetrics(registry),
    version: packageVersion(),
  });
}
