// Spreads the requests to endpoints of which it is not known whether they take anything: when an event comes for
// hundreds that are dead, those that live must not wait for all of these attempts.

/** So many may begin, and so many more each time this has passed, in milliseconds. */
const AT_ONCE = 4;
const EVERY_MS = 40;

export class Trials {
  readonly #waiting = new Set<() => void>();
  #left = AT_ONCE;
  #timer: NodeJS.Timeout | undefined;

  /** Resolves when a request may begin, or the signal aborts; first come, first served. Undefined: now. */
  turn(signal: AbortSignal): Promise<void> | undefined {
    if (signal.aborted) return undefined;
    this.#schedule();
    if (this.#left > 0) {
      this.#left--;
      return undefined;
    }
    return new Promise((resolve) => {
      const go = () => {
        this.#waiting.delete(go);
        signal.removeEventListener("abort", go);
        resolve();
      };
      signal.addEventListener("abort", go, { once: true });
      this.#waiting.add(go);
    });
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#left = AT_ONCE;
      for (const go of this.#waiting) {
        if (this.#left === 0) break;
        this.#left--;
        go();
      }
      if (this.#left < AT_ONCE) this.#schedule();
    }, EVERY_MS).unref();
  }
}
