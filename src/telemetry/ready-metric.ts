// The metric of readiness: while load balancers send nothing, no call fails, and no other metric tells.
import { Gauge, type Registry } from "prom-client";

/** @param ready as /readyz says */
export function measureReadiness(registry: Registry, ready: () => Promise<boolean>): void {
  new Gauge({
    name: "colloquy_ready",
    // Of several workers, one that cannot serve counts.
    aggregator: "min",
    help: "1 while /readyz returns 200; 0 while the database is away or read-only, or the server is to stop.",
    registers: [registry],
    async collect() {
      this.set((await ready()) ? 1 : 0);
    },
  });
}
