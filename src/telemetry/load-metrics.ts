// Metrics of load and load shedding.
import { Counter, Gauge, type Registry } from "prom-client";
import type { Shedding } from "../pipeline/load-shedding.ts";

/** Database connections, and the calls that wait for one. */
export interface QueueFigures {
  readonly waiting: number;
  readonly waitedMs: number;
  readonly open: number;
  readonly idle: number;
}

export function measureLoad(registry: Registry, queue: QueueFigures, shedding: Shedding): void {
  const registers = [registry];
  new Gauge({
    name: "colloquy_database_connections",
    help: "Connections to the database, by what they do.",
    labelNames: ["state"],
    registers,
    collect() {
      this.set({ state: "idle" }, queue.idle);
      this.set({ state: "busy" }, queue.open - queue.idle);
    },
  });
  new Gauge({
    name: "colloquy_database_waiting",
    help: "Calls that wait for a connection to the database.",
    registers,
    collect() {
      this.set(queue.waiting);
    },
  });
  new Gauge({
    name: "colloquy_database_waiting_seconds",
    aggregator: "max",
    help: "How long the first of them has waited.",
    registers,
    collect() {
      this.set(queue.waitedMs / 1000);
    },
  });
  new Gauge({
    name: "colloquy_shed_share",
    aggregator: "max",
    help: "The share of calls that is refused because the process has too much to do, from 0 to 1.",
    registers,
    collect() {
      this.set(shedding.share);
    },
  });
  new Counter({
    name: "colloquy_event_loop_lost_seconds_total",
    help: "Seconds in which the event loop was due, but the machine ran something else.",
    registers,
    collect() {
      this.reset();
      this.inc(shedding.lostMs / 1000);
    },
  });
  new Counter({
    name: "colloquy_rpc_shed_total",
    help: "Calls that were refused because there was too much to do, by cause.",
    labelNames: ["cause"],
    registers,
    collect() {
      this.reset();
      for (const [cause, count] of Object.entries(shedding.refused)) this.inc({ cause }, count);
    },
  });
}
