// Metrics of calls and of the process, in Prometheus' text format.
import { collectDefaultMetrics, Registry } from "prom-client";
import type { RpcMetrics } from "../pipeline/metrics.ts";
import { createCallCounts } from "./call-counts.ts";

export interface Metrics extends RpcMetrics {
  /** For metrics of other parts. */
  readonly registry: Registry;
  /** All metrics, in Prometheus' text format. */
  text(): Promise<string>;
}

/** Creates the function that writes the text of a registry, or of several combined. */
export type Gather = (registry: Registry) => () => Promise<string>;

export function createMetrics(gather: Gather = (own) => () => own.metrics()): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // These gauges are named like counters; `sum()` over the ones by type gives the same.
  for (const kind of ["handles", "requests", "resources"]) registry.removeSingleMetric(`nodejs_active_${kind}_total`);
  return { registry, text: gather(registry), ...createCallCounts(registry) };
}
