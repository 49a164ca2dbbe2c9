// Reads and changes the trees of conversations, and their live paths.
import { OPEN, pathTo, type Run, runOf, type Segment, without } from "../../domain/branches/runs.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./statements.ts";

/** A conversation whose tree is read; `segmented`: it has one that is stored. */
export interface TreePlace {
  readonly tenantId: string;
  readonly id: string;
  readonly segmented: boolean;
}

/** Maximum stretches of a conversation: each regeneration, edit and selection may begin one. */
export const MAX_RUNS = 10_000;

/** Waiting does not help, so it is no quota. */
export function tooManyRuns(): DomainError {
  const limit = `the conversation has ${MAX_RUNS} stretches of branches, the most that it may have`;
  return new DomainError(ErrorReason.CONFLICT, `${limit}: go on at the end of its live branch, or in a fork`);
}

/** The runs of a conversation, in order. One that never branched is a single run. */
export async function readRuns(on: Queryable, { tenantId, id, segmented }: TreePlace): Promise<Run[]> {
  if (!segmented) return [{ from: 1n, to: OPEN, parent: 0n, source: id, asOf: null }];
  const rows = await on.query(sql.readRuns, [tenantId, id]);
  return rows.map((row) => ({
    from: row.from_seq,
    to: row.to_seq,
    parent: row.parent_seq,
    source: row.source_id,
    asOf: row.as_of,
  }));
}

/** The columns of segments, as arrays. */
export function segmentColumns(segments: readonly Segment[]): [bigint[], bigint[], string[], (Date | null)[]] {
  return [
    segments.map(({ from }) => from),
    segments.map(({ to }) => to),
    segments.map(({ source }) => source),
    segments.map(({ asOf }) => asOf),
  ];
}

/** The last entry of each run that has one, up to a place, by where the run begins. */
export async function readTips(
  on: Queryable,
  tenantId: string,
  runs: readonly Run[],
  upTo = OPEN,
): Promise<Map<bigint, bigint>> {
  const ends = runs.map(({ to }) => (to > upTo ? upTo : to));
  const rows = await on.query(sql.readTips, [
    tenantId,
    runs.map(({ source }) => source),
    runs.map((r) => r.from),
    ends,
  ]);
  return new Map(rows.map(({ from_seq, seq }) => [from_seq, seq]));
}

/** The last entry of the live path before a place; 0: none. */
export async function liveTip(on: Queryable, tenantId: string, runs: readonly Run[], before: bigint): Promise<bigint> {
  const open = runs.at(-1);
  if (open === undefined) return 0n;
  return (await readTips(on, tenantId, [open], before - 1n)).get(open.from) ?? open.parent;
}

/**
 * Makes the path to an entry, and all that comes from a place in the log on, the live path of a locked conversation:
 * what is added there next follows that entry. What the log holds after the place already stays counted as it is.
 * Throws CONFLICT if the conversation has too many stretches.
 */
export async function goOnFrom(
  tx: Queryable,
  place: TreePlace,
  runs: readonly Run[],
  parent: bigint,
  at: bigint,
): Promise<void> {
  const { tenantId, id } = place;
  if (runs.length >= MAX_RUNS) {
    throw tooManyRuns();
  }
  const open = runs.at(-1);
  const before = open === undefined ? [] : [...pathTo(runs, open.parent), { ...open, to: at - 1n }];
  const path = pathTo(runs, parent);
  const end = { from: at, to: OPEN, source: id, asOf: null };

  if (open !== undefined) {
    const isEmpty = (await readTips(tx, tenantId, [open], at - 1n)).size === 0;
    if (place.segmented) await tx.query(sql.endRun, [tenantId, id, open.from, isEmpty ? null : at - 1n]);
    else if (!isEmpty) await addRuns(tx, place, [{ ...open, to: at - 1n }]);
  }
  await addRuns(tx, place, [{ ...end, parent }]);

  const [lost, gained] = [without(before, path), without(path, before)];
  const stored = place.segmented ? before : [];
  const kept = stored.findIndex((segment, n) => segment.from !== path[n]?.from || segment.to !== path[n]?.to);
  const same = kept === -1 ? stored.length : kept;
  const cut = stored[same]?.from;
  if (cut !== undefined) await tx.query(sql.cutLive, [tenantId, id, cut]);
  await addLive(tx, place, [...path.slice(same), end]);
  const count = (await countIn(tx, place, gained)) - (await countIn(tx, place, lost));
  await tx.query(sql.markSegmented, [tenantId, id, count]);
}

/** The messages of its own that segments show. */
export async function countIn(
  tx: Queryable,
  { tenantId, id }: TreePlace,
  segments: readonly Segment[],
): Promise<bigint> {
  const own = segments.filter(({ source }) => source === id);
  if (own.length === 0) return 0n;
  const [from, to] = segmentColumns(own);
  return (await tx.query(sql.countMessages, [tenantId, id, from, to]))[0]?.count ?? 0n;
}

/** Adds runs to a conversation. */
export async function addRuns(tx: Queryable, { tenantId, id }: TreePlace, runs: readonly Run[]): Promise<void> {
  const [from, to, source, asOf] = segmentColumns(runs);
  await tx.query(sql.addRuns, [tenantId, id, from, to, runs.map(({ parent }) => parent), source, asOf]);
}

/** Adds segments to the live path of a conversation. */
export async function addLive(tx: Queryable, { tenantId, id }: TreePlace, segments: readonly Segment[]): Promise<void> {
  await tx.query(sql.addLive, [tenantId, id, ...segmentColumns(segments)]);
}

/**
 * The place of an entry, if it is of the conversation or one that it inherits; its own id is 0. A deleted one keeps its
 * place, and can be asked for where a branch is named by it.
 */
export async function seqOf(
  on: Queryable,
  { tenantId, id }: TreePlace,
  runs: readonly Run[],
  entryId: string,
  deleted: "none" | "allowed" = "none",
): Promise<bigint | undefined> {
  if (entryId === id) return 0n;
  const [found] = await on.query(sql.placeOf, [tenantId, entryId]);
  if (found === undefined || (found.deleted && deleted === "none")) return undefined;
  return runOf(runs, found.seq)?.source === found.conversation_id ? found.seq : undefined;
}

/** The ids of entries by their places. */
export async function readIdsAt(
  on: Queryable,
  tenantId: string,
  runs: readonly Run[],
  seqs: readonly bigint[],
): Promise<Map<bigint, string>> {
  const sources = seqs.map((seq) => runOf(runs, seq)?.source ?? null);
  const rows = await on.query(sql.readIdsAt, [tenantId, sources, seqs]);
  return new Map(rows.map(({ seq, id }) => [seq, id]));
}

/** The ids of the first entries of runs, by where they begin. */
export async function readFirsts(on: Queryable, tenantId: string, runs: readonly Run[]): Promise<Map<bigint, string>> {
  const [from, to, source] = segmentColumns(runs);
  const rows = await on.query(sql.readFirsts, [tenantId, source, from, to]);
  return new Map(rows.map(({ from_seq, id }) => [from_seq, id]));
}
