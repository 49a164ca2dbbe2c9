// Work that is looked for again and again in the background: one round after the other, sooner when woken.
import { setTimeout as sleep } from "node:timers/promises";
import { inBackground } from "./background.ts";

export interface RoundsOptions {
  /**
   * Does what is due, and returns in how many milliseconds to look again. Ends early when the signal is aborted.
   * Default wait: `everyMs`.
   */
  readonly round: (signal: AbortSignal) => Promise<number | undefined>;
  /** Milliseconds to the next round, also after a failure: what other servers have left is seen within this time. */
  readonly everyMs: number;
  /** Called when a round failed; the next one tries again. */
  readonly onError: (error: unknown) => void;
}

export class Rounds {
  readonly #options: RoundsOptions;
  readonly #stopping = new AbortController();
  #woken = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** Aborted once they are to stop. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  start(): void {
    this.#running ??= inBackground(() => this.#run());
  }

  /** Begins the next round now, or after the one under way. */
  wake(): void {
    this.#woken.abort();
  }

  /** Interrupts the round under way and waits for its end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this;
    const { round, everyMs, onError } = this.#options;
    while (!signal.aborted) {
      this.#woken = new AbortController();
      const waitMs = await round(signal).catch((error: unknown) => {
        if (!signal.aborted) onError(error);
        return undefined;
      });
      if (signal.aborted) return;
      // Woken, the sleep ends with an error.
      await sleep(waitMs ?? everyMs, undefined, { signal: this.#woken.signal, ref: false }).catch(() => {});
    }
  }
}
