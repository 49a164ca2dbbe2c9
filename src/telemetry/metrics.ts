// Metrics of calls and of the process, in Prometheus' text format.
import { collectDefaultMetrics, type Metric, Registry } from "prom-client";
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

/** Those of the process. They watch the event loop and the collections of garbage, and nothing stops them: one set for all servers. */
let ofProcess: Registry | undefined;

function processMetrics(): Registry {
  if (ofProcess !== undefined) return ofProcess;
  ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess });
  // These gauges are named like counters; `sum()` over the ones by type gives the same.
  for (const kind of ["handles", "requests", "resources"]) ofProcess.removeSingleMetric(`nodejs_active_${kind}_total`);
  return ofProcess;
}

export function createMetrics(gather: Gather = (own) => () => own.metrics()): Metrics {
  const registry = new Registry();
  const shared = processMetrics();
  for (const { name } of shared.getMetricsAsArray()) registry.registerMetric(shared.getSingleMetric(name) as Metric);
  return { registry, text: gather(registry), ...createCallCounts(registry) };
}
