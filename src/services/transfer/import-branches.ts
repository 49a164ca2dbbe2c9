// Branches of an import: they follow from the parents of its messages, and from which branch was selected when.
import { EventType } from "../../domain/event-type.ts";
import * as store from "../../store/branches/branches.ts";
import type { Queryable } from "../../store/database.ts";
import type { ImportedItem, PlacedItem, ThereRow } from "../../store/transfer/import-entries.ts";
import { readSegmented } from "../../store/transfer/import-tree.ts";

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
  readonly parent: bigint | undefined;
}

/** Makes the trees of conversations what their new entries, all added already, say. */
export async function branchImported(
  tx: Queryable,
  tenantId: string,
  placed: readonly PlacedItem[],
  there: ReadonlyMap<string, ThereRow>,
): Promise<void> {
  const turns = turnsOf(placed, there);
  for (const [id, own] of Map.groupBy(turns, ({ conversationId }) => conversationId)) {
    for (const { at, parent } of own) {
      if (parent === undefined) continue;
      const place = { tenantId, id, segmented: await readSegmented(tx, tenantId, id) };
      const runs = await store.readRuns(tx, place);
      if ((await store.liveTip(tx, tenantId, runs, at)) !== parent) await store.goOnFrom(tx, place, runs, parent, at);
    }
  }
}

function turnsOf(placed: readonly PlacedItem[], there: ReadonlyMap<string, ThereRow>): Turn[] {
  /** The last entry of each conversation, where it is known to be the end of the live branch. */
  const ends = new Map<string, string>();
  return placed.flatMap(({ item, seq }): Turn[] => {
    if (item.kind === "event") {
      const [named] = namedBy(item);
      if (named === undefined) return [];
      ends.delete(item.conversationId);
      const found = there.get(named);
      const parent = found?.conversation_id === item.conversationId && found.seq < seq ? found.seq : undefined;
      return [{ conversationId: item.conversationId, at: seq + 1n, parent }];
    }
    const { conversation_id: conversationId, id, parent_id: parentId } = item.row;
    const end = ends.get(conversationId);
    ends.set(conversationId, id);
    if (parentId === null || parentId === end) return [];
    return [{ conversationId, at: seq, parent: parentId === conversationId ? 0n : there.get(parentId)?.seq }];
  });
}
