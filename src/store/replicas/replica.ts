// One replica: its connections, what it is known to have, and whether it responds.
import { type Interrupt, Interruption } from "../../domain/cancellation.ts";
import type { Position } from "../../domain/read-position.ts";
import { Connections } from "../driver/connections.ts";
import { afterOwnTime } from "../driver/own-time.ts";
import type { OpenPool } from "../driver/pool.ts";
import { PreparedQuery } from "../driver/prepared-query.ts";
import type { Statement } from "../driver/statement.ts";
import { type ReplicaRow, replicaPosition } from "./statements.ts";

const AROUND = { before: replicaPosition, after: replicaPosition };
/** How long a replica may take to say where it is, in milliseconds; then what runs on it is asked of the primary. */
const LOOK_MS = 2_000;
/**
 * After a replica was found behind, how long only what it is known to have is asked of it, in milliseconds: at first,
 * and at most, for it doubles each time.
 */
const BEHIND_MS = 25;
const MAX_BEHIND_MS = 1_000;
const CLOSE_GRACE_MS = 1_000;

/** What a replica is known to have. */
interface State {
  readonly branch: string;
  readonly replayed: bigint;
}

/** The rows of a statement, and the most that it has seen. */
export interface Found<Row> {
  readonly rows: Row[];
  readonly seen: Position;
}

/** Ended with what ran on it, because the replica does not respond. */
class ReplicaLost extends Error {
  override readonly name = "ReplicaLost";
}

export class Replica {
  readonly name: string;
  readonly #pool: OpenPool;
  readonly #connections: Connections;
  /** Undefined: it is not read. */
  #state: State | undefined;
  /** Why it is not read. */
  #trouble: string | undefined = "it was not asked yet";
  #behindUntil = 0;
  #behindMs = BEHIND_MS;
  /** Aborts what runs on it when it stops responding. */
  #responds = new Interruption();

  /** @param name what logs and metrics call it */
  constructor(name: string, pool: OpenPool) {
    this.name = name;
    this.#pool = pool;
    this.#connections = new Connections(pool);
  }

  get trouble(): string | undefined {
    return this.#trouble;
  }

  get state(): State | undefined {
    return this.#state;
  }

  /** Calls that use its connections or wait for them. */
  get load(): number {
    const { waiting, open, idle } = this.#pool.queue;
    return waiting + open - idle;
  }

  /** Whether it is likely to have what the primary had there. */
  mayHave({ branch, lsn }: Position): boolean {
    if (this.#state?.branch !== branch) return false;
    return this.#state.replayed >= lsn || performance.now() >= this.#behindUntil;
  }

  /**
   * Runs a statement in one round trip. Undefined: it lacks what is needed.
   *
   * @throws what the statement fails with, or the signal's reason
   */
  async read<Row>(
    statement: Statement<Row>,
    values: readonly unknown[],
    signal: Interrupt,
    needed: Position,
  ): Promise<Found<Row> | undefined> {
    const query = new PreparedQuery(statement, values, AROUND);
    const rows: Row[] = await this.#run(query, signal, values[0]);
    const seen = this.#learn(query);
    const before = query.rowOf("before") as unknown as ReplicaRow;
    if (seen !== undefined && before.branch === needed.branch && (before.replayed ?? -1n) >= needed.lsn) {
      this.#behindMs = BEHIND_MS;
      return { rows, seen: { branch: needed.branch, lsn: seen } };
    }
    this.#behindUntil = performance.now() + this.#behindMs;
    this.#behindMs = Math.min(2 * this.#behindMs, MAX_BEHIND_MS);
    return undefined;
  }

  /** Asks where it is. What runs on it is given up if it does not say so in time. */
  async look(): Promise<void> {
    const limit = afterOwnTime(LOOK_MS, () => this.#giveUp());
    try {
      const query = new PreparedQuery(NOTHING, [], AROUND);
      await this.#run(query, undefined, "", true);
      this.#learn(query);
    } catch (error) {
      if (!(error instanceof ReplicaLost)) this.#leave((error as Error).message);
    } finally {
      limit.cancel();
    }
  }

  close(): Promise<void> {
    this.#responds.abort(new ReplicaLost());
    return this.#connections.close(() => this.#pool.pool.end(), CLOSE_GRACE_MS);
  }

  /** Notes what it has, and returns the most that a statement can have seen. Undefined: it cannot be read. */
  #learn(query: PreparedQuery): bigint | undefined {
    const before = query.rowOf("before") as unknown as ReplicaRow;
    const after = query.rowOf("after") as unknown as ReplicaRow;
    const { branch, replayed, received } = after;
    const trouble =
      replayed === null || before.replayed === null
        ? "it is not a standby"
        : received === null || received < before.replayed
          ? "it does not stream from another server"
          : branch === null
            ? "it lacks the row of wal_branch"
            : undefined;
    if (trouble === undefined) {
      this.#state = { branch: branch as string, replayed: replayed as bigint };
      this.#trouble = undefined;
      return received as bigint;
    }
    this.#leave(trouble);
    return undefined;
  }

  #leave(trouble: string): void {
    this.#state = undefined;
    this.#trouble = trouble;
  }

  #giveUp(): void {
    this.#leave("it does not respond");
    this.#responds.abort(new ReplicaLost());
    this.#responds = new Interruption();
  }

  // biome-ignore lint/suspicious/noExplicitAny: the statement says what its rows are
  async #run(query: PreparedQuery, signal: Interrupt | undefined, tenant: unknown, urgent = false): Promise<any[]> {
    const ended = new Interruption();
    ended.caller = signal?.caller;
    const responds = this.#responds;
    const onAbort = () => ended.abort(signal?.reason);
    const onLost = () => ended.abort(responds.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    responds.addEventListener("abort", onLost);
    try {
      const lease = this.#connections.acquireAtOnce(ended) ?? (await this.#connections.acquire(ended, tenant, urgent));
      try {
        return (await lease.run(query, ended)).rows;
      } finally {
        this.#connections.release(lease);
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      responds.removeEventListener("abort", onLost);
    }
  }
}

const NOTHING: Statement = { name: "wal_nothing", text: "select 1 as nothing" };
