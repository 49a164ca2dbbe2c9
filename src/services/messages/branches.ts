// SelectBranch and ListBranches, and messages that are sent with a parent.
import { create } from "@bufbuild/protobuf";
import { type Branch, BranchSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { leafAt, leavesOf } from "../../domain/branches/leaves.ts";
import { newestUnder, OPEN, pathTo, type Run, type Segment } from "../../domain/branches/runs.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { EventType } from "../../domain/event-type.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { turnInProgress } from "../../domain/turns/in-progress.ts";
import * as store from "../../store/branches/branches.ts";
import { appendToLog, type LockedRow } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { openTurns } from "../../store/turns/turns.ts";

/** A tree as far as one transaction has read it. */
export interface Tree {
  readonly place: store.TreePlace;
  readonly runs: readonly Run[];
}

export async function readTree(
  on: Queryable,
  caller: Caller,
  { id, segmented }: Pick<LockedRow, "id" | "segmented">,
): Promise<Tree> {
  const place = { tenantId: caller.tenantId, id, segmented };
  return { place, runs: await store.readRuns(on, place) };
}

/**
 * The place of an entry that something is to follow, and its tree. Throws UNKNOWN_REFERENCE if there is no such entry.
 */
export async function requireParent(
  tx: Queryable,
  caller: Caller,
  row: Pick<LockedRow, "id" | "segmented">,
  parentId: string,
  field: string,
): Promise<Tree & { readonly parent: bigint }> {
  const tree = await readTree(tx, caller, row);
  const parent = isOurId(parentId) ? await store.seqOf(tx, tree.place, tree.runs, parentId.toLowerCase()) : undefined;
  if (parent !== undefined) return { ...tree, parent };
  const description = "is not an entry of the conversation";
  throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, `${field}: ${description}`, {
    violations: [{ field, description, rule: "reference" }],
  });
}

/**
 * Makes what is added next to a locked conversation follow an entry, if something else does so far. Throws
 * UNKNOWN_REFERENCE if there is no such entry, TURN_IN_PROGRESS if that would hide a message which an agent replies to.
 *
 * @returns whether a branch begins, whose first message must say its parent
 */
export async function followParent(
  tx: Queryable,
  caller: Caller,
  row: LockedRow,
  parentId: string,
  field: string,
): Promise<boolean> {
  const { place, runs, parent } = await requireParent(tx, caller, row, parentId, field);
  const next = row.last_seq + 1n;
  if ((await store.liveTip(tx, caller.tenantId, runs, next)) === parent) return false;
  await requireNoTurn(tx, caller, row.id);
  await store.goOnFrom(tx, place, runs, parent, next);
  return true;
}

/** Throws INVALID_FIELD unless the first alone has a parent: each of the others follows the one before it. */
export function checkParents(messages: readonly { readonly parentId: string }[]): void {
  const index = messages.findIndex(({ parentId }, place) => place > 0 && parentId !== "");
  if (index === -1) return;
  throw invalidField(`messages[${index}].parent_id`, "must be empty but for the first message", "parent_id.first");
}

/** Selects the branch of an entry in a locked conversation. One that is live already changes nothing. */
export async function selectBranch(tx: Queryable, caller: Caller, row: LockedRow, messageId: string): Promise<Branch> {
  const { place, runs } = await readTree(tx, caller, row);
  const seq = isOurId(messageId) ? await store.seqOf(tx, place, runs, messageId.toLowerCase(), "allowed") : undefined;
  if (!seq) throw notFound("message");
  const tips = await store.readTips(tx, caller.tenantId, runs);
  const now = await store.liveTip(tx, caller.tenantId, runs, row.last_seq + 1n);
  const tip = tipUnder(runs, tips, seq, now);
  if (tip !== now) await goTo(tx, caller, row, { place, runs }, tip);
  const leaf = leafAt(runs, tips, tip);
  const [branch] = leaf === undefined ? [] : await branchesOf(tx, caller, runs, [leaf], tip);
  return branch ?? create(BranchSchema);
}

