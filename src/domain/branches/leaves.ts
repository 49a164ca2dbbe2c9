// The branches of a tree of runs: the paths to entries that nothing follows.
import { type Run, runOf } from "./runs.ts";

/** A branch, by its last entry. */
export interface Leaf {
  readonly tip: bigint;
  /** The run with which it left the branch that was there before; the first run of the tree for the first branch. */
  readonly begin: Run;
}

/**
 * The branches in the order of their last entries. The live one is among them even if what follows its end is hidden,
 * so that its end is inside another. `tips`: the last entry of each run that has one, by where the run begins.
 */
export function leavesOf(runs: readonly Run[], tips: ReadonlyMap<bigint, bigint>, liveTip: bigint): Leaf[] {
  const followed = new Set(runs.filter(({ from }) => tips.has(from)).map(({ parent }) => parent));
  const ends = [...new Set(tips.values())].filter((tip) => !followed.has(tip));
  if (liveTip > 0n && !ends.includes(liveTip)) ends.push(liveTip);
  return ends.toSorted((a, b) => (a < b ? -1 : 1)).flatMap((tip) => leafAt(runs, tips, tip) ?? []);
}

/** The branch that ends with an entry. */
export function leafAt(runs: readonly Run[], tips: ReadonlyMap<bigint, bigint>, tip: bigint): Leaf | undefined {
  let begin = runOf(runs, tip);
  if (begin === undefined) return undefined;
  // A run that follows the last entry of another is the same branch, gone on with later.
  for (let before = runOf(runs, begin.parent); before !== undefined; before = runOf(runs, begin.parent)) {
    const isLatest = !runs.some(
      (run) => run.parent === begin?.parent && run.from < (begin?.from ?? 0n) && tips.has(run.from),
    );
    if (tips.get(before.from) !== begin.parent || !isLatest) break;
    begin = before;
  }
  return { tip, begin };
}
