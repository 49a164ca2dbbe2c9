// How late the event loop is, and whether by its own work or because the machine ran something else.
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { LoopFigures } from "../pipeline/load-shedding.ts";

/** How often the loop is looked at, in milliseconds. */
const RESOLUTION_MS = 10;

export interface EventLoop {
  read(): LoopFigures;
  stop(): void;
}

export function watchEventLoop(): EventLoop {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  let since = performance.now();
  let used = usedMs();
  return {
    read() {
      const now = performance.now();
      const usedNow = usedMs();
      const seen = {
        elapsedMs: now - since,
        usedMs: usedNow - used,
        // What is recorded is the time between two looks, but not that before the first look after a reset: a loop that
        // made one turn in all this time has recorded nothing.
        medianMs: delays.count === 0 ? now - since : delays.percentile(50) / 1e6,
        looks: delays.count + 1,
      };
      since = now;
      used = usedNow;
      delays.reset();
      return judge(seen);
    },
    stop: () => delays.disable(),
  };
}

/** What was seen of the loop: how long, how much this thread computed, and the looks in between. */
export interface LoopLooks {
  readonly elapsedMs: number;
  readonly usedMs: number;
  /** Between two looks. */
  readonly medianMs: number;
  readonly looks: number;
}

/**
 * A turn of the loop lasts as long as it computes and as the machine keeps it from that; only the first is its own work.
 * The median leaves out one long task among short ones.
 */
export function judge({ elapsedMs, usedMs, medianMs, looks }: LoopLooks): LoopFigures {
  const share = elapsedMs > 0 ? Math.min(1, usedMs / elapsedMs) : 0;
  return {
    elapsedMs,
    ownDelayMs: Math.max(0, medianMs - RESOLUTION_MS) * share,
    lostMs: Math.max(0, elapsedMs - looks * RESOLUTION_MS - usedMs),
  };
}

/** Processor time of this thread, without the collector's helpers and whatever else the process does beside the loop. */
function usedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
