// Writes the end of a turn. If a turn that discards its entries fails, they are deleted in the same transaction.
import type { ReplyItem } from "../../domain/turns/reply-item.ts";
import { leavesNothing, TurnState } from "../../domain/turns/turn.ts";
import type { Database, Queryable } from "../../store/database.ts";
import { discardEntries } from "../../store/turns/records.ts";
import type { TurnEnding, TurnPlace, TurnRow } from "../../store/turns/turns.ts";
import { writeEntries } from "./write-entries.ts";

/**
 * What was cut off is kept, and so is what was cancelled.
 *
 * @param write ends the turn; undefined: it had ended before
 * @param items what it writes, which may change the conversation's state
 */
export function writeEnd(
  database: Database,
  place: TurnPlace,
  discards: boolean,
  { state, finish }: TurnEnding,
  write: (on: Queryable) => Promise<TurnRow | undefined>,
  items: readonly ReplyItem[] = [],
): Promise<TurnRow | undefined> {
  if (!leavesNothing(discards, state, finish)) {
    return writeEntries(database, place, items, write);
  }
  const { tenantId, conversationId } = place;
  const conversation = { tenantId, id: conversationId };
  return database.transaction(
    undefined,
    async (tx) => {
      const row = await write(tx);
      if (row?.state === TurnState.FAILED) await discardEntries(tx, place);
      return row;
    },
    { conversation },
  );
}
