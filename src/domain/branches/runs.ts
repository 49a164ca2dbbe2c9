// A conversation's tree as runs: stretches of its log that were written while one branch was live.

/** The end of a run or segment that goes on. */
export const OPEN = 2n ** 63n - 1n;

/** A stretch of a log. `asOf`: of another conversation, as it was then; null: of this one. */
export interface Segment {
  readonly from: bigint;
  readonly to: bigint;
  /** The conversation whose log it is. */
  readonly source: string;
  readonly asOf: Date | null;
}

/** A stretch, and the entry that its first one follows; 0: none. */
export interface Run extends Segment {
  readonly parent: bigint;
}

/** The run that an entry belongs to. `runs` are in order; a parent always lies before its run. */
export function runOf(runs: readonly Run[], seq: bigint): Run | undefined {
  const index = indexOf(runs, seq);
  return index === undefined ? undefined : runs[index];
}

function indexOf(runs: readonly Run[], seq: bigint): number | undefined {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle] as Run).from <= seq) low = middle + 1;
    else high = middle;
  }
  const found = runs[low - 1];
  return found !== undefined && seq <= found.to ? low - 1 : undefined;
}

/** The path from the beginning to an entry, in order. One step for each run on it, whatever it holds. */
export function pathTo(runs: readonly Run[], seq: bigint): Segment[] {
  const path: Segment[] = [];
  for (let end = seq; end > 0n; ) {
    const run = runOf(runs, end);
    if (run === undefined) break;
    const { from, source, asOf } = run;
    path.push({ from, to: end, source, asOf });
    end = run.parent;
  }
  return path.reverse();
}

/** The latest run with entries that follow an entry or are it; `isEmpty` tells runs without entries. */
export function newestUnder(runs: readonly Run[], seq: bigint, isEmpty: (run: Run) => boolean): Run | undefined {
  const start = indexOf(runs, seq);
  if (start === undefined) return undefined;
  const under = new Set([start]);
  let newest = runs[start];
  for (let index = start + 1; index < runs.length; index++) {
    const run = runs[index] as Run;
    const parent = run.parent === 0n ? undefined : indexOf(runs, run.parent);
    if (parent === undefined || !under.has(parent) || (parent === start && run.parent < seq)) continue;
    under.add(index);
    if (!isEmpty(run)) newest = run;
  }
  return newest;
}

/**
 * The parts of `path` that `other` does not have. Both are in order; what they share, they share from the beginning.
 */
export function without(path: readonly Segment[], other: readonly Segment[]): Segment[] {
  let shared = 0;
  while (shared < path.length && isSame(path[shared], other[shared])) shared++;
  const [first, ...rest] = path.slice(shared);
  const beside = other[shared];
  if (first === undefined) return [];
  if (beside?.from !== first.from) return [first, ...rest];
  return first.to > beside.to ? [{ ...first, from: beside.to + 1n }, ...rest] : rest;
}

function isSame(one: Segment | undefined, other: Segment | undefined): boolean {
  return one?.from === other?.from && one?.to === other?.to;
}
