// Changes of one conversation, which its lock puts in a row anyway: they queue for it here, and not each with a connection.
import type { Interrupt } from "../domain/cancellation.ts";
import { overloaded } from "./driver/errors.ts";
import { afterOwnTime } from "./driver/own-time.ts";

/** Changes of one conversation that have a connection at one time: one that works, and one that is ready for the lock. */
const AT_ONCE = 2;
/** Changes of one conversation that may wait; the next is refused with OVERLOADED. */
const MOST_WAITING = 1_000;
/** How long one may wait while this process runs, in milliseconds: as long as for a connection. */
const MAX_WAIT_MS = 5_000;

interface Place {
  running: number;
  /** In the order in which they came; each lets one begin. */
  readonly waiting: Set<() => void>;
}

export class ChangeQueue {
  readonly #places = new Map<string, Place>();

  /**
   * Does `work` when it is its turn at this place. Throws OVERLOADED if too many wait there, or for too long, and the
   * signal's reason when it aborts before: then nothing was done.
   */
  async run<T>(key: string, signal: Interrupt | undefined, work: () => Promise<T>): Promise<T> {
    const place = this.#places.get(key) ?? { running: 0, waiting: new Set() };
    this.#places.set(key, place);
    if (place.running < AT_ONCE) place.running++;
    else await turn(place, signal);
    try {
      return await work();
    } finally {
      this.#leave(key, place);
    }
  }

  #leave(key: string, place: Place): void {
    const [next] = place.waiting;
    // Whoever is next takes over the place, so that nobody who comes now is before it.
    if (next !== undefined) next();
    else if (--place.running === 0) this.#places.delete(key);
  }
}

function turn({ waiting }: Place, signal: Interrupt | undefined): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  if (waiting.size >= MOST_WAITING) return Promise.reject(overloaded("too many changes wait for the conversation"));
  return new Promise((resolve, reject) => {
    const leave = () => {
      limit.cancel();
      signal?.removeEventListener("abort", onAbort);
      waiting.delete(begin);
    };
    const begin = () => {
      leave();
      resolve();
    };
    const onAbort = () => {
      leave();
      reject(signal?.reason);
    };
    const limit = afterOwnTime(MAX_WAIT_MS, () => {
      leave();
      reject(overloaded("changes before it keep the conversation locked"));
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    waiting.add(begin);
  });
}
