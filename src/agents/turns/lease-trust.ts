// Whether an expired lease means that its server is dead: while the database was unavailable, no server could renew
// one.

export class LeaseTrust {
  readonly #leaseMs: number;
  readonly #slowMs: number;
  readonly #now: () => number;
  #lastTrouble = Number.NEGATIVE_INFINITY;

  /**
   * @param leaseMs how long a lease lasts
   * @param renewEveryMs how often one is renewed: a database that responds more slowly counts as unavailable
   * @param now a monotonic clock in milliseconds
   */
  constructor(leaseMs: number, renewEveryMs: number, now = () => performance.now()) {
    this.#leaseMs = leaseMs;
    this.#slowMs = renewEveryMs;
    this.#now = now;
  }

  /** The database has responded to a query sent at `since`. */
  answered(since: number): void {
    if (this.#now() - since > this.#slowMs) this.failed();
  }

  /** The database did not respond. */
  failed(): void {
    this.#lastTrouble = this.#now();
  }

  /** Whether it has responded for as long as a lease lasts, so every live server has renewed its own. */
  get holds(): boolean {
    return this.#now() - this.#lastTrouble >= this.#leaseMs;
  }
}
