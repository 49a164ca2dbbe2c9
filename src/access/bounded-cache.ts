// Caches bounded in entries, characters of keys and age: a plain one, and one that loads missing values.

/** Milliseconds since 1970; injected for tests. */
export type Clock = () => number;

/** Average length of keys, which may come from callers. */
const KEY_CHARACTERS = 200;

/** A least-recently-used map with a time to live for each entry. */
export class BoundedCache<V> {
  readonly #max: number;
  readonly #now: Clock;
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();
  #characters = 0;

  /**
   * `max`: the number of entries; the least recently used is evicted first, also while keys are longer than 200
   * characters on average.
   */
  constructor(max: number, now: Clock = Date.now) {
    this.#max = max;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until <= this.#now()) {
      this.delete(key);
      return undefined;
    }
    this.#entries.delete(key);
    // A Map keeps insertion order: inserting it again makes it the most recent.
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** `until`: milliseconds since 1970. */
  set(key: string, value: V, until: number): void {
    this.delete(key);
    this.#entries.set(key, { value, until });
    this.#characters += key.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#max && this.#characters <= this.#max * KEY_CHARACTERS) return;
      this.delete(oldest);
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#characters = 0;
  }

  delete(key: string): void {
    if (this.#entries.delete(key)) this.#characters -= key.length;
  }
}

export interface LoadingCacheOptions {
  /** The number of cached results. */
  readonly max: number;
  /** Milliseconds for which a result, also an absence, is cached. */
  readonly ttlMs: number;
  readonly now?: Clock;
}

/**
 * Caches the results of a loader, including absences. Absences have a cache of their own, so that a flood of unknown
 * names does not evict known ones. Simultaneous requests for a key share one load. A failure is not cached.
 */
export class LoadingCache<V> {
  readonly #ttlMs: number;
  readonly #now: Clock;
  readonly #found: BoundedCache<V>;
  readonly #absent: BoundedCache<true>;
  readonly #loading = new Map<string, Promise<V | undefined>>();

  constructor({ max, ttlMs, now = () => performance.now() }: LoadingCacheOptions) {
    this.#ttlMs = ttlMs;
    this.#now = now;
    this.#found = new BoundedCache(max, now);
    this.#absent = new BoundedCache(max, now);
  }

  /** The cached value, `null` for a cached absence, undefined if it is not cached. */
  peek(key: string): V | null | undefined {
    return this.#found.get(key) ?? (this.#absent.get(key) ? null : undefined);
  }

  /** Returns the cached result, or loads it. */
  async get(key: string, load: () => Promise<V | undefined>): Promise<V | undefined> {
    const known = this.peek(key);
    if (known !== undefined) return known ?? undefined;
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    // The age counts from the start of the load, so that ttlMs holds even if the store is slow.
    const until = this.#now() + this.#ttlMs;
    const loading = load()
      .then((value) => {
        // `forget` was called during the load: the result may be from before the change.
        if (this.#loading.get(key) !== loading) return value;
        if (value === undefined) this.#absent.set(key, true, until);
        else this.#found.set(key, value, until);
        return value;
      })
      .finally(() => {
        if (this.#loading.get(key) === loading) this.#loading.delete(key);
      });
    this.#loading.set(key, loading);
    return loading;
  }

  /** Makes the next `get` load again. */
  forget(key: string): void {
    this.#found.delete(key);
    this.#absent.delete(key);
    this.#loading.delete(key);
  }

  /** The same of all keys. */
  forgetAll(): void {
    this.#found.clear();
    this.#absent.clear();
    this.#loading.clear();
  }
}
