// Wakes those who follow a turn as it grows: at once where they are few; where they are many, no more often than they can
// be told, with all that was said meanwhile.
import { Signal } from "../../live/hints/signal.ts";

/** What each follower takes of a processor when it is woken, twice over, in milliseconds: half stays for other work. */
const EACH_MS = 0.1;
/** Below this many milliseconds nothing is held back, and it is never held back for longer. */
const MIN_HELD_MS = 5;
const MAX_HELD_MS = 250;

export class Growth {
  readonly #signal = new Signal();
  #version = 0;
  #followers = 0;
  /** When the last wake was, in terms of `performance.now()`. */
  #woken = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** Changes with each wake. */
  get version(): number {
    return this.#version;
  }

  /** There is more. Wakes the followers, now or soon. */
  grow(): void {
    if (this.#timer !== undefined) return;
    const held = Math.min(Math.max(this.#followers, this.#signal.size) * EACH_MS, MAX_HELD_MS);
    const left = held < MIN_HELD_MS ? 0 : this.#woken + held - performance.now();
    if (left <= 0) this.wake();
    else this.#timer = setTimeout(() => this.wake(), left);
  }

  /** Wakes the followers now. */
  wake(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#followers = this.#signal.size;
    this.#woken = performance.now();
    this.#version++;
    this.#signal.wake();
  }

  /** Resolves at the next wake, at once after one since a version, or after `ms` milliseconds. Rejects with the signal's reason. */
  async after(version: number, ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#version === version) await this.#signal.wait(ms, signal);
  }
}
