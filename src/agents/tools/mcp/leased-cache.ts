// A cache of costly objects, bounded in bytes, that closes an object only when nothing uses it.

export interface Made<T> {
  readonly value: T;
  readonly bytes: number;
  /** For how long it is kept, in milliseconds. */
  readonly keepMs: number;
}

export interface Lease<T> {
  readonly value: T;
  /** Whoever asks next gets a new one. */
  drop(): void;
  /** It is used no longer. */
  done(): void;
}

interface Entry<T> {
  readonly making: Promise<Made<T>>;
  made?: Made<T>;
  expires: number;
  users: number;
  gone: boolean;
}

export class LeasedCache<T> {
  readonly #maxBytes: number;
  readonly #release: (value: T) => Promise<unknown> | undefined;
  readonly #now: () => number;
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry<T>>();
  /** Those that end at the moment. */
  readonly #ending = new Set<Promise<unknown>>();
  #bytes = 0;

  /** @param release ends a value that nobody uses */
  constructor(maxBytes: number, release: (value: T) => Promise<unknown> | undefined, now = () => performance.now()) {
    this.#maxBytes = maxBytes;
    this.#release = release;
    this.#now = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The value of a key; made once, however many ask for it at the same time. */
  async lease(key: string, make: () => Promise<Made<T>>): Promise<Lease<T>> {
    const known = this.#entries.get(key);
    if (known !== undefined && known.expires <= this.#now()) this.#remove(key, known);
    const entry = this.#entries.get(key) ?? this.#begin(key, make);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users++;
    let used = true;
    const done = () => {
      if (!used) return;
      used = false;
      entry.users--;
      this.#end(entry);
    };
    try {
      const { value } = await entry.making;
      return { value, done, drop: () => this.#remove(key, entry) };
    } catch (error) {
      done();
      throw error;
    }
  }

  /** Returns when all have ended that nobody uses. */
  async close(): Promise<void> {
    for (const [key, entry] of [...this.#entries]) this.#remove(key, entry);
    await Promise.allSettled(this.#ending);
  }

  #begin(key: string, make: () => Promise<Made<T>>): Entry<T> {
    const entry: Entry<T> = { making: make(), expires: Number.POSITIVE_INFINITY, users: 0, gone: false };
    this.#entries.set(key, entry);
    entry.making.then(
      (made) => {
        entry.made = made;
        entry.expires = this.#now() + made.keepMs;
        if (entry.gone) return this.#end(entry);
        this.#bytes += made.bytes;
        for (const [oldest, other] of this.#entries) {
          if (this.#bytes <= this.#maxBytes) break;
          if (other !== entry) this.#remove(oldest, other);
        }
      },
      () => this.#remove(key, entry),
    );
    return entry;
  }

  #remove(key: string, entry: Entry<T>): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    if (entry.gone) return;
    entry.gone = true;
    this.#bytes -= entry.made?.bytes ?? 0;
    this.#end(entry);
  }

  #end(entry: Entry<T>): void {
    if (!entry.gone || entry.users > 0 || entry.made === undefined) return;
    const end = this.#release(entry.made.value)?.catch(() => {});
    if (end === undefined) return;
    this.#ending.add(end);
    void end.then(() => this.#ending.delete(end));
  }
}
