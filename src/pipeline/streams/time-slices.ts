// Time slices of long work: after a few milliseconds, other work runs first.
import { setImmediate } from "node:timers/promises";

/** So long may work go on before others have their turn, in milliseconds. */
const TURN_MS = 5;

export class Turns {
  #ends = performance.now() + TURN_MS;

  /** Waits until the others had their turn, if this one has lasted long enough. */
  async next(): Promise<void> {
    if (performance.now() < this.#ends) return;
    await setImmediate();
    this.#ends = performance.now() + TURN_MS;
  }
}
