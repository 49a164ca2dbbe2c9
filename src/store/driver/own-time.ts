// Timeouts that count only while this process runs: on a busy machine it may stand still for seconds.

/** The most that one turn of the event loop counts, in milliseconds. */
const STEP_MS = 250;

export interface OwnTimeout {
  cancel(): void;
}

/**
 * Calls `act` once after `ms` milliseconds, never if it is cancelled before. A step that comes late because the process
 * did not run, or had too much to do, counts as long as one in time: what has arrived meanwhile is read before the next.
 * Does not keep the process alive.
 */
export function afterOwnTime(ms: number, act: () => void): OwnTimeout {
  let left = ms;
  let timer: NodeJS.Timeout;
  const step = () => {
    const length = Math.min(left, STEP_MS);
    left -= length;
    timer = setTimeout(() => (left > 0 ? step() : act()), length).unref();
  };
  step();
  return { cancel: () => clearTimeout(timer) };
}
