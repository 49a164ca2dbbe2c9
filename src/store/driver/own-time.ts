// Timeouts that count only time in which this process runs: on a busy machine it may be suspended for seconds.

/** Maximum time counted for one turn of the event loop, in milliseconds. */
const STEP_MS = 250;

export interface OwnTimeout {
  cancel(): void;
}

/**
 * Calls `act` once after `ms` milliseconds, unless it is cancelled. A late step counts like one in time, so that data
 * which arrived meanwhile are read before the timeout. Does not keep the process alive.
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
