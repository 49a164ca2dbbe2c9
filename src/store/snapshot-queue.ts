// The places in which snapshots run, and who has the next: taken in turn by tenants, and within a tenant by its callers.

import type { Interrupt } from "../domain/cancellation.ts";
import { overloaded } from "./driver/errors.ts";
import { afterOwnTime } from "./driver/own-time.ts";

/** Who reads a snapshot: what places are shared by. */
export interface Reader {
  readonly tenantId: string;
  /** The caller's name within its tenant. */
  readonly name: string;
}

export interface SnapshotLimits {
  /** Places in all. */
  readonly most: number;
  /** How many may wait in all, and of one caller. Default: 64 and 8. */
  readonly mostWaiting?: number;
  readonly mostWaitingOfOne?: number;
  /** How long one may wait while this process runs, in milliseconds. Default: 30,000. */
  readonly maxWaitMs?: number;
}

interface Waiting {
  readonly tenant: Share;
  readonly caller: Share;
  begin(): void;
}

/** What a tenant or a caller has. Kept as long as it has anything. */
interface Share {
  readonly key: string;
  running: number;
  waiting: number;
  /** When it last got a place, as a count of places given; 0: not since it came. */
  served: number;
}

export class SnapshotQueue {
  readonly #limits: Required<SnapshotLimits>;
  /** A caller has at most half of the places, so that none keeps all others waiting. */
  readonly #mostOfOne: number;
  readonly #shares = new Map<string, Share>();
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();
  #running = 0;
  #given = 0;

  constructor(limits: SnapshotLimits) {
    this.#limits = { mostWaiting: 64, mostWaitingOfOne: 8, maxWaitMs: 30_000, ...limits };
    this.#mostOfOne = Math.max(1, Math.floor(limits.most / 2));
  }

  /**
   * Waits for a place; what is returned gives it back, once. Throws OVERLOADED if too many wait or it is too long, and the
   * signal's reason when it aborts before.
   */
  async enter({ tenantId, name }: Reader, signal: Interrupt | undefined): Promise<() => void> {
    if (signal?.aborted) throw signal.reason;
    const tenant = this.#share(tenantId);
    const caller = this.#share(`${tenantId}/${name}`);
    try {
      if (this.#running < this.#limits.most && caller.running < this.#mostOfOne) this.#take(tenant, caller);
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
    const { mostWaiting, mostWaitingOfOne, maxWaitMs, most } = this.#limits;
    if (caller.waiting >= mostWaitingOfOne) throw tooMany(`${mostWaitingOfOne} of one caller`);
    if (this.#waiting.size >= mostWaiting) throw tooMany(`${mostWaiting}`);
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
        const rule = `at most ${most} run at once, ${this.#mostOfOne} of one caller`;
        reject(overloaded(`exports: ${rule}, and no place came free within ${maxWaitMs / 1_000} s`));
      });
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiting);
      tenant.waiting++;
      caller.waiting++;
    });
  }

  /** Gives the place that came free to the tenant that has the least, then to that which had its turn the longest ago. */
  #callNext(): void {
    let next: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (waiting.caller.running >= this.#mostOfOne) continue;
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
