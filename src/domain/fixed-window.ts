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

/** How much one server has counted in a window. */
export interface ServerCount {
  readonly key: string;
  readonly count: number;
  /** Milliseconds until the window ends. */
  readonly leftMs: number;
}

/** By which servers tell each other what they have counted. It may lose what is told. */
export interface CountExchange {
  /** Tells the other servers. @param policy what is counted */
  tell(policy: string, count: ServerCount): void;
  /** Calls `take` with what other servers tell of a policy, instead of the one that listened before. */
  listen(policy: string, take: (server: string, count: ServerCount) => void): void;
}

/** Makes windows count what other servers count for the same policy. */
export function sharedWindows(policy: string, options: WindowOptions, exchange: CountExchange | undefined): Windows {
  const windows = new Windows({ ...options, share: exchange && ((count) => exchange.tell(policy, count)) });
  exchange?.listen(policy, (server, count) => windows.countElsewhere(server, count));
  return windows;
}

export interface WindowOptions {
  /** What a window has room for. */
  readonly points: number;
  readonly lengthMs: number;
  readonly now: () => number;
  /** So many windows are kept at most; the oldest go first. Default: any number. */
  readonly max?: number;
  /**
   * Called for each hundredth of a window's room that was counted here, for the other servers; their counts come back
   * by `countElsewhere`. So what servers do not know of each other is below a hundredth for each. Default: ignored.
   */
  readonly share?: ((count: ServerCount) => void) | undefined;
}

interface Window {
  count: number;
  /** Shorter than the length if the window began on another server. */
  end: number;
  /** The count that was shared last. */
  shared: number;
  /** The counts of other servers. */
  others: Map<string, number> | undefined;
  /** Their sum. */
  elsewhere: number;
}

/** What servers may not know of each other's counts, as a share of the room. */
const STEPS = 100;

export class Windows {
  readonly #options: WindowOptions;
  readonly #step: number;
  /** In the order in which they began here. */
  readonly #windows = new Map<string, Window>();

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#step = Math.ceil(options.points / STEPS);
  }

  /** How many keys are counted, some of them in windows that are over. */
  get size(): number {
    return this.#windows.size;
  }

  /** Counts one. */
  take(key: string): Count {
    const { points, lengthMs, now: clock, share } = this.#options;
    const now = clock();
    this.#forget(now);
    const window = this.#current(key, now) ?? this.#begin(key, now + lengthMs);
    const allowed = window.count + window.elsewhere < points;
    if (allowed) {
      window.count++;
      if (share !== undefined && window.count - window.shared >= this.#step) {
        window.shared = window.count;
        share({ key, count: window.count, leftMs: window.end - now });
      }
    }
    return this.#countOf(window, allowed, now);
  }

  /** What counting one would give; counts none. Undefined: none was counted in this window. */
  look(key: string): Count | undefined {
    const now = this.#options.now();
    this.#forget(now);
    const window = this.#current(key, now);
    return window && this.#countOf(window, window.count + window.elsewhere < this.#options.points, now);
  }

  /**
   * Takes what another server has counted. Of windows that began at different times, the one that ends first counts.
   */
  countElsewhere(server: string, { key, count, leftMs }: ServerCount): void {
    if (leftMs <= 0) return;
    const now = this.#options.now();
    this.#forget(now);
    const end = now + Math.min(leftMs, this.#options.lengthMs);
    const window = this.#current(key, now) ?? this.#begin(key, end);
    window.end = Math.min(window.end, end);
    window.others ??= new Map();
    const before = window.others.get(server) ?? 0;
    if (count <= before) return;
    window.others.set(server, count);
    window.elsewhere += count - before;
  }

  #begin(key: string, end: number): Window {
    const window: Window = { count: 0, end, shared: 0, others: undefined, elsewhere: 0 };
    this.#windows.set(key, window);
    return window;
  }

  /** One that another server has shortened may be over before those in front of it. */
  #current(key: string, now: number): Window | undefined {
    const window = this.#windows.get(key);
    if (window === undefined || window.end > now) return window;
    this.#windows.delete(key);
    return undefined;
  }

  #countOf({ count, elsewhere, end }: Window, allowed: boolean, now: number): Count {
    const remaining = Math.max(0, this.#options.points - count - elsewhere);
    return { allowed, remaining, end, retryAfterMs: end - now };
  }

  #forget(now: number): void {
    const { max = Number.POSITIVE_INFINITY } = this.#options;
    for (const [key, { end }] of this.#windows) {
      if (end > now && this.#windows.size < max) return;
      this.#windows.delete(key);
    }
  }
}
