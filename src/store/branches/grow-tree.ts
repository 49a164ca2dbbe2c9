// Grows the tree of a conversation in memory by all that an import adds, and writes what differs: as goOnFrom, once for
// many.
import { OPEN, pathTo, type Run, type Segment, without } from "../../domain/branches/runs.ts";
import type { Queryable } from "../database.ts";
import { addLive, addRuns, countIn, MAX_RUNS, readRuns, readTips, type TreePlace, tooManyRuns } from "./branches.ts";
import * as sql from "./statements.ts";

/** A tree while entries are added to its log, in order. */
export class GrowingTree {
  /** The runs as they are by now. */
  readonly runs: Run[];
  readonly #place: TreePlace;
  readonly #before: readonly Run[];
  /** The last entry of the open run; undefined: it has none. */
  #tip: bigint | undefined;
  /** The place up to which the log was when the last run began. Undefined: none has. */
  #end: bigint | undefined;

  private constructor(place: TreePlace, runs: readonly Run[], tip: bigint | undefined) {
    this.#place = place;
    this.#before = runs;
    this.runs = [...runs];
    this.#tip = tip;
  }

  /** @param first the place in the log from which on its entries are told by {@link add} */
  static async read(tx: Queryable, place: TreePlace, first: bigint): Promise<GrowingTree> {
    const runs = await readRuns(tx, place);
    const open = runs.at(-1);
    const tips = open && (await readTips(tx, place.tenantId, [open], first - 1n));
    return new GrowingTree(place, runs, open && tips?.get(open.from));
  }

  /** A message comes next. */
  add(seq: bigint): void {
    this.#tip = seq;
  }

  /** What comes at a place follows an entry. Throws CONFLICT if the conversation has too many stretches. */
  goOnFrom(parent: bigint, at: bigint): void {
    const open = this.runs.at(-1);
    if ((this.#tip ?? open?.parent ?? 0n) === parent) return;
    if (this.runs.length >= MAX_RUNS) throw tooManyRuns();
    if (open !== undefined) {
      this.runs.pop();
      if (this.#tip !== undefined) this.runs.push({ ...open, to: at - 1n });
    }
    this.runs.push({ from: at, to: OPEN, parent, source: this.#place.id, asOf: null });
    this.#tip = undefined;
    this.#end = at - 1n;
  }

  /** Writes the runs and the live path, and counts what that shows and hides of what was counted as it was added. */
  async write(tx: Queryable): Promise<void> {
    const { tenantId, id, segmented } = this.#place;
    const [was, now] = [this.#before.at(-1), this.runs.at(-1)];
    if (now === undefined || this.#end === undefined) return;
    const stays = ({ from, parent }: Run) => from === was?.from && parent === was.parent;
    if (was !== undefined && segmented) {
      await tx.query(sql.endRun, [tenantId, id, was.from, this.runs.find(stays)?.to ?? null]);
    }
    const isNew = (run: Run) => !segmented || was === undefined || (run.from >= was.from && !stays(run));
    await addRuns(tx, this.#place, this.runs.filter(isNew));

    const { parent: _, ...end } = now;
    const path = pathTo(this.runs, now.parent);
    const counted: Segment[] =
      was === undefined ? [] : [...pathTo(this.#before, was.parent), { ...segmentOf(was), to: this.#end }];
    const stored = segmented && was !== undefined ? [...counted.slice(0, -1), segmentOf(was)] : [];
    const differs = stored.findIndex((segment, n) => segment.from !== path[n]?.from || segment.to !== path[n]?.to);
    const same = differs === -1 ? stored.length : differs;
    const cut = stored[same]?.from;
    if (cut !== undefined) await tx.query(sql.cutLive, [tenantId, id, cut]);
    await addLive(tx, this.#place, [...path.slice(same), end]);
    const gained = await countIn(tx, this.#place, without(path, counted));
    const lost = await countIn(tx, this.#place, without(counted, path));
    await tx.query(sql.markSegmented, [tenantId, id, gained - lost]);
  }
}

function segmentOf({ from, to, source, asOf }: Run): Segment {
  return { from, to, source, asOf };
}
