// Hands out pooled connections, and closes all of them when their server is no longer the primary.
import type { Pool, PoolClient } from "pg";
import type { Interrupt } from "../../domain/cancellation.ts";
import { partyOf } from "../../domain/identity/party.ts";
import { breakNow } from "./connect-limit.ts";
import { Lease, type Term } from "./connection.ts";
import type { Connect } from "./connection-queue.ts";
import { type OpenPool, takeIdle } from "./pool.ts";
import type { Pooled } from "./prepared-query.ts";

export class Connections {
  readonly #pool: Pool;
  readonly #connect: Connect;
  /** Connections with cancelled work that has not finished. */
  readonly #ending = new Set<Promise<unknown>>();
  /** Connections with an open socket. */
  readonly #open = new Set<PoolClient>();
  /** The current generation of connections. */
  #term: Term = this.#newTerm();

  readonly #pooled: Pooled | undefined;

  constructor({ pool, connect, pooled }: Pick<OpenPool, "pool" | "connect" | "pooled">) {
    this.#pooled = pooled;
    this.#pool = pool;
    this.#connect = connect;
    pool.on("connect", (client) => this.#open.add(client));
    // It comes when the socket has closed.
    pool.on("remove", (client) => this.#open.delete(client));
  }

  /** An idle connection, synchronously; undefined: there is none. */
  acquireAtOnce(signal: Interrupt | undefined): Lease | undefined {
    const client = signal?.aborted ? undefined : takeIdle(this.#pool);
    return client && this.#lease(client);
  }

  /**
   * @param tenant whose it is, where the signal does not say it; a statement's first value
   * @param urgent whether it goes before those that wait, however many they are
   */
  acquire(signal: Interrupt | undefined, tenant?: unknown, urgent = false): Promise<Lease> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const party = partyOf(signal?.caller) ?? { tenant: typeof tenant === "string" ? tenant : "", caller: "" };
    return new Promise((resolve, reject) => {
      // A caller that stopped waiting leaves the queue at once.
      const onAbort = () => {
        leave();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      const leave = this.#connect(
        (error, client) => {
          signal?.removeEventListener("abort", onAbort);
          if (client === undefined) reject(error);
          // A connection that was being opened for it.
          else if (signal?.aborted) client.release();
          else resolve(this.#lease(client));
        },
        party,
        urgent,
      );
    });
  }

  release(lease: Lease): void {
    const ending = lease.release();
    if (ending !== undefined) this.track(ending);
  }

  /** Makes `settled` wait for a promise. */
  track(ending: Promise<unknown>): void {
    this.#ending.add(ending);
    const forget = () => this.#ending.delete(ending);
    ending.then(forget, forget);
  }

  /** Resolves when no cancelled work is running. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#ending);
  }

  /**
   * Ends the pool by `end`. Waits for running work for `graceMs`; then breaks every connection, also those closed on
   * our side only.
   */
  async close(end: () => Promise<void>, graceMs: number): Promise<void> {
    const breaking = setInterval(() => {
      for (const client of this.#open) breakNow(client);
      if (this.#pool.ended && this.#open.size === 0) clearInterval(breaking);
    }, graceMs).unref();
    await this.settled();
    await end();
    if (this.#open.size === 0) clearInterval(breaking);
  }

  /**
   * Closes every connection, those in use on release: what they know of their server is over. If it is read-only, it is
   * not the primary, and its data may be stale. New connections resolve the host name again, which should lead to the
   * primary.
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
    return new Lease(client, this.#term, this.#pooled);
  }
}
