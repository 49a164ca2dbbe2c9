// The followers at the end of one log: new entries are delivered to all of them in passes.
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { inBackground } from "../../domain/background.ts";
import type { LogEntry } from "../../store/messages/messages.ts";
import type { KeptSignal, SignalTaker } from "../signals/signal.ts";

/** Receives entries, in a list shared with others. False: no more for now; the receiver tracks what it has taken. */
export type TakeEntries = (entries: readonly LogEntry[]) => boolean;

/** A pass yields to other work after this many milliseconds. */
const TURN_MS = 3;
/** Followers served between two checks of the clock. */
const UNTIMED = 16;
/** The longest pause before a pass, in which more entries may share its writes, in milliseconds. */
const LONGEST_REST_MS = 20;
/** Signals are worth so little of the time: a pause before a pass is so many times as long as the last one took. */
const SIGNAL_REST = 100;
/**
 * The pause is within these bounds, in milliseconds; the lower one is for followers that have still to read entries.
 */
const SIGNAL_REST_MS = { least: 25, most: 2_000 };

/** A follower that wants signals too, and the number of the last that it was given. */
export interface SignalReader extends SignalTaker {
  number: number;
}

/** Larger than any `seq`. */
const MAX_SEQ = 2n ** 63n - 1n;

interface Follower {
  seq: bigint;
  readonly take: TakeEntries;
  readonly signals: SignalReader | undefined;
  /** Removes it from the pass. */
  leave(error?: unknown): void;
}

export class Deliveries {
  readonly #after: (seq: bigint) => readonly LogEntry[] | undefined;
  readonly #signalsAfter: (number: number, seq: bigint) => readonly KeptSignal[];
  readonly #followers = new Set<Follower>();
  #serving: Promise<void> | undefined;
  #more = false;
  /** When the last pass ended, and how long it took, in milliseconds. */
  #served = 0;
  #took = 0;
  #signalling: Promise<void> | undefined;
  #moreSignals = false;

  /**
   * @param after the entries after a place; undefined: they are no longer cached
   * @param signalsAfter the signals after a number that a follower may have that has read up to a place
   */
  constructor(
    after: (seq: bigint) => readonly LogEntry[] | undefined,
    signalsAfter: (number: number, seq: bigint) => readonly KeptSignal[] = () => [],
  ) {
    this.#after = after;
    this.#signalsAfter = signalsAfter;
  }

  /** Resolves when the follower takes no more, or after `ms` milliseconds. Rejects with the signal's reason. */
  async add(seq: bigint, take: TakeEntries, ms: number, signal: AbortSignal, signals?: SignalReader): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = (error?: unknown) => {
        if (!this.#followers.delete(follower)) return;
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const follower: Follower = { seq, take, signals, leave };
      const onAbort = () => leave(signal.reason);
      const timer = setTimeout(leave, ms);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#followers.add(follower);
      this.#serveOne(follower);
      if (signals !== undefined && this.#signalOne(follower)) void this.serveSignals();
    });
  }

  /**
   * Delivers new entries to every follower. Entries that arrive during a pass reach the followers that are still due in
   * it, and the others in the next pass. Resolves when all have everything.
   */
  serve(): Promise<void> {
    this.#more = true;
    this.#serving ??= inBackground(() => this.#passes());
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
      await this.#pass(began, (follower) => this.#serveOne(follower));
      this.#served = performance.now();
      this.#took = this.#served - began;
    }
    // In the same turn of the event loop as the last check, so nothing is missed in between.
    this.#serving = undefined;
  }

  /** Delivers new signals to the followers that want them. Those that are not here now get what still holds later. */
  serveSignals(): Promise<void> {
    this.#moreSignals = true;
    this.#signalling ??= inBackground(() => this.#signalPasses());
    return this.#signalling;
  }

  async #signalPasses(): Promise<void> {
    while (this.#moreSignals) {
      this.#moreSignals = false;
      const began = performance.now();
      let behind = false;
      await this.#pass(began, (follower) => {
        if (follower.signals !== undefined && this.#signalOne(follower)) behind = true;
      });
      const rest = Math.min((performance.now() - began) * SIGNAL_REST, SIGNAL_REST_MS.most);
      if (behind || rest >= 1) await sleep(Math.max(rest, behind ? SIGNAL_REST_MS.least : 0));
      this.#moreSignals ||= behind;
    }
    this.#signalling = undefined;
  }

  /** Whether there are signals for the follower once it has read more entries. */
  #signalOne(follower: Follower): boolean {
    const { signals, seq } = follower;
    if (signals === undefined || !this.#followers.has(follower)) return false;
    try {
      const found = this.#signalsAfter(signals.number, seq);
      const last = found.at(-1);
      if (last !== undefined) {
        signals.number = last.number;
        if (!signals.take(found)) {
          follower.leave();
          return false;
        }
      }
      return this.#signalsAfter(signals.number, MAX_SEQ).length > 0;
    } catch (error) {
      follower.leave(error);
      return false;
    }
  }

  async #pass(began: number, serve: (follower: Follower) => void): Promise<void> {
    let turn = began;
    let count = 0;
    for (const follower of this.#followers) {
      serve(follower);
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
