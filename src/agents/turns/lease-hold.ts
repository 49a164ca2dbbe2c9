// The lease of a turn on the server that runs it: when to renew it, and whether another server may have ended the turn.
import { HUNG_MS, type TurnTimes } from "../../domain/turns/turn.ts";

export class LeaseHold {
  readonly #times: TurnTimes;
  /** When the last write was sent, and the last that the store has taken. */
  #sentAt = performance.now();
  #takenAt = performance.now();
  #renewing: NodeJS.Timeout | undefined;

  constructor(times: TurnTimes) {
    this.#times = times;
  }

  /** Calls `renew` whenever nothing was written for a while. */
  start(renew: () => void): void {
    const { renewEveryMs } = this.#times;
    this.#takenAt = this.sent();
    this.#renewing = setInterval(() => {
      if (performance.now() - this.#sentAt >= renewEveryMs) renew();
    }, renewEveryMs / 2);
  }

  /** A write is sent. Returns when. */
  sent(): number {
    this.#sentAt = performance.now();
    return this.#sentAt;
  }

  /** The store has taken the write that was sent then. */
  taken(sentAt: number): void {
    this.#takenAt = sentAt;
  }

  /** Whether no other server can have ended the turn meanwhile, so that what is new of it may be told. */
  get isSure(): boolean {
    return performance.now() - this.#takenAt < this.#times.leaseMs + HUNG_MS;
  }

  stop(): void {
    clearInterval(this.#renewing);
  }
}
