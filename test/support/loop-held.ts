// How long something holds the event loop: by the time that this thread itself works, whatever else the machine does.

export interface Held<T> {
  readonly value: T;
  /** The most that the thread worked between two turns of the loop, in milliseconds. */
  readonly ms: number;
}

/** So often the loop is looked at, in milliseconds: a turn that takes longer is always seen alone, but for so much. */
const LOOK_MS = 1;

/** Runs `work` and looks at the turns of the loop until it is done; between them the loop may sleep. */
export async function heldBy<T>(work: () => Promise<T> | T): Promise<Held<T>> {
  let worst = 0;
  let last = process.threadCpuUsage();
  const look = () => {
    const now = process.threadCpuUsage();
    worst = Math.max(worst, (now.user - last.user + now.system - last.system) / 1000);
    last = now;
  };
  // What was waiting is not this work's.
  await new Promise((resolve) => setImmediate(resolve));
  last = process.threadCpuUsage();
  const looking = setInterval(look, LOOK_MS);
  try {
    const value = await work();
    look();
    return { value, ms: worst };
  } finally {
    clearInterval(looking);
  }
}
