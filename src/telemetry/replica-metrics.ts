// Metrics of the replicas of the database.
import { Counter, Gauge, type Registry } from "prom-client";

export interface ReplicaMeasure {
  readonly replicas: readonly {
    readonly name: string;
    readonly isRead: boolean;
    readonly lagBytes: number | undefined;
  }[];
  readonly reads: Readonly<Record<string, number>>;
}

/** @param measured undefined: there are none, and no metric */
export function measureReplicas(registry: Registry, measured: { readonly figures: ReplicaMeasure } | undefined): void {
  if (measured === undefined) return;
  const registers = [registry];
  new Counter({
    name: "colloquy_database_reads_total",
    help: "Statements of calls that replicas may answer, by where they were answered: a replica, or the primary and why.",
    labelNames: ["place"],
    registers,
    collect() {
      this.reset();
      for (const [place, count] of Object.entries(measured.figures.reads)) this.inc({ place }, count);
    },
  });
  new Gauge({
    name: "colloquy_replica_up",
    aggregator: "min",
    help: "Whether a replica of the database is read.",
    labelNames: ["replica"],
    registers,
    collect() {
      for (const { name, isRead } of measured.figures.replicas) this.set({ replica: name }, isRead ? 1 : 0);
    },
  });
  new Gauge({
    name: "colloquy_replica_lag_bytes",
    aggregator: "max",
    help: "Bytes of the write-ahead log that a replica has not replayed. Missing while it is not read.",
    labelNames: ["replica"],
    registers,
    collect() {
      this.reset();
      for (const { name, lagBytes } of measured.figures.replicas) {
        if (lagBytes !== undefined) this.set({ replica: name }, lagBytes);
      }
    },
  });
}
