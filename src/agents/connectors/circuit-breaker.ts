// A circuit breaker: opens when an agent keeps failing, so that calls fail at once.

export interface CircuitLimits {
  /** Consecutive failures that open it. */
  readonly failures: number;
  /** How long it stays open before one call may try, in milliseconds. */
  readonly openMs: number;
  /** Maximum time open, also with a longer Retry-After of the agent, in milliseconds. */
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

  /** Undefined: call, and report the result. Otherwise the milliseconds for which it is still open. */
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

  /** @param restMs the agent's Retry-After in milliseconds: the minimum time open */
  failed(restMs = 0): void {
    this.#failures++;
    this.#trying = false;
    if (this.#failures < this.#limits.failures) return;
    this.#openUntil = this.#now() + Math.max(this.#limits.openMs, Math.min(restMs, this.#limits.maxRestMs));
  }

  /** The call was cancelled, so it says nothing about the agent. */
  abandoned(): void {
    this.#trying = false;
  }
}
