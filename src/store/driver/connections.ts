// The connections of the pool as they are handed out and taken back, and given up together when their server is not the one to ask.
import type { Pool, PoolClient } from "pg";
import type { Interrupt } from "../../domain/cancellation.ts";
import { Lease, type Term } from "./connection.ts";
import { type Connect, type OpenPool, takeIdle } from "./pool.ts";

export class Connections {
  readonly #pool: Pool;
  readonly #connect: Connect;
  /** Connections whose cancelled work is still ending. */
  readonly #ending = new Set<Promise<unknown>>();
  /** Those that are handed out now. */
  #term: Term = this.#newTerm();

  constructor({ pool, connect }: Pick<OpenPool, "pool" | "connect">) {
    this.#pool = pool;
    this.#connect = connect;
  }

  /** An idle one, at once; undefined: there is none. */
  acquireAtOnce(signal: Interrupt | undefined): Lease | undefined {
    const client = signal?.aborted ? undefined : takeIdle(this.#pool);
    return client && this.#lease(client);
  }

  acquire(signal: Interrupt | undefined): Promise<Lease> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      // Nothing is kept for those who have stopped waiting: they would keep others out.
      const onAbort = () => {
        leave();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      const leave = this.#connect((error, client) => {
        signal?.removeEventListener("abort", onAbort);
        if (client === undefined) reject(error);
        // One that was being opened for it.
        else if (signal?.aborted) client.release();
        else resolve(this.#lease(client));
      });
    });
  }

  release(lease: Lease): void {
    const ending = lease.release();
    if (ending !== undefined) this.track(ending);
  }

  /** What `settled` waits for. */
  track(ending: Promise<unknown>): void {
    this.#ending.add(ending);
    const forget = () => this.#ending.delete(ending);
    ending.then(forget, forget);
  }

  /** Resolves when no cancelled work runs any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#ending);
  }

  /**
   * Closes every connection, those in use when they are given back: the server behind them takes no changes any more, so
   * it is not the primary, and what it answers may be old. New ones are made by name, which leads to the primary.
   */
  retire(): void {
    this.#term.over = true;
    this.#term = this.#newTerm();
    for (let idle = takeIdle(this.#pool); idle !== undefined; idle = takeIdle(this.#pool)) idle.release(true);
  }

  #newTerm(): Term {
    const term: Term = { over: false, onReadOnly: () => term.over || this.retire() };
    return term;
  }

  #lease(client: PoolClient): Lease {
    return new Lease(client, this.#term);
  }
}
