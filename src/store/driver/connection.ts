// A pooled connection, held for one query or transaction: cancels queries, and decides when to close it.

import { setTimeout as delay } from "node:timers/promises";
import type { PoolClient, QueryConfig, QueryResult } from "pg";
import type { Interrupt } from "../../domain/cancellation.ts";
import { sendCancelRequest } from "./cancel.ts";
import { isOfNode, kindOf } from "./errors.ts";
import { type Pooled, PreparedQuery } from "./prepared-query.ts";

/** The result of a query; `command` is set for plain SQL only. */
export type LeaseResult = Pick<QueryResult, "rows"> & Partial<QueryResult>;

/** A backend ignores a cancel that arrives before it has read the query, so the cancel is repeated. */
const CANCEL_AGAIN_MS = 100;
/** After this time a cancelled query is abandoned together with its connection. */
const CANCEL_GIVE_UP_MS = 5_000;

/** Shared state of the connections to one server. */
export interface Term {
  /** Whether they are closed on release. */
  over: boolean;
  /** Called when the server refuses a write because it is read-only. */
  readonly onReadOnly: () => void;
}

export class Lease {
  readonly #client: PoolClient;
  readonly #term: Term;
  readonly #pooled: Pooled | undefined;
  #inTransaction = false;
  /** Resolves when nothing runs on the connection; undefined if nothing was cancelled. */
  #cancelling: Promise<void> | undefined;
  #broken = false;

  /** @param pooled undefined: the session is its own */
  constructor(client: PoolClient, term: Term, pooled?: Pooled) {
    this.#client = client;
    this.#term = term;
    this.#pooled = pooled;
  }

  /** Closes the connection on release. */
  discard(): void {
    this.#broken = true;
  }

  /**
   * Runs one query. When `signal` aborts, rejects with its reason at once and cancels the query in PostgreSQL; the
   * connection stays held until that has finished.
   */
  run(query: QueryConfig | PreparedQuery, signal: Interrupt | undefined): Promise<LeaseResult> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const sent: Promise<LeaseResult> =
      query instanceof PreparedQuery
        ? query.run(this.#client, this.#pooled, !this.#inTransaction)
        : this.#client.query(this.#pooled === undefined ? query : this.#withSetup(query, this.#pooled));
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
          // Of a cluster's nodes one takes no changes: other tenants' connections are as good as before, and this one
          // goes, for it may lead to a node that another has replaced.
          const ofNode = kind === "read-only" && isOfNode(error);
          if (kind === "read-only" && !ofNode) this.#term.onReadOnly();
          if (kind === "session" || kind === "stale-plan" || ofNode) this.#broken = true;
          reject(error);
        },
      );
    });
  }

  /** A transaction is set up where it begins. */
  #withSetup(query: QueryConfig, { setup }: Pooled): QueryConfig {
    if (/^(commit|rollback)$/.test(query.text)) this.#inTransaction = false;
    if (!query.text.startsWith("begin")) return query;
    this.#inTransaction = true;
    return { ...query, text: `${query.text}; ${setup}` };
  }

  /** Resolves when no cancelled query is running. */
  async settled(): Promise<void> {
    await this.#cancelling;
  }

  /** Whether the connection seems usable. */
  get usable(): boolean {
    return !this.#broken;
  }

  /** Returns the connection to the pool, or closes it; after a running cancel has finished. */
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
