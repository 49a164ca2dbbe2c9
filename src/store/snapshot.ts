// Long reads of one snapshot: each holds a connection, so few run at once, and a slow reader loses its snapshot.

import type { Interrupt } from "../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import type { Lease } from "./driver/connection.ts";
import { translate } from "./driver/errors.ts";
import type { Queryable } from "./driver/statement.ts";
import { type Reader, SnapshotQueue } from "./snapshot-queue.ts";
import type { HeldTransaction } from "./transaction.ts";

export type { Reader } from "./snapshot-queue.ts";

/** Idle time of the reader after which the snapshot is released, in milliseconds. */
const IDLE_MS = 60_000;
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

  constructor(most: number, parts: SnapshotParts, idleMs = IDLE_MS) {
    this.#queue = new SnapshotQueue({ most });
    this.#parts = parts;
    this.#idleMs = idleMs;
  }

  /** Yields what `read` yields, from one snapshot taken at the first item. */
  async *read<T>(
    reader: Reader,
    signal: Interrupt | undefined,
    read: (on: Queryable) => AsyncIterable<T>,
  ): AsyncGenerator<T, void> {
    const leave = await this.#queue.enter(reader, signal);
    let held: Held | undefined;
    try {
      const lease = await this.#parts.acquire(signal);
      held = new Held(this.#parts, lease, signal, this.#idleMs, leave);
      await lease.run({ text: BEGIN }, signal);
      for await (const item of read(held.transaction)) {
        held.wait();
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

/** The connection of one snapshot, with the timeout of its reader. */
class Held {
  readonly transaction: HeldTransaction;
  readonly #parts: SnapshotParts;
  readonly #timer: NodeJS.Timeout;
  readonly #leave: () => void;
  #waiting = false;
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
    this.transaction = parts.hold(lease, signal);
    this.#timer = setTimeout(() => {
      if (this.#waiting) this.end();
    }, idleMs).unref();
  }

  wait(): void {
    this.#waiting = true;
    this.#timer.refresh();
  }

  goOn(): void {
    this.#waiting = false;
    if (!this.#ended) return;
    throw new DomainError(
      ErrorReason.DEADLINE_EXCEEDED,
      "nothing was read for too long, so the snapshot was given up; begin again",
    );
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#parts.track(this.transaction.end());
    this.#leave();
  }
}
