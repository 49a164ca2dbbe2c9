// One pooled connection, held for one query or one transaction; knows how to cancel and when to give it up.

import { setTimeout as delay } from "node:timers/promises";
import type { PoolClient, QueryConfig, QueryResult } from "pg";
import type { Interrupt } from "../../domain/cancellation.ts";
import { sendCancelRequest } from "./cancel.ts";
import { kindOf } from "./errors.ts";
import { PreparedQuery } from "./prepared-query.ts";

/** What comes of a query; `command` is told for plain SQL only. */
export type LeaseResult = Pick<QueryResult, "rows"> & Partial<QueryResult>;

/** A cancel that arrives before the backend has read the query is ignored by it, so it is sent again. */
const CANCEL_AGAIN_MS = 100;
/** After this long a cancelled query is given up together with its connection. */
const CANCEL_GIVE_UP_MS = 5_000;

/** What connections have in common that lead to one server. */
export interface Term {
  /** They are closed instead of being given back. */
  over: boolean;
  /** Told when the server refuses a change because it takes none. */
  readonly onReadOnly: () => void;
}

export class Lease {
  readonly #client: PoolClient;
  readonly #term: Term;
  /** Fulfilled once nothing runs on the connection any more; undefined while nothing was cancelled. */
  #cancelling: Promise<void> | undefined;
  #broken = false;

  constructor(client: PoolClient, term: Term) {
    this.#client = client;
    this.#term = term;
  }

  /** The connection must not be used again: it is closed on release. */
  discard(): void {
    this.#broken = true;
  }

  /**
   * Runs one query. When `signal` aborts, rejects with its reason at once, while the query is being cancelled in
   * PostgreSQL; the connection stays held until that has ended.
   */
  run(query: QueryConfig | PreparedQuery, signal: Interrupt | undefined): Promise<LeaseResult> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const sent: Promise<LeaseResult> =
      query instanceof PreparedQuery ? query.run(this.#client) : this.#client.query(query);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#cancelling = this.#cancel(sent);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      sent.then(
        (result) => {
          signal?.removeEventListener("abort", onAbort);
          resolve(result);
        },
        (error) => {
          signal?.removeEventListener("abort", onAbort);
          const kind = kindOf(error);
          if (kind === "read-only") this.#term.onReadOnly();
          if (kind === "session" || kind === "stale-plan") this.#broken = true;
          reject(error);
        },
      );
    });
  }

  /** Resolves when no cancelled query runs any more. */
  async settled(): Promise<void> {
    await this.#cancelling;
  }

  /** Whether the connection can still be used, as far as is known. */
  get usable(): boolean {
    return !this.#broken;
  }

  /** Gives the connection back to the pool, or closes it. With a cancel under way, once that has ended. */
  release(): Promise<void> | undefined {
    if (this.#cancelling === undefined) {
      this.#return();
      return undefined;
    }
    return this.#cancelling.then(() => this.#return());
  }

  #return(): void {
    this.#client.release(this.#broken || this.#term.over);
  }

  async #cancel(sent: Promise<unknown>): Promise<void> {
    let running = true;
    const ended = sent.then(
      () => {
        running = false;
      },
      () => {
        running = false;
      },
    );
    const giveUpAt = performance.now() + CANCEL_GIVE_UP_MS;
    while (running && !this.#broken) {
      try {
        await sendCancelRequest(this.#client, CANCEL_GIVE_UP_MS);
      } catch {
        this.#broken = true;
      }
      await Promise.race([ended, delay(CANCEL_AGAIN_MS, undefined, { ref: false })]);
      if (performance.now() > giveUpAt) this.#broken = true;
    }
  }
}
