// Writes entries of a turn together with what they change beside the log: the conversation's state, and who sees files.
import { filesIn } from "../../domain/files/named.ts";
import type { ReplyItem } from "../../domain/turns/reply-item.ts";
import { afterChanges, stateChangeIn } from "../../domain/turns/shared-state.ts";
import { Turns } from "../../pipeline/streams/time-slices.ts";
import { changeState } from "../../store/conversations/state.ts";
import type { Database, Queryable } from "../../store/database.ts";
import { type MadeUse, nameMadeFiles } from "../../store/files/made-files.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";

/**
 * Writes by `write`, which returns undefined where the turn had ended before. All happens or nothing, so that a write
 * that is repeated changes the state once.
 */
export function writeEntries<T>(
  database: Database,
  place: TurnPlace,
  items: readonly ReplyItem[],
  write: (on: Queryable) => Promise<T | undefined>,
): Promise<T | undefined> {
  const changes = items.flatMap(({ parts }) => parts.flatMap((part) => stateChangeIn(part) ?? []));
  const files = items.flatMap(filesOf);
  if (changes.length + files.length === 0) return write(database);
  const { tenantId, conversationId } = place;
  return database.transaction(
    undefined,
    async (tx) => {
      const written = await write(tx);
      if (written === undefined) return undefined;
      if (changes.length > 0) {
        const turns = new Turns();
        await changeState(tx, place, (text) => afterChanges(text, changes, () => turns.next()));
      }
      if (files.length > 0) await nameMadeFiles(tx, place, files);
      return written;
    },
    { conversation: { tenantId, id: conversationId } },
  );
}

function filesOf(item: ReplyItem): MadeUse[] {
  if (item.parts.length === 0 && !item.isGiven) return [];
  const { id: messageId, parts } = item.toEntry();
  return filesIn(parts).map(({ id: fileId }) => ({ messageId, fileId }));
}
