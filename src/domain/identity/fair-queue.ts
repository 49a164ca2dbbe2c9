// A queue that is fair to tenants, and within a tenant to its callers: whoever floods it waits for itself.
import { Line } from "./line.ts";
import type { Party } from "./party.ts";

export interface Waiter<T> extends Party {
  readonly item: T;
  /** Whether it goes before all that are not. */
  readonly urgent: boolean;
}

/** The waiting items of a tenant, by its callers, both in the order in which they are served. */
interface Lane<T> {
  readonly callers: Map<string, Line<Waiter<T>>>;
  size: number;
}

/**
 * Tenants take turns, and the callers of a tenant take that tenant's turns by turns; each caller's items keep their
 * order. Urgent items come first, in theirs.
 */
export class FairQueue<T> {
  readonly #urgent = new Set<Waiter<T>>();
  readonly #lanes = new Map<string, Lane<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(waiter: Waiter<T>): void {
    this.#size++;
    if (waiter.urgent) {
      this.#urgent.add(waiter);
      return;
    }
    const lane = this.#lanes.get(waiter.tenant) ?? { callers: new Map(), size: 0 };
    this.#lanes.set(waiter.tenant, lane);
    lane.size++;
    const waiting = lane.callers.get(waiter.caller);
    const line = waiting ?? new Line<Waiter<T>>();
    line.add(waiter);
    if (waiting === undefined) lane.callers.set(waiter.caller, line);
  }

  /** False if it does not wait. */
  delete(waiter: Waiter<T>): boolean {
    if (waiter.urgent) {
      if (!this.#urgent.delete(waiter)) return false;
      this.#size--;
      return true;
    }
    const lane = this.#lanes.get(waiter.tenant);
    const waiting = lane?.callers.get(waiter.caller);
    if (lane === undefined || !waiting?.delete(waiter)) return false;
    this.#size--;
    lane.size--;
    if (waiting.size === 0) lane.callers.delete(waiter.caller);
    if (lane.size === 0) this.#lanes.delete(waiter.tenant);
    return true;
  }

  /** Takes out the one whose turn it is; its tenant and caller come last after that. */
  next(): Waiter<T> | undefined {
    for (const waiter of this.#urgent) {
      this.delete(waiter);
      return waiter;
    }
    for (const [tenant, lane] of this.#lanes) {
      for (const [caller, waiting] of lane.callers) {
        const waiter = waiting.first();
        if (waiter === undefined) continue;
        this.delete(waiter);
        // A Map keeps the order of insertion.
        if (lane.callers.delete(caller)) lane.callers.set(caller, waiting);
        if (this.#lanes.delete(tenant)) this.#lanes.set(tenant, lane);
        return waiter;
      }
    }
    return undefined;
  }

  /** Whether nobody waits who would wait longer than this party's next item: neither tenant has more, nor caller. */
  isLongest({ tenant, caller }: Party): boolean {
    return this.#longest({ tenant, caller }) === undefined;
  }

  /**
   * The one that leaves if this party's next item is to have its place: the last of the longest caller of the longest
   * tenant, counted with that item. Undefined: that is the item itself.
   */
  displacedBy(party: Party): Waiter<T> | undefined {
    return this.#longest(party)?.last();
  }

  #longest(party: Party): Line<Waiter<T>> | undefined {
    let longest = this.#lanes.get(party.tenant);
    let most = (longest?.size ?? 0) + 1;
    for (const lane of this.#lanes.values()) {
      if (lane.size > most) [longest, most] = [lane, lane.size];
    }
    const own = longest === undefined || longest === this.#lanes.get(party.tenant);
    let found: Line<Waiter<T>> | undefined;
    most = own ? (longest?.callers.get(party.caller)?.size ?? 0) + 1 : 0;
    for (const waiting of longest?.callers.values() ?? []) {
      if (waiting.size > most) [found, most] = [waiting, waiting.size];
    }
    return found;
  }
}
