// Branches of an import: they follow from the parents of its messages, and from which branch was selected when.
import { runOf } from "../../../domain/branches/runs.ts";
import { EventType } from "../../../domain/event-type.ts";
import { inherit } from "../../../store/branches/forks.ts";
import { GrowingTree } from "../../../store/branches/grow-tree.ts";
import type { Queryable } from "../../../store/database.ts";
import type { ImportedConversation } from "../../../store/transfer/import.ts";
import type { ImportedItem, PlacedItem, ThereRow } from "../../../store/transfer/import-entries.ts";
import { readTreeRow } from "../../../store/transfer/import-tree.ts";

type ImportedEvent = Extract<ImportedItem, { kind: "event" }>;

/** The message that an entry selects the branch of. */
export function namedBy({ row }: ImportedEvent): string[] {
  return row.type === EventType.BRANCH_SELECTED ? [String(row.data.message_id)] : [];
}

/** An entry after which the live branch may be another one, and what it goes on from. */
interface Turn {
  readonly conversationId: string;
  /** The first place of what goes on. */
  readonly at: bigint;
  /** The entry that it follows; undefined: one that is not here. */
  readonly parent: Parent | undefined;
}

interface Parent {
  readonly seq: bigint;
  readonly conversationId: string;
}

/**
 * Makes the trees of conversations what their new entries, all added already, say, and links new forks to what they
 * inherit, as far as that is here: each after its origin, whose branches say what that is.
 */
export async function branchImported(
  tx: Queryable,
  tenantId: string,
  placed: readonly PlacedItem[],
  there: ReadonlyMap<string, ThereRow>,
  added: readonly ImportedConversation[],
): Promise<void> {
  const turns = Map.groupBy(turnsOf(placed, there), ({ conversationId }) => conversationId);
  const logs = Map.groupBy(
    placed.filter(({ item }) => item.kind === "message"),
    ({ item }) => (item.kind === "message" ? item.row.conversation_id : item.conversationId),
  );
  const branch = (id: string, own: readonly Turn[] = []) =>
    branchOne(
      tx,
      { tenantId, id },
      own,
      (logs.get(id) ?? []).map(({ seq }) => seq),
    );
  const forks = new Map(added.filter(({ origin }) => origin !== null).map((item) => [item.id, item]));
  for (const [id, own] of turns) if (!forks.has(id)) await branch(id, own);
  for (const [id, item] of forks) {
    await linkFork(tx, tenantId, item);
    await branch(id, turns.get(id));
  }
}

/** @param messages the places of the new messages, in order */
async function branchOne(
  tx: Queryable,
  { tenantId, id }: { readonly tenantId: string; readonly id: string },
  turns: readonly Turn[],
  messages: readonly bigint[],
): Promise<void> {
  const [first] = turns;
  if (first === undefined) return;
  const segmented = (await readTreeRow(tx, tenantId, id))?.segmented ?? false;
  let next = messages.findIndex((seq) => seq >= first.at);
  if (next === -1) next = messages.length;
  const tree = await GrowingTree.read(tx, { tenantId, id, segmented }, first.at);
  for (const { at, parent } of turns) {
    for (let seq = messages[next]; seq !== undefined && seq < at; seq = messages[++next]) tree.add(seq);
    if (parent !== undefined && isKnown(tree.runs, parent)) tree.goOnFrom(parent.seq, at);
  }
  await tree.write(tx);
}

async function linkFork(tx: Queryable, tenantId: string, fork: ImportedConversation): Promise<void> {
  const { id, origin, createTime } = fork;
  if (origin === null || origin.id === id) return;
  const there = await readTreeRow(tx, tenantId, origin.id);
  if (there === undefined || there.last_seq < origin.seq) return;
  const place = { tenantId, id: origin.id, segmented: there.segmented };
  await inherit(tx, id, { origin: place, seq: origin.seq, lastSeq: there.last_seq, asOf: createTime });
}

/** Whether a parent is on the tree; 0 is its root. */
function isKnown(runs: Parameters<typeof runOf>[0], { seq, conversationId }: Parent): boolean {
  return seq === 0n || runOf(runs, seq)?.source === conversationId;
}

function turnsOf(placed: readonly PlacedItem[], there: ReadonlyMap<string, ThereRow>): Turn[] {
  /** The last entry of each conversation, where it is known to be the end of the live branch. */
  const ends = new Map<string, string>();
  return placed.flatMap(({ item, seq }): Turn[] => {
    if (item.kind === "event") {
      const [named] = namedBy(item);
      if (named === undefined) return [];
      ends.delete(item.conversationId);
      return [{ conversationId: item.conversationId, at: seq + 1n, parent: parentOf(there.get(named)) }];
    }
    const { conversation_id: conversationId, id, parent_id: parentId } = item.row;
    const end = ends.get(conversationId);
    ends.set(conversationId, id);
    if (parentId === null || parentId === end) return [];
    return [
      {
        conversationId,
        at: seq,
        parent: parentId === conversationId ? { seq: 0n, conversationId } : parentOf(there.get(parentId)),
      },
    ];
  });
}

function parentOf(row: ThereRow | undefined): Parent | undefined {
  return row && { seq: row.seq, conversationId: row.conversation_id };
}
