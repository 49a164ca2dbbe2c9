// Divides what must be refused among those who call: whoever calls most is refused first, down to what the others have.
import type { Party } from "../domain/identity/party.ts";

/** The calls of a window, by tenant and caller. */
type Counts = Map<string, { calls: number; readonly callers: Map<string, number> }>;

export class FairShare {
  #counts: Counts = new Map();
  #shares = new Map<string, Map<string, number>>();

  /** Counts a call of this window. */
  count({ tenant, caller }: Party): void {
    const counted = this.#counts.get(tenant);
    if (counted === undefined) this.#counts.set(tenant, { calls: 1, callers: new Map([[caller, 1]]) });
    else {
      counted.calls++;
      counted.callers.set(caller, (counted.callers.get(caller) ?? 0) + 1);
    }
  }

  /** Ends a window: of as many calls as it had, this share is to be refused in the next. */
  divide(share: number): void {
    const counts = this.#counts;
    this.#counts = new Map();
    this.#shares = new Map();
    if (share <= 0) return;
    const tenants = [...counts.values()].map(({ calls }) => calls);
    const level = levelOf(tenants, share * sum(tenants));
    for (const [tenant, { calls, callers }] of counts) {
      if (calls <= level) continue;
      const each = levelOf([...callers.values()], calls - level);
      const refused = [...callers].filter(([, count]) => count > each);
      this.#shares.set(tenant, new Map(refused.map(([caller, count]) => [caller, 1 - each / count])));
    }
  }

  /** The share of its calls that is to be refused: 0 for those who call no more than their part. */
  of({ tenant, caller }: Party): number {
    return this.#shares.get(tenant)?.get(caller) ?? 0;
  }
}

/** Down to which all must be cut so that `excess` of them is cut off together. */
export function levelOf(counts: readonly number[], excess: number): number {
  const sorted = counts.toSorted((a, b) => b - a);
  let above = 0;
  for (const [index, count] of sorted.entries()) {
    above += count;
    const level = (above - excess) / (index + 1);
    // The next one stays below it.
    if (level >= (sorted[index + 1] ?? 0)) return Math.max(0, level);
  }
  return 0;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
