// Measures how late the event loop is, and whether because of its own work or because the machine ran something else.
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { LoopFigures } from "../pipeline/load-shedding.ts";

/** Sampling interval in milliseconds. */
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
        // The histogram has the times between two samples, but not the time before the first sample after a reset: a
        // loop that made a single turn has recorded nothing.
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

/** One measurement: elapsed time, processor time of this thread, and the samples in between. */
export interface LoopLooks {
  readonly elapsedMs: number;
  readonly usedMs: number;
  /** Between two samples. */
  readonly medianMs: number;
  readonly looks: number;
}

/**
 * A turn of the loop takes as long as it computes plus as long as the machine runs something else; only the first is
 * its own work. The median ignores one long task among short ones.
 */
export function judge({ elapsedMs, usedMs, medianMs, looks }: LoopLooks): LoopFigures {
  const share = elapsedMs > 0 ? Math.min(1, usedMs / elapsedMs) : 0;
  return {
    elapsedMs,
    ownDelayMs: Math.max(0, medianMs - RESOLUTION_MS) * share,
    lostMs: Math.max(0, elapsedMs - looks * RESOLUTION_MS - usedMs),
  };
}

/** Processor time of this thread, without helper threads such as the garbage collector's. */
function usedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
