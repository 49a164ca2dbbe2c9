// Metrics of the pages that are kept in memory.
import { Counter, Gauge, type Registry } from "prom-client";

export interface CacheFigures {
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
}

export function measurePages(registry: Registry, figures: () => CacheFigures): void {
  const registers = [registry];
  new Gauge({
    name: "colloquy_cache_bytes",
    help: "Memory of the pages of messages that are kept as they were encoded.",
    registers,
    collect() {
      this.set(figures().bytes);
    },
  });
  new Counter({
    name: "colloquy_cache_reads_total",
    help: "Pages of messages that were answered from memory (hit), or read from the database (miss).",
    labelNames: ["outcome"],
    registers,
    collect() {
      const { hits, misses } = figures();
      this.reset();
      this.inc({ outcome: "hit" }, hits);
      this.inc({ outcome: "miss" }, misses);
    },
  });
}
