// The followers of one log that are at its end: what comes is handed to all of them in passes.
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { LogEntry } from "../../store/messages/messages.ts";

/** Takes entries, a list that others get too. False: no more for now; the entries were taken only if it remembers them. */
export type TakeEntries = (entries: readonly LogEntry[]) => boolean;

/** A pass gives way to other work after so many milliseconds. */
const TURN_MS = 3;
/** Followers that are served without a look at the clock. */
const UNTIMED = 16;
/** The most that a pass waits for more to share its writes, in milliseconds. */
const LONGEST_REST_MS = 20;

interface Follower {
  seq: bigint;
  readonly take: TakeEntries;
  /** Ends its stay here. */
  leave(error?: unknown): void;
}

export class Deliveries {
  readonly #after: (seq: bigint) => readonly LogEntry[] | undefined;
  readonly #followers = new Set<Follower>();
  #serving: Promise<void> | undefined;
  #more = false;
  /** When the last pass ended, and how long it took, in milliseconds. */
  #served = 0;
  #took = 0;

  /** @param after the entries after a place; undefined: they are not kept any more */
  constructor(after: (seq: bigint) => readonly LogEntry[] | undefined) {
    this.#after = after;
  }

  /** Resolves when the follower takes no more, or after some milliseconds. Rejects with the signal's reason. */
  async add(seq: bigint, take: TakeEntries, ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = (error?: unknown) => {
        if (!this.#followers.delete(follower)) return;
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const follower: Follower = { seq, take, leave };
      const onAbort = () => leave(signal.reason);
      const timer = setTimeout(leave, ms);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#followers.add(follower);
      this.#serveOne(follower);
    });
  }

  /**
   * More has come: hands it to every follower. What comes while a pass is under way reaches those who still wait for their
   * turn with it, and the others with the next. Resolves when all have everything.
   */
  serve(): Promise<void> {
    this.#more = true;
    this.#serving ??= this.#passes();
    return this.#serving;
  }

  /**
   * After a pass the next one waits half as long as that took, so that many followers leave some time to others, and what
   * comes meanwhile shares a write. One follower is not kept waiting.
   */
  async #passes(): Promise<void> {
    while (this.#more) {
      const rest = this.#served + Math.min(this.#took / 2, LONGEST_REST_MS) - performance.now();
      if (rest >= 1) await sleep(rest);
      this.#more = false;
      const began = performance.now();
      await this.#pass(began);
      this.#served = performance.now();
      this.#took = this.#served - began;
    }
    // In the same turn as the last look, so that nothing is missed in between.
    this.#serving = undefined;
  }

  async #pass(began: number): Promise<void> {
    let turn = began;
    let count = 0;
    for (const follower of this.#followers) {
      this.#serveOne(follower);
      if (++count % UNTIMED !== 0 || performance.now() - turn < TURN_MS) continue;
      await nextTurn();
      turn = performance.now();
    }
  }

  /** Sends every follower away, to look for itself. */
  dismiss(): void {
    for (const follower of this.#followers) follower.leave();
  }

  #serveOne(follower: Follower): void {
    try {
      for (;;) {
        const entries = this.#after(follower.seq);
        const last = entries?.at(-1);
        if (entries !== undefined && last === undefined) return;
        if (entries === undefined || last === undefined || !follower.take(entries)) break;
        follower.seq = last.seq;
      }
      follower.leave();
    } catch (error) {
      follower.leave(error);
    }
  }
}
