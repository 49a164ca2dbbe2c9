// How late the event loop is: the first sign that a process has more to do than it can.
import { monitorEventLoopDelay } from "node:perf_hooks";

/** How often the loop is looked at, in milliseconds. */
const RESOLUTION_MS = 10;

export interface EventLoop {
  /** The median delay since it was last asked, in milliseconds: one long task among short ones does not count. */
  readonly delayMs: () => number;
  stop(): void;
}

export function watchEventLoop(): EventLoop {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  return {
    delayMs() {
      // What is recorded is the time between two looks.
      const median = delays.count === 0 ? 0 : delays.percentile(50) / 1e6 - RESOLUTION_MS;
      delays.reset();
      return Math.max(0, median);
    },
    stop: () => delays.disable(),
  };
}
