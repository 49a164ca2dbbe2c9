// Entries of a new turn that its conversation has already: they are found by their client ids, and stand where they are.
import { pathTo, type Run } from "../../domain/branches/runs.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { clientIdTaken } from "../../domain/messages/client-ids.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import { liveTip } from "../../store/branches/branches.ts";
import type { LockedRow } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { findSent, usedClientIds } from "../../store/messages/client-ids.ts";
import { type MessageRow, readLockedMessage } from "../../store/messages/messages.ts";
import { followParent, goTo, readTree } from "../messages/branches.ts";

/** By client id. */
export type KnownEntries = ReadonlyMap<string, MessageRow>;

export const NONE_KNOWN: ReadonlyMap<string, MessageRow> = new Map();

/** What a turn adds next to, and what of it is there. */
export interface EntriesPlace {
  /** The parent of the first added entry, where a branch begins with it; else empty. */
  readonly parentId: string;
  readonly known: KnownEntries;
}

/**
 * Makes what is added next to a locked conversation follow an entry, or those of `drafts` that are there after it. Throws
 * ALREADY_EXISTS if an entry with the client id of one of them is another, or on another branch.
 *
 * @param tip the number of the entry; default: the last of the live branch
 */
export async function placeAfter(
  tx: Queryable,
  caller: Caller,
  row: LockedRow,
  drafts: readonly MessageDraft[],
  tip?: bigint,
): Promise<EntriesPlace> {
  const known = await findKnown(tx, caller, row.id, drafts);
  if (known.size === 0 && tip === undefined) return { parentId: "", known };
  if (known.size === 0) return { parentId: await follow(tx, caller, row, tip ?? 0n), known };
  const tree = await readTree(tx, caller, row);
  const live = await liveTip(tx, caller.tenantId, tree.runs, row.last_seq + 1n);
  const end = endOf(tree.runs, tip ?? live, drafts, known);
  if (end === live) return { parentId: "", known };
  if (known.size < drafts.length) return { parentId: await follow(tx, caller, row, end), known };
  // No added entry will say what it follows.
  await goTo(tx, caller, row, tree, end);
  return { parentId: "", known };
}

async function findKnown(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  drafts: readonly MessageDraft[],
): Promise<KnownEntries> {
  const clientIds = drafts.flatMap(({ clientId }) => clientId ?? []);
  if (clientIds.length === 0) return NONE_KNOWN;
  const found = await usedClientIds(tx, caller, conversationId, clientIds);
  const known = new Map<string, MessageRow>();
  for (const [index, draft] of drafts.entries()) {
    const { clientId } = draft;
    if (clientId === undefined || !found.has(clientId)) continue;
    const stored = await findSent(tx, caller, conversationId, draft);
    if (stored?.same === false) throw clientIdTaken(fieldOf(index));
    if (stored !== undefined) known.set(clientId, stored);
  }
  return known;
}

/** The last of an entry and the known ones that lie after it. */
function endOf(runs: readonly Run[], tip: bigint, drafts: readonly MessageDraft[], known: KnownEntries): bigint {
  const before = pathTo(runs, tip);
  const isOn = (path: typeof before, seq: bigint) => path.some(({ from, to }) => from <= seq && seq <= to);
  const after = [...known.values()].filter(({ seq }) => !isOn(before, seq));
  if (after.length === 0) return tip;
  const end = after.reduce((last, { seq }) => (seq > last ? seq : last), 0n);
  const path = pathTo(runs, end);
  const apart = isOn(path, tip) ? after.find(({ seq }) => !isOn(path, seq)) : after[0];
  if (apart === undefined) return end;
  const index = drafts.findIndex(({ clientId }) => clientId === apart.client_id);
  throw clientIdTaken(fieldOf(index), "a message of another branch has it");
}

async function follow(tx: Queryable, caller: Caller, row: LockedRow, seq: bigint): Promise<string> {
  const entry = await readLockedMessage(tx, caller, row.id, seq);
  if (entry === undefined) throw new Error("an entry is gone although its conversation is locked");
  return (await followParent(tx, caller, row, entry.id, "previous_turn_id")) ? entry.id : "";
}

function fieldOf(index: number): string {
  return `messages[${index}].client_id`;
}
