// Long reads of one snapshot: each holds a connection, so few run at once, and a slow reader loses its snapshot.

import type { Interrupt } from "../../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { Lease } from "../driver/connection.ts";
import { translate } from "../driver/errors.ts";
import type { Queryable } from "../driver/statement.ts";
import type { HeldTransaction } from "../transaction.ts";
import { type Reader, SnapshotQueue } from "./snapshot-queue.ts";

export type { Reader } from "./snapshot-queue.ts";

/** Idle time of the reader, in total, after which the snapshot is released, in milliseconds; see {@link LEAST_RATE}. */
const IDLE_MS = 60_000;
/** Minimum rate of a reader over time, in bytes a second: it holds a connection, and old rows in the database. */
export const LEAST_RATE = 16 * 1024;
/** PostgreSQL ends the session only if this process cannot. */
const SESSION_IDLE_MS = 2 * IDLE_MS;

const BEGIN = `begin isolation level repeatable read, read only;
  set local idle_in_transaction_session_timeout = ${SESSION_IDLE_MS}`;

export interface SnapshotParts {
  /** Acquires an exclusive connection. */
  readonly acquire: (signal: Interrupt | undefined) => Promise<Lease>;
  readonly hold: (lease: Lease, signal: Interrupt | undefined) => HeldTransaction;
  /** Called with the completion of a connection's work. */
  readonly track: (ending: Promise<unknown>) => void;
}

/** At most `most` run at once; others wait. */
export class Snapshots {
  readonly #queue: SnapshotQueue;
  readonly #parts: SnapshotParts;
  readonly #idleMs: number;

  constructor(max: number, parts: SnapshotParts, idleMs = IDLE_MS) {
    this.#queue = new SnapshotQueue({ max });
    this.#parts = parts;
    this.#idleMs = idleMs;
  }

  /**
   * Yields what `read` yields, from one snapshot taken at the first item.
   * @param bytesOf the approximate size of an item, for the rate of the reader
   */
  async *read<T>(
    reader: Reader,
    signal: Interrupt | undefined,
    read: (on: Queryable) => AsyncIterable<T>,
    bytesOf: (item: T) => number,
  ): AsyncGenerator<T, void> {
    const leave = await this.#queue.enter(reader, signal);
    let held: Held | undefined;
    try {
      const lease = await this.#parts.acquire(signal);
      held = new Held(this.#parts, lease, signal, this.#idleMs, leave);
      await lease.run({ text: BEGIN }, signal);
      for await (const item of read(held.transaction)) {
        held.wait(bytesOf(item));
        yield item;
        held.goOn();
      }
    } catch (error) {
      throw signal?.aborted ? signal.reason : translate(error);
    } finally {
      held?.end();
      leave();
    }
  }
}

/**
 * The connection of one snapshot, with the idle time that its reader has left: reduced while the snapshot waits for it,
 * increased by each byte that it takes, up to the initial value.
 */
class Held {
  readonly transaction: HeldTransaction;
  readonly #parts: SnapshotParts;
  readonly #maxMs: number;
  readonly #leave: () => void;
  readonly #timer: NodeJS.Timeout;
  #leftMs: number;
  #waitsSince: number | undefined;
  #ended = false;

  constructor(
    parts: SnapshotParts,
    lease: Lease,
    signal: Interrupt | undefined,
    idleMs: number,
    /** Releases its slot, also if the reader never continues. */
    leave: () => void,
  ) {
    this.#parts = parts;
    this.#leave = leave;
    this.#maxMs = idleMs;
    this.#leftMs = idleMs;
    this.transaction = parts.hold(lease, signal);
    this.#timer = setInterval(() => this.#look(), idleMs / LOOKS).unref();
  }

  /** The reader has an item of so many bytes to take. */
  wait(bytes: number): void {
    this.#leftMs = Math.min(this.#maxMs, this.#leftMs + (1_000 * bytes) / LEAST_RATE);
    this.#waitsSince = performance.now();
  }

  goOn(): void {
    this.#look();
    if (this.#waitsSince !== undefined) this.#leftMs -= performance.now() - this.#waitsSince;
    this.#waitsSince = undefined;
    if (!this.#ended) return;
    throw new DomainError(
      ErrorReason.DEADLINE_EXCEEDED,
      `too little was read: at least ${LEAST_RATE / 1024} KiB a second over a minute must be; begin again`,
    );
  }

  #look(): void {
    if (this.#waitsSince !== undefined && performance.now() - this.#waitsSince > this.#leftMs) this.end();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    this.#parts.track(this.transaction.end());
    this.#leave();
  }
}

/** How often the time of a reader that never comes back is looked at while it runs out. */
const LOOKS = 12;
