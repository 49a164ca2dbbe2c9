// Bounds what turns of this process hold together: whoever would hold more waits until others hold less.

/** Room that was given. */
export interface Hold {
  /** Holds no more than this from now on. */
  shrinkTo(bytes: number): void;
  /** Holds nothing any more. */
  leave(): void;
}

interface Waiting {
  readonly tenantId: string;
  readonly bytes: number;
  readonly begin: () => void;
}

export class HeldBytes {
  readonly #max: number;
  readonly #maxWaiting: number;
  readonly #held = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #total = 0;

  /** @param maxWaiting how many may wait; further ones get no room at all. Default: 1,000 */
  constructor(max: number, maxWaiting = 1_000) {
    this.#max = max;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Resolves when there is room, for all of it if it is more than the maximum; undefined: too many wait. The next is
   * always the first of the tenant that holds least, also where a later one would fit: large ones come too. Rejects with
   * the signal's reason.
   */
  take(tenantId: string, bytes: number, signal: AbortSignal): Promise<Hold | undefined> {
    const counted = Math.min(bytes, this.#max);
    signal.throwIfAborted();
    if (this.#waiting.size === 0 && this.#total + counted <= this.#max) {
      return Promise.resolve(this.#hold(tenantId, counted));
    }
    if (this.#waiting.size >= this.#maxWaiting) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const leave = () => {
        signal.removeEventListener("abort", onAbort);
        this.#waiting.delete(waiting);
      };
      const begin = () => {
        leave();
        resolve(this.#hold(tenantId, counted));
      };
      const onAbort = () => {
        leave();
        reject(signal.reason);
        // It may have been the one for which others waited.
        this.#callNext();
      };
      const waiting = { tenantId, bytes: counted, begin };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiting);
      this.#callNext();
    });
  }

  #hold(tenantId: string, bytes: number): Hold {
    let own = bytes;
    this.#count(tenantId, own);
    const shrinkTo = (left: number) => {
      if (left >= own) return;
      this.#count(tenantId, left - own);
      own = left;
      this.#callNext();
    };
    return { shrinkTo, leave: () => shrinkTo(0) };
  }

  #count(tenantId: string, bytes: number): void {
    this.#total += bytes;
    const held = (this.#held.get(tenantId) ?? 0) + bytes;
    if (held > 0) this.#held.set(tenantId, held);
    else this.#held.delete(tenantId);
  }

  #callNext(): void {
    for (;;) {
      let next: Waiting | undefined;
      for (const one of this.#waiting) if (next === undefined || this.#of(one) < this.#of(next)) next = one;
      if (next === undefined || this.#total + next.bytes > this.#max) return;
      next.begin();
    }
  }

  #of({ tenantId }: Waiting): number {
    return this.#held.get(tenantId) ?? 0;
  }
}
