// Collects last uses of keys, and writes them to the store in batches.
import type { Clock } from "../bounded-cache.ts";
import type { KeyStore, KeyUse } from "../store-interfaces.ts";

export interface KeyUsesOptions {
  readonly store: KeyStore;
  readonly now?: Clock;
  /** Maximum number of keys between two flushes; further ones are dropped. Default 10,000. */
  readonly max?: number;
  /** Milliseconds between two flushes. Default 60,000. */
  readonly everyMs?: number;
  /** Called when a flush failed; its uses are kept for the next one. */
  readonly onError?: (error: unknown) => void;
}

/** Last uses, kept in memory for up to `everyMs`. A crash loses them: `last_use_time` may be late, never early. */
export class KeyUses {
  readonly #store: KeyStore;
  readonly #now: Clock;
  readonly #max: number;
  readonly #everyMs: number;
  readonly #onError: (error: unknown) => void;
  #uses = new Map<string, KeyUse>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ store, now = Date.now, max = 10_000, everyMs = 60_000, onError = () => {} }: KeyUsesOptions) {
    this.#store = store;
    this.#now = now;
    this.#max = max;
    this.#everyMs = everyMs;
    this.#onError = onError;
  }

  record(tenantId: string, keyId: string): void {
    if (this.#uses.size < this.#max || this.#uses.has(keyId)) {
      this.#uses.set(keyId, { tenantId, keyId, usedAt: this.#now() });
    }
  }

  /** Flushes every `everyMs` until `stop`. The timer does not keep the process alive. */
  start(): void {
    this.#timer ??= setInterval(() => void this.flush(), this.#everyMs).unref();
  }

  /** Ends the timer and flushes once more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.flush();
  }

  /** Writes what was recorded since the last flush. Never throws. */
  async flush(): Promise<void> {
    if (this.#uses.size === 0) return;
    const flushing = this.#uses;
    this.#uses = new Map();
    try {
      await this.#store.touch([...flushing.values()]);
    } catch (error) {
      for (const [keyId, use] of flushing) {
        if (!this.#uses.has(keyId) && this.#uses.size < this.#max) this.#uses.set(keyId, use);
      }
      this.#onError(error);
    }
  }
}
