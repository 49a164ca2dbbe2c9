// Whether a lease that has run out tells that its server is dead. While the database was away, nobody could renew one.

export class LeaseTrust {
  readonly #leaseMs: number;
  readonly #slowMs: number;
  readonly #now: () => number;
  #lastTrouble = Number.NEGATIVE_INFINITY;

  /**
   * @param leaseMs how long a lease lasts
   * @param renewEveryMs how often one is renewed: a database that takes longer to answer is in trouble
   * @param now milliseconds by a clock that is never set
   */
  constructor(leaseMs: number, renewEveryMs: number, now = () => performance.now()) {
    this.#leaseMs = leaseMs;
    this.#slowMs = renewEveryMs;
    this.#now = now;
  }

  /** The database has answered what it was asked at `since`. */
  answered(since: number): void {
    if (this.#now() - since > this.#slowMs) this.failed();
  }

  /** The database did not answer. */
  failed(): void {
    this.#lastTrouble = this.#now();
  }

  /** Whether it has answered for as long as a lease lasts: whoever lives has renewed its own by now. */
  get holds(): boolean {
    return this.#now() - this.#lastTrouble >= this.#leaseMs;
  }
}
