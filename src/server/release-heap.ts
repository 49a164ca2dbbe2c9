// Releases heap memory after the start: a third of the resident memory, which V8 would hold for minutes.
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Nothing is going on when the event loop was busy for less than this part of so many milliseconds. */
const QUIET_SHARE = 0.1;
const QUIET_MS = 500;
/** How often it is looked: a server that is busy from its start on has better things to do. */
const MAX_LOOKS = 120;

type Collect = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/**
 * Collects once, in the first quiet half second. The loop stands still meanwhile. Keeps no process from ending.
 *
 * @param busy the part of the time since it was last asked in which the event loop was busy
 */
export function releaseHeapWhenIdle(collect: () => void = collectEverything, busy: () => number = watchBusy()): void {
  let looks = 0;
  const timer = setInterval(() => {
    const quiet = busy() < QUIET_SHARE;
    if (!quiet && ++looks < MAX_LOOKS) return;
    clearInterval(timer);
    if (quiet) collect();
  }, QUIET_MS);
  timer.unref();
}

function watchBusy(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const { utilization } = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    return utilization;
  };
}

/** V8's last resort: the only collection that also gives back the empty pages of the young generation. */
export function collectEverything(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as Collect;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
}
