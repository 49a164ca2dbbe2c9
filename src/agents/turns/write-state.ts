// Writes entries of a turn together with what they change of the conversation's state.
import type { ReplyItem } from "../../domain/turns/reply-item.ts";
import { afterChanges, stateChangeIn } from "../../domain/turns/shared-state.ts";
import { changeState } from "../../store/conversations/state.ts";
import type { Database, Queryable } from "../../store/database.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";

/**
 * Writes by `write`, which returns undefined where the turn had ended before. Both happen or neither, so that a write that is
 * repeated changes the state once.
 */
export function withState<T>(
  database: Database,
  place: TurnPlace,
  items: readonly ReplyItem[],
  write: (on: Queryable) => Promise<T | undefined>,
): Promise<T | undefined> {
  const changes = items.flatMap(({ parts }) => parts.flatMap((part) => stateChangeIn(part) ?? []));
  if (changes.length === 0) return write(database);
  const { tenantId, conversationId } = place;
  return database.transaction(
    undefined,
    async (tx) => {
      const written = await write(tx);
      if (written !== undefined) await changeState(tx, place, (text) => afterChanges(text, changes));
      return written;
    },
    { conversation: { tenantId, id: conversationId } },
  );
}
