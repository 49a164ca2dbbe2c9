// A circuit that opens when an agent keeps failing, so that nobody waits for what will not come.

export interface CircuitLimits {
  /** So many failures in a row open it. */
  readonly failures: number;
  /** So long it stays open before one call is let through to try, in milliseconds. */
  readonly openMs: number;
  /** So long it stays open at most, whatever the agent asks for, in milliseconds. */
  readonly maxRestMs: number;
}

export const CIRCUIT_LIMITS: CircuitLimits = { failures: 5, openMs: 30_000, maxRestMs: 300_000 };

export class Circuit {
  readonly #limits: CircuitLimits;
  readonly #now: () => number;
  #failures = 0;
  #openUntil: number | undefined;
  #trying = false;

  constructor(limits: CircuitLimits = CIRCUIT_LIMITS, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Undefined: go on, and report what comes of it. Else it is open for so many milliseconds more. */
  enter(): number | undefined {
    if (this.#openUntil === undefined) return undefined;
    const left = this.#openUntil - this.#now();
    if (left > 0) return left;
    if (this.#trying) return this.#limits.openMs;
    this.#trying = true;
    return undefined;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openUntil = undefined;
    this.#trying = false;
  }

  /** @param restMs how long the agent wants to be left alone, in milliseconds: it stays open for so long at least */
  failed(restMs = 0): void {
    this.#failures++;
    this.#trying = false;
    if (this.#failures < this.#limits.failures) return;
    this.#openUntil = this.#now() + Math.max(this.#limits.openMs, Math.min(restMs, this.#limits.maxRestMs));
  }

  /** The call ended without telling anything about the agent: it was cancelled. */
  abandoned(): void {
    this.#trying = false;
  }
}
