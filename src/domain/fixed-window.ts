// Counts by key in windows of fixed length, which begin with the first count. In memory, deleted at their end.

/** Where a count stands. */
export interface Count {
  /** Whether there was still room for it. What finds none is not counted. */
  readonly allowed: boolean;
  readonly remaining: number;
  /** When the window ends, by the clock of the windows, in milliseconds. */
  readonly end: number;
  /** Milliseconds until then: after that there is room again. */
  readonly retryAfterMs: number;
}

export interface WindowOptions {
  /** What a window has room for. */
  readonly points: number;
  readonly lengthMs: number;
  readonly now: () => number;
  /** So many windows are kept at most; the oldest go first. Default: any number. */
  readonly max?: number;
}

interface Window {
  count: number;
  readonly end: number;
}

export class Windows {
  readonly #options: WindowOptions;
  /** In the order in which they began. All are of one length, so those at the front end first. */
  readonly #windows = new Map<string, Window>();

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  /** How many keys are counted, some of them in windows that are over. */
  get size(): number {
    return this.#windows.size;
  }

  /** Counts one. */
  take(key: string): Count {
    const { points, lengthMs, now: clock } = this.#options;
    const now = clock();
    this.#forget(now);
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { count: 0, end: now + lengthMs };
      this.#windows.set(key, window);
    }
    const allowed = window.count < points;
    if (allowed) window.count++;
    return this.#countOf(window, allowed, now);
  }

  /** What counting one would give; counts none. Undefined: none was counted in this window. */
  look(key: string): Count | undefined {
    const now = this.#options.now();
    this.#forget(now);
    const window = this.#windows.get(key);
    return window && this.#countOf(window, window.count < this.#options.points, now);
  }

  #countOf({ count, end }: Window, allowed: boolean, now: number): Count {
    return { allowed, remaining: this.#options.points - count, end, retryAfterMs: end - now };
  }

  #forget(now: number): void {
    const { max = Number.POSITIVE_INFINITY } = this.#options;
    for (const [key, { end }] of this.#windows) {
      if (end > now && this.#windows.size < max) return;
      this.#windows.delete(key);
    }
  }
}
