// Queues changes of one conversation before they take a connection: its lock would serialize them anyway.
import type { Interrupt } from "../domain/cancellation.ts";
import { overloaded } from "./driver/errors.ts";
import { afterOwnTime } from "./driver/own-time.ts";

/** Changes of one conversation with a connection: one that works, and one that waits for the lock. */
const AT_ONCE = 2;
/** Maximum waiting changes of one conversation; the next is refused with OVERLOADED. */
const MAX_WAITING = 1_000;
/** Maximum wait while this process runs, in milliseconds: as long as for a connection. */
const MAX_WAIT_MS = 5_000;

interface Place {
  running: number;
  /** In order of arrival; each starts one change. */
  readonly waiting: Set<() => void>;
}

export class ChangeQueue {
  readonly #places = new Map<string, Place>();

  /**
   * Runs `work` when it is its turn. Throws OVERLOADED if too many wait, or too long, and the signal's reason if it
   * aborts first; then nothing was done.
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
    // The next one takes over the slot, so that a new arrival cannot overtake it.
    if (next !== undefined) next();
    else if (--place.running === 0) this.#places.delete(key);
  }
}

function turn({ waiting }: Place, signal: Interrupt | undefined): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  if (waiting.size >= MAX_WAITING) return Promise.reject(overloaded("too many changes wait for the conversation"));
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
