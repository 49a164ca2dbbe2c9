// The followers at the end of one log: new entries are delivered to all of them in passes.
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { LogEntry } from "../../store/messages/messages.ts";

/** Receives entries, in a list shared with others. False: no more for now; the receiver tracks what it has taken. */
export type TakeEntries = (entries: readonly LogEntry[]) => boolean;

/** A pass yields to other work after this many milliseconds. */
const TURN_MS = 3;
/** Followers served between two checks of the clock. */
const UNTIMED = 16;
/** The longest pause before a pass, in which more entries may share its writes, in milliseconds. */
const LONGEST_REST_MS = 20;

interface Follower {
  seq: bigint;
  readonly take: TakeEntries;
  /** Removes it from the pass. */
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

  /** @param after the entries after a place; undefined: they are no longer cached */
  constructor(after: (seq: bigint) => readonly LogEntry[] | undefined) {
    this.#after = after;
  }

  /** Resolves when the follower takes no more, or after `ms` milliseconds. Rejects with the signal's reason. */
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
   * Delivers new entries to every follower. Entries that arrive during a pass reach the followers that are still due in
   * it, and the others in the next pass. Resolves when all have everything.
   */
  serve(): Promise<void> {
    this.#more = true;
    this.#serving ??= this.#passes();
    return this.#serving;
  }

  /**
   * Pauses between passes for half as long as a pass took, so that many followers leave time to other work, and entries
   * that arrive meanwhile share a write. A single follower is served at once.
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
    // In the same turn of the event loop as the last check, so nothing is missed in between.
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

  /** Releases every follower, to read the log by itself. */
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
