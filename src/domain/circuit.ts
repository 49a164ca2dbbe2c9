// A circuit that opens when an agent keeps failing, so that nobody waits for what will not come.

export interface CircuitLimits {
  /** So many failures in a row open it. */
  readonly failures: number;
  /** So long it stays open before one call is let through to try, in milliseconds. */
  readonly openMs: number;
}

export const CIRCUIT_LIMITS: CircuitLimits = { failures: 5, openMs: 30_000 };

export class Circuit {
  readonly #limits: CircuitLimits;
  readonly #now: () => number;
  #failures = 0;
  #openedAt: number | undefined;
  #trying = false;

  constructor(limits: CircuitLimits = CIRCUIT_LIMITS, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Undefined: go on, and report what comes of it. Else it is open for so many milliseconds more. */
  enter(): number | undefined {
    if (this.#openedAt === undefined) return undefined;
    const left = this.#openedAt + this.#limits.openMs - this.#now();
    if (left > 0) return left;
    if (this.#trying) return this.#limits.openMs;
    this.#trying = true;
    return undefined;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openedAt = undefined;
    this.#trying = false;
  }

  failed(): void {
    this.#failures++;
    this.#trying = false;
    if (this.#failures >= this.#limits.failures) this.#openedAt = this.#now();
  }

  /** The call ended without telling anything about the agent: it was cancelled. */
  abandoned(): void {
    this.#trying = false;
  }
}
