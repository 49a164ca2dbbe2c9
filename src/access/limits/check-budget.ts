// Credential checks for addresses with many failures: fair between networks, and limited to a share of the processor
// time.
import { DomainError, ErrorReason } from "../../domain/errors.ts";

/** Concurrent checks. */
const AT_ONCE = 4;
/**
 * After a failed check its slot pauses for this many times its duration: failures use at most a quarter of the time.
 */
const REST = 3;
const LONGEST_REST_MS = 250;
/** Waiting checks, in total and for one network. */
const MAX_WAITING = 2_048;
const MAX_WAITING_EACH = 1_024;
const MAX_WAIT_MS = 5_000;
const RETRY_AFTER_MS = 1_000;

interface Waiting {
  begin(): void;
}

/** Runs few checks at a time, in turn for each client network. */
export class CheckBudget {
  readonly #queues = new Map<string, Set<Waiting>>();
  #waiting = 0;
  #running = 0;
  #restMs = 0;

  /** Throws what the check throws, or RATE_LIMITED if it does not start within 5 s, or too many wait. */
  async run<T>(network: string, check: () => Promise<T>): Promise<T> {
    if (this.#running < AT_ONCE) this.#running++;
    else await this.#turn(network);
    const began = performance.now();
    let good = false;
    try {
      const found = await check();
      good = found !== undefined;
      return found;
    } finally {
      if (!good) this.#restMs += REST * (performance.now() - began);
      this.#leave();
    }
  }

  /** Resolves when a slot is assigned. */
  #turn(network: string): Promise<void> {
    const queue = this.#queues.get(network) ?? new Set();
    if (this.#waiting >= MAX_WAITING || queue.size >= MAX_WAITING_EACH) throw tooMany();
    this.#queues.set(network, queue);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#forget(network, queue, waiting);
        reject(tooMany());
      }, MAX_WAIT_MS);
      const waiting: Waiting = {
        begin: () => {
          clearTimeout(timer);
          this.#forget(network, queue, waiting);
          resolve();
        },
      };
      queue.add(waiting);
      this.#waiting++;
    });
  }

  #forget(network: string, queue: Set<Waiting>, waiting: Waiting): void {
    queue.delete(waiting);
    this.#waiting--;
    if (queue.size === 0) this.#queues.delete(network);
  }

  /** Assigns the slot to the next network, after the pause caused by failures. */
  #leave(): void {
    const rest = Math.min(this.#restMs, LONGEST_REST_MS);
    // Timers have a resolution of a millisecond: shorter pauses add up.
    if (rest >= 1) {
      this.#restMs = 0;
      setTimeout(() => this.#next(), rest).unref();
    } else this.#next();
  }

  #next(): void {
    for (const [network, queue] of this.#queues) {
      // Deleted and added again, so that the other networks come first.
      this.#queues.delete(network);
      this.#queues.set(network, queue);
      const [first] = queue;
      first?.begin();
      return;
    }
    this.#running--;
  }
}

function tooMany(): DomainError {
  return new DomainError(ErrorReason.RATE_LIMITED, "too many credentials from this address wait to be checked", {
    retryAfterMs: RETRY_AFTER_MS,
    metadata: { policy: "failures" },
  });
}
