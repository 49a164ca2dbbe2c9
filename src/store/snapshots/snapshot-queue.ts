// The slots of snapshots, assigned fairly by tenant, and within a tenant by caller.

import type { Interrupt } from "../../domain/cancellation.ts";
import { overloaded } from "../driver/errors.ts";
import { afterOwnTime } from "../driver/own-time.ts";

/** The reader of a snapshot, for fair scheduling. */
export interface Reader {
  readonly tenantId: string;
  /** The caller's name within its tenant. */
  readonly name: string;
}

export interface SnapshotLimits {
  /** Number of slots. */
  readonly max: number;
  /** Maximum waiting readers, in total and of one caller. Default: 64 and 8. */
  readonly maxWaiting?: number;
  readonly maxWaitingOfOne?: number;
  /** Maximum wait while this process runs, in milliseconds. Default: 30,000. */
  readonly maxWaitMs?: number;
}

interface Waiting {
  readonly tenant: Share;
  readonly caller: Share;
  begin(): void;
}

/** The slots and waiting readers of a tenant or caller; deleted when it has none. */
interface Share {
  readonly key: string;
  running: number;
  waiting: number;
  /** The sequence number of its last slot; 0: none yet. */
  served: number;
}

export class SnapshotQueue {
  readonly #limits: Required<SnapshotLimits>;
  /** A caller has at most half of the slots, so that it cannot block all others. */
  readonly #maxOfOne: number;
  readonly #shares = new Map<string, Share>();
  /** In order of arrival. */
  readonly #waiting = new Set<Waiting>();
  #running = 0;
  #given = 0;

  constructor(limits: SnapshotLimits) {
    this.#limits = { maxWaiting: 64, maxWaitingOfOne: 8, maxWaitMs: 30_000, ...limits };
    this.#maxOfOne = Math.max(1, Math.floor(limits.max / 2));
  }

  /**
   * Waits for a slot; the returned function releases it. Throws OVERLOADED if too many wait, or too long, and the
   * signal's reason if it aborts first.
   */
  async enter({ tenantId, name }: Reader, signal: Interrupt | undefined): Promise<() => void> {
    if (signal?.aborted) throw signal.reason;
    const tenant = this.#share(tenantId);
    const caller = this.#share(`${tenantId}/${name}`);
    try {
      if (this.#running < this.#limits.max && caller.running < this.#maxOfOne) this.#take(tenant, caller);
      else await this.#wait(tenant, caller, signal);
    } catch (error) {
      this.#forget(tenant, caller);
      throw error;
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#running--;
      tenant.running--;
      caller.running--;
      this.#callNext();
      this.#forget(tenant, caller);
    };
  }

  #take(tenant: Share, caller: Share): void {
    this.#running++;
    this.#given++;
    for (const share of [tenant, caller]) {
      share.running++;
      share.served = this.#given;
    }
  }

  #wait(tenant: Share, caller: Share, signal: Interrupt | undefined): Promise<void> {
    const { maxWaiting, maxWaitingOfOne, maxWaitMs, max } = this.#limits;
    if (caller.waiting >= maxWaitingOfOne) throw tooMany(`${maxWaitingOfOne} of one caller`);
    if (this.#waiting.size >= maxWaiting) throw tooMany(`${maxWaiting}`);
    return new Promise((resolve, reject) => {
      const leave = () => {
        limit.cancel();
        signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(waiting);
        tenant.waiting--;
        caller.waiting--;
      };
      const begin = () => {
        leave();
        this.#take(tenant, caller);
        resolve();
      };
      const onAbort = () => {
        leave();
        reject(signal?.reason);
      };
      const waiting = { tenant, caller, begin };
      const limit = afterOwnTime(maxWaitMs, () => {
        leave();
        const rule = `at most ${max} run at once, ${this.#maxOfOne} of one caller`;
        reject(overloaded(`exports: ${rule}, and no place came free within ${maxWaitMs / 1_000} s`));
      });
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiting);
      tenant.waiting++;
      caller.waiting++;
    });
  }

  /**
   * Assigns the free slot to the tenant with the fewest slots, then to the one served longest ago.
   */
  #callNext(): void {
    let next: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (waiting.caller.running >= this.#maxOfOne) continue;
      if (next === undefined || comesBefore(waiting, next)) next = waiting;
    }
    next?.begin();
  }

  #share(key: string): Share {
    let share = this.#shares.get(key);
    if (share === undefined) {
      share = { key, running: 0, waiting: 0, served: 0 };
      this.#shares.set(key, share);
    }
    return share;
  }

  #forget(...shares: readonly Share[]): void {
    for (const share of shares) {
      if (share.running + share.waiting === 0 && this.#shares.get(share.key) === share) this.#shares.delete(share.key);
    }
  }
}

function comesBefore(a: Waiting, b: Waiting): boolean {
  return (compare(a.tenant, b.tenant) || compare(a.caller, b.caller)) < 0;
}

function compare(a: Share, b: Share): number {
  return a.running - b.running || a.served - b.served;
}

function tooMany(rule: string) {
  return overloaded(`exports: at most ${rule} may wait for their turn`);
}
