// Makes conversations forks of others: they inherit segments of other logs, and copy nothing.
import { OPEN, pathTo, type Run, type Segment } from "../../domain/branches/runs.ts";
import type { Queryable } from "../database.ts";
import { addLive, addRuns, liveTip, readRuns, readTips, type TreePlace } from "./branches.ts";
import * as sql from "./statements.ts";

/** Where a fork begins. */
export interface ForkPoint {
  readonly origin: TreePlace;
  /** The last entry; 0: the last one of the live branch. */
  readonly seq: bigint;
  /** The end of the origin's log. */
  readonly lastSeq: bigint;
  /** As of when the origin is shown; undefined: as it is now, locked. */
  readonly asOf?: Date;
}

/** Makes a new conversation, whose log is still empty, a fork. One without a message to inherit is as any other. */
export async function inherit(tx: Queryable, id: string, point: ForkPoint): Promise<void> {
  const { origin, lastSeq } = point;
  const { tenantId } = origin;
  const runs = await readRuns(tx, origin);
  const end = point.seq || (await liveTip(tx, tenantId, runs, lastSeq + 1n));
  const seq = point.seq || lastSeq;
  const [moment] = point.asOf === undefined ? await tx.query(sql.readMomentApart, []) : [{ now: point.asOf }];
  const path = (await endingWithEntry(tx, tenantId, pathTo(runs, end))).map((segment) => ({
    ...segment,
    asOf: segment.asOf ?? moment?.now ?? null,
  }));
  const inherited = path.map((segment, n): Run => ({ ...segment, parent: path[n - 1]?.to ?? 0n }));
  const own: Run = { from: seq + 1n, to: OPEN, source: id, asOf: null, parent: path.at(-1)?.to ?? 0n };
  const place = { tenantId, id, segmented: true };
  await tx.query(sql.markForked, [tenantId, id, origin.id, seq]);
  await addRuns(tx, place, [...inherited, own]);
  await addLive(tx, place, [...path, own]);
}

/** A path whose end is an entry, so that what comes next has one to follow. */
async function endingWithEntry(tx: Queryable, tenantId: string, path: Segment[]): Promise<Segment[]> {
  for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
    path.pop();
    const tip = (await readTips(tx, tenantId, [{ ...last, parent: 0n }])).get(last.from);
    if (tip !== undefined) return [...path, { ...last, to: tip }];
  }
  return [];
}