/** Makes an entry the end of the live branch of a locked conversation, with a log entry that says so. */
export async function goTo(
  tx: Queryable,
  caller: Caller,
  row: LockedRow,
  { place, runs }: Tree,
  tip: bigint,
): Promise<void> {
  await requireNoTurn(tx, caller, row.id);
  const id = (await store.readIdsAt(tx, caller.tenantId, runs, [tip])).get(tip) ?? "";
  const event = { type: EventType.BRANCH_SELECTED, data: { message_id: id, message_seq: Number(tip) } };
  const at = await appendToLog(tx, caller, row.id, [event], { changesConversation: false });
  await store.goOnFrom(tx, place, runs, tip, at + 1n);
}

/** The last entry of the live branch if an entry is on that, else of the newest that it is on. */
function tipUnder(runs: readonly Run[], tips: ReadonlyMap<bigint, bigint>, seq: bigint, live: bigint): bigint {
  if (pathTo(runs, live).some(({ from, to }) => from <= seq && seq <= to)) return live;
  const newest = newestUnder(runs, seq, ({ from }) => !tips.has(from));
  const tip = newest && tips.get(newest.from);
  return tip === undefined || tip < seq ? seq : tip;
}

/** The path of the branch that SelectBranch would select. Undefined: there is no such entry. */
export async function pathOf(
  on: Queryable,
  caller: Caller,
  row: Pick<LockedRow, "id" | "segmented">,
  messageId: string,
): Promise<Segment[] | undefined> {
  const { place, runs } = await readTree(on, caller, row);
  const seq = isOurId(messageId) ? await store.seqOf(on, place, runs, messageId.toLowerCase(), "allowed") : undefined;
  if (!seq) return undefined;
  const live = await store.liveTip(on, caller.tenantId, runs, OPEN);
  return pathTo(runs, tipUnder(runs, await store.readTips(on, caller.tenantId, runs), seq, live));
}

/** The branches after one, by their last entries; `limit` of them. */
export async function readBranches(
  on: Queryable,
  caller: Caller,
  row: Pick<LockedRow, "id" | "segmented">,
  after: bigint,
  limit: number,
): Promise<Branch[]> {
  const { runs } = await readTree(on, caller, row);
  const tips = await store.readTips(on, caller.tenantId, runs);
  const live = await store.liveTip(on, caller.tenantId, runs, OPEN);
  const leaves = leavesOf(runs, tips, live).filter(({ tip }) => tip > after);
  return branchesOf(on, caller, runs, leaves.slice(0, limit), live);
}

async function branchesOf(
  on: Queryable,
  caller: Caller,
  runs: readonly Run[],
  leaves: ReturnType<typeof leavesOf>,
  live: bigint,
): Promise<Branch[]> {
  const forked = leaves.filter(({ begin }) => begin !== runs[0]);
  const firsts = await store.readFirsts(
    on,
    caller.tenantId,
    forked.map(({ begin }) => begin),
  );
  const seqs = leaves.flatMap(({ tip, begin }) => (begin.parent > 0n ? [tip, begin.parent] : [tip]));
  const ids = await store.readIdsAt(on, caller.tenantId, runs, [...new Set(seqs)]);
  return leaves.map(({ tip, begin }) =>
    create(BranchSchema, {
      messageId: ids.get(tip) ?? "",
      messageSeq: tip,
      firstMessageId: begin === runs[0] || begin.from > tip ? "" : (firsts.get(begin.from) ?? ""),
      parentId: begin === runs[0] ? "" : (ids.get(begin.parent) ?? ""),
      live: tip === live,
    }),
  );
}

async function requireNoTurn(tx: Queryable, caller: Caller, id: string): Promise<void> {
  const [open] = await openTurns(tx, caller.tenantId, id);
  if (open === undefined) return;
  throw turnInProgress(open);
}
