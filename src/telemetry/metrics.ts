// Counters and times of calls, and the process's own, in Prometheus' text format.
import { collectDefaultMetrics, Registry } from "prom-client";
import type { RpcMetrics } from "../pipeline/metrics.ts";
import { createCallCounts } from "./call-counts.ts";

export interface Metrics extends RpcMetrics {
  /** For further metrics of other parts. */
  readonly registry: Registry;
  /** All of them, in Prometheus' text format. */
  text(): Promise<string>;
}

/** Makes what gives the text of a registry, or of all those that belong together. */
export type Gather = (registry: Registry) => () => Promise<string>;

export function createMetrics(gather: Gather = (own) => () => own.metrics()): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Gauges are not named as counters are; `sum()` of the ones by type says the same.
  for (const kind of ["handles", "requests", "resources"]) registry.removeSingleMetric(`nodejs_active_${kind}_total`);
  return { registry, text: gather(registry), ...createCallCounts(registry) };
}
