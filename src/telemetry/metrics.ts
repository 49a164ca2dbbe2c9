// Metrics of calls and of the process, in Prometheus' text format.
import { collectDefaultMetrics, type Metric, register as ofProcess, Registry } from "prom-client";
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

/**
 * Those of the process, in prom-client's own registry. They watch the event loop and the collections of garbage, and
 * nothing stops them: all servers of a process share one set.
 */
function processMetrics(): Metric[] {
  if (ofProcess.getMetricsAsArray().length === 0) collectDefaultMetrics();
  // These gauges are named like counters; `sum()` over the ones by type gives the same.
  for (const kind of ["handles", "requests", "resources"]) ofProcess.removeSingleMetric(`nodejs_active_${kind}_total`);
  return ofProcess.getMetricsAsArray().map(({ name }) => ofProcess.getSingleMetric(name) as Metric);
}

export function createMetrics(gather: Gather = (own) => () => own.metrics()): Metrics {
  const registry = new Registry();
  for (const metric of processMetrics()) registry.registerMetric(metric);
  return { registry, text: gather(registry), ...createCallCounts(registry) };
}
