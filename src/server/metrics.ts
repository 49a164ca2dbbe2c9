// Counters and times of calls, and the process's own, in Prometheus' text format.
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { RpcMetrics } from "../rpc/metrics.ts";

export interface Metrics extends RpcMetrics {
  /** For further metrics of other parts. */
  readonly registry: Registry;
  /** All of them, in Prometheus' text format. */
  text(): Promise<string>;
}

/** Makes what gives the text of a registry, or of all those that belong together. */
export type Gather = (registry: Registry) => () => Promise<string>;

/** Bounds in seconds: from a cached read to a slow agent. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function createMetrics(gather: Gather = (own) => () => own.metrics()): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const started = new Counter({
    name: "colloquy_rpc_started_total",
    help: "Calls that began.",
    labelNames: ["method", "wire"],
    registers,
  });
  const handled = new Counter({
    name: "colloquy_rpc_handled_total",
    help: "Calls that ended, by code.",
    labelNames: ["method", "wire", "code"],
    registers,
  });
  const seconds = new Histogram({
    name: "colloquy_rpc_seconds",
    help: "Seconds from a call's headers to the end of its answer.",
    labelNames: ["method", "wire"],
    buckets: SECONDS,
    registers,
  });
  // A metric with its labels is looked up once: naming them anew takes longer than counting.
  const startedBy = children((method, wire) => started.labels({ method, wire }));
  const handledBy = children((method, wire, code) => handled.labels({ method, wire, code }));
  const secondsBy = children((method, wire) => seconds.labels({ method, wire }));
  return {
    registry,
    text: gather(registry),
    started: (method, wire) => startedBy(method, wire, "").inc(),
    handled(method, wire, code, duration) {
      handledBy(method, wire, code).inc();
      secondsBy(method, wire, "").observe(duration);
    },
  };
}

/** Methods, wires and codes are few, so what is kept is bounded. */
function children<T>(make: (method: string, wire: string, code: string) => T): typeof make {
  const made = new Map<string, T>();
  return (method, wire, code) => {
    const key = `${method} ${wire} ${code}`;
    let child = made.get(key);
    if (child === undefined) {
      child = make(method, wire, code);
      made.set(key, child);
    }
    return child;
  };
}
