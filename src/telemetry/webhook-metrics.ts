// Metrics of webhooks.
import { Counter, Gauge, type Registry } from "prom-client";

/** What an endpoint has still to take. */
export interface Backlog {
  readonly endpointId: string;
  readonly entries: number;
  /** The age of the oldest, in seconds. */
  readonly seconds: number;
}

export interface WebhookMetrics {
  /** @param outcome in small letters, such as `timed_out` */
  attempted(outcome: string): void;
  disabled(): void;
  /** @param read the share of the time that deliveries may use, from 0 to 1 */
  budget(read: () => number): void;
  /** Replaces what is known of all endpoints that this process delivers to. */
  backlogs(all: readonly Backlog[]): void;
}

/** Endpoints that have lines of their own: those with the oldest backlog. */
const MAX_NAMED = 100;

export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const registers = [registry];
  const attempts = new Counter({
    name: "colloquy_webhook_attempts_total",
    help: "Requests to webhook endpoints, by outcome.",
    labelNames: ["outcome"],
    registers,
  });
  const disabled = new Counter({
    name: "colloquy_webhook_endpoints_disabled_total",
    help: "Webhook endpoints that the server disabled.",
    registers,
  });
  const endpoints = new Gauge({
    name: "colloquy_webhook_endpoints",
    help: "Webhook endpoints that this process delivers to.",
    registers,
  });
  const entries = new Gauge({
    name: "colloquy_webhook_backlog_entries",
    help: `Entries that a webhook endpoint has not taken yet, for the ${MAX_NAMED} endpoints with the oldest. Filters are not considered.`,
    labelNames: ["endpoint"],
    registers,
  });
  const seconds = new Gauge({
    name: "colloquy_webhook_backlog_seconds",
    help: "The age of the oldest of them.",
    labelNames: ["endpoint"],
    registers,
  });
  const oldest = new Gauge({
    name: "colloquy_webhook_backlog_oldest_seconds",
    help: "The age of the oldest entry that any webhook endpoint of this process has not taken yet.",
    aggregator: "max",
    registers,
  });
  return {
    budget(read) {
      new Gauge({
        name: "colloquy_webhook_budget_share",
        help: "The share of its time that this process gives to webhooks; below 1 while calls need the process.",
        aggregator: "min",
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    attempted: (outcome) => attempts.inc({ outcome }),
    disabled: () => disabled.inc(),
    backlogs(all) {
      const behind = all.filter((backlog) => backlog.entries > 0).toSorted((a, b) => b.seconds - a.seconds);
      endpoints.set(all.length);
      oldest.set(behind[0]?.seconds ?? 0);
      entries.reset();
      seconds.reset();
      for (const backlog of behind.slice(0, MAX_NAMED)) {
        entries.set({ endpoint: backlog.endpointId }, backlog.entries);
        seconds.set({ endpoint: backlog.endpointId }, backlog.seconds);
      }
    },
  };
}
