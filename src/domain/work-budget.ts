// Holds work back that can wait while calls need the process: a sender must not wait for a webhook, or for what a
// retention policy deletes.
import { performance } from "node:perf_hooks";

/** How often the load is judged at most, and over how long about, in milliseconds. */
const WINDOW_MS = 50;
const MEMORY_MS = 500;
/**
 * Calls that run at once, on average, from which on they need a process whose event loop works for more than this
 * share.
 */
const CROWDED_CALLS = 2;
const BUSY_SHARE = 0.4;
/** Calls that run at once from which on they wait for the database or the machine, whatever this process does. */
const WAITING_CALLS = 6;
/**
 * More than so many count as so many: a machine that hesitates once leaves a pile of calls, which says little of the
 * load.
 */
const MOST_CALLS = 2 * WAITING_CALLS;
/** Share of the time that work gets however busy the calls are. */
export const LEAST_SHARE = 0.0125;
/**
 * Work that may be done at once when calls begin to need the process, in milliseconds: a short crowd holds
 * nothing up.
 */
export const RESERVE_MS = 60;
/** Those that wait in a lasting crowd go on together, this often, in milliseconds: they share statements. */
const GATHER_MS = 250;
/**
 * By how much the share shrinks in a window in which calls need the process, and grows in one in which they leave room.
 */
const SHRINKING = 4;
const GROWTH = 4;
/** A crowd is over when few calls have run at once for so long, in milliseconds. */
const QUIET_MS = 150;

export interface WorkBudgetOptions {
  /** How long calls have taken that have ended, all together, in milliseconds. */
  readonly callMs: () => number;
  /** The share of the time in which the event loop worked since the last call, from 0 to 1. Default: measured. */
  readonly utilization?: () => number;
  /** In milliseconds. Default: that of `performance`. */
  readonly now?: () => number;
}

interface Waiting {
  readonly ms: number;
  readonly go: () => void;
}

export class WorkBudget {
  readonly #callMs: () => number;
  readonly #utilization: () => number;
  readonly #now: () => number;
  readonly #waiting = new Set<Waiting>();
  #share = 1;
  #since: number;
  #calls: number;
  #atOnce = 0;
  #quietMs = 0;
  #busy = 0;
  /** What may be used, in milliseconds; less than 0: what was used in advance. */
  #credit = RESERVE_MS;
  #released: number;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ callMs, utilization = measureUtilization(), now = () => performance.now() }: WorkBudgetOptions) {
    this.#callMs = callMs;
    this.#utilization = utilization;
    this.#now = now;
    this.#since = now();
    this.#released = this.#since;
    this.#calls = callMs();
  }

  /** The share of the time that work may use now, from 0 to 1. */
  get share(): number {
    this.#judge();
    return this.#share;
  }

  /** Resolves when work that takes about `ms` milliseconds may begin, or the signal aborts. Undefined: now. */
  turn(ms: number, signal: AbortSignal): Promise<void> | undefined {
    this.#judge();
    if (this.#closed || signal.aborted) return undefined;
    if (this.#waiting.size === 0 && (this.#share === 1 || this.#credit > 0)) {
      if (this.#share < 1) this.#credit -= ms;
      return undefined;
    }
    return new Promise((resolve) => {
      const waiting: Waiting = {
        ms,
        go: () => {
          this.#waiting.delete(waiting);
          signal.removeEventListener("abort", waiting.go);
          resolve();
        },
      };
      signal.addEventListener("abort", waiting.go, { once: true });
      this.#waiting.add(waiting);
      this.#schedule();
    });
  }

  /** Holds nothing back from now on. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { go } of this.#waiting) go();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#release();
      if (this.#waiting.size > 0) this.#schedule();
    }, WINDOW_MS).unref();
  }

  /** Lets those go on that came first, as far as the credit goes. */
  #release(): void {
    this.#judge();
    const now = this.#now();
    if (this.#share === LEAST_SHARE && now - this.#released < GATHER_MS) return;
    this.#released = now;
    for (const { ms, go } of this.#waiting) {
      if (this.#share < 1 && this.#credit <= 0) break;
      if (this.#share < 1) this.#credit -= ms;
      go();
    }
  }

  #judge(): void {
    const now = this.#now();
    const elapsed = now - this.#since;
    if (elapsed < WINDOW_MS) return;
    const calls = this.#callMs();
    const atOnce = Math.min((calls - this.#calls) / elapsed, MOST_CALLS);
    this.#remember(atOnce, elapsed);
    const weight = weightOf(elapsed);
    this.#busy += (this.#utilization() - this.#busy) * weight;
    const crowded = this.#atOnce >= WAITING_CALLS || (this.#atOnce >= CROWDED_CALLS && this.#busy >= BUSY_SHARE);
    this.#since = now;
    this.#calls = calls;
    const windows = elapsed / WINDOW_MS;
    this.#share = crowded
      ? Math.max(LEAST_SHARE, this.#share / SHRINKING)
      : Math.min(1, this.#share * GROWTH ** windows);
    this.#credit = this.#share === 1 ? RESERVE_MS : Math.min(RESERVE_MS, this.#credit + elapsed * this.#share);
  }

  /**
   * Calls that a database has held up end together: however long that was, it counts as one window. So only what lasts
   * is a crowd.
   */
  #remember(atOnce: number, elapsed: number): void {
    this.#quietMs = atOnce < CROWDED_CALLS ? this.#quietMs + elapsed : 0;
    if (this.#quietMs >= QUIET_MS) this.#atOnce = Math.min(this.#atOnce, atOnce);
    const weight = weightOf(atOnce > this.#atOnce ? WINDOW_MS : elapsed);
    this.#atOnce += (atOnce - this.#atOnce) * weight;
  }
}

/** Of what was measured in so many milliseconds, against what is remembered. */
function weightOf(ms: number): number {
  return 1 - Math.exp(-ms / MEMORY_MS);
}

function measureUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
