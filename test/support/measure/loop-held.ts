// Measures how long something blocks the event loop, by this thread's own processor time.

export interface Held<T> {
  readonly value: T;
  /** The most that the thread worked between two turns of the loop, in milliseconds; up to one too many. */
  readonly ms: number;
}

/** Runs `work` and looks at every turn of the loop that takes longer than a millisecond, until it is done. */
export async function heldBy<T>(work: () => Promise<T> | T): Promise<Held<T>> {
  let worst = 0;
  let running = true;
  let last = process.threadCpuUsage();
  const look = () => {
    const { user, system } = process.threadCpuUsage(last);
    last = process.threadCpuUsage();
    worst = Math.max(worst, (user + system) / 1000);
  };
  // A turn that takes longer than the timer is looked at by itself. Looking at every turn would take a processor while
  // others work.
  const turn = () => {
    look();
    if (running) setTimeout(turn, 1);
  };
  // What was waiting is not this work's.
  await new Promise((resolve) => setImmediate(resolve));
  last = process.threadCpuUsage();
  setTimeout(turn, 1);
  try {
    const value = await work();
    look();
    return { value, ms: worst };
  } finally {
    running = false;
  }
}

/**
 * The least of a few tries, which end with one of at most `enough` milliseconds: to compile what runs for the first time, and
 * to collect what other files have left, is not the work's.
 */
export async function leastHeldBy<T>(
  enough: number,
  work: (turn: number) => Promise<T> | T,
  tries = 3,
): Promise<Held<T>> {
  let least = await heldBy(() => work(0));
  for (let turn = 1; turn < tries && least.ms > enough; turn++) {
    const again = await heldBy(() => work(turn));
    if (again.ms < least.ms) least = again;
  }
  return least;
}
