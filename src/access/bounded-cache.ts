// A map that forgets: at most so many entries and characters of keys, each for at most so long; and one that loads what it lacks.

/** Milliseconds since 1970. Passed in so that tests need not wait. */
export type Clock = () => number;

/** Of each key on average: keys may come from whoever calls. */
const KEY_CHARACTERS = 200;

/** A least-recently-used map with a time to live for each entry. */
export class BoundedCache<V> {
  readonly #max: number;
  readonly #now: Clock;
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();
  #characters = 0;

  /** `max`: how many entries are kept; the least recently used goes first. So it does while keys have over 200 characters on average. */
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
    // A Map keeps the order of insertion: putting it back makes it the youngest.
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

  delete(key: string): void {
    if (this.#entries.delete(key)) this.#characters -= key.length;
  }
}

export interface LoadingCacheOptions {
  /** How many answers are kept. */
  readonly max: number;
  /** Milliseconds for which an answer, also "there is none", is served without asking again. */
  readonly ttlMs: number;
  readonly now?: Clock;
}

/**
 * Remembers what a loader answered, absence included. Absences are kept apart, so that a flood of names that do not
 * exist cannot push out those that do. Callers that ask for one key at the same time share one load; a failure is not
 * remembered.
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

  /** What is known now: the value, `null` for a known absence, undefined when it takes a load to tell. */
  peek(key: string): V | null | undefined {
    return this.#found.get(key) ?? (this.#absent.get(key) ? null : undefined);
  }

  /** The cached answer, else the loader's. */
  async get(key: string, load: () => Promise<V | undefined>): Promise<V | undefined> {
    const known = this.peek(key);
    if (known !== undefined) return known ?? undefined;
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    // The answer is as old as its question: counting from the start keeps the promise of ttlMs when the store is slow.
    const until = this.#now() + this.#ttlMs;
    const loading = load()
      .then((value) => {
        // A `forget` while it loaded took this load off: what it read may be from before the change.
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

  /** Makes the next `get` ask again. */
  forget(key: string): void {
    this.#found.delete(key);
    this.#absent.delete(key);
    this.#loading.delete(key);
  }
}
