// Replacing the messages of a conversation by a new list: as a difference by position, a piece at a time.

import type { Caller } from "../../domain/caller.ts";
import type { MessageDiff, MessageDraft } from "../../domain/message-diff.ts";
import { diffMessages } from "../../domain/message-diff.ts";
import type { Speaking } from "../../domain/speaking.ts";
import { type AuditOrigin, audit } from "../../store/audit/audit.ts";
import type { Queryable } from "../../store/database.ts";
import { applyDiff, type MessageRow, placesAfter, readMessagesAfter } from "../../store/messages/messages.ts";
import { toStoredMessage } from "../convert.ts";

/** The most messages that are read with their texts at once; fewer where they are long. */
const READ_PIECE = 200;

export interface ReplaceCounts {
  unchanged: number;
  edited: number;
  deleted: number;
  added: number;
}

/**
 * Makes the messages of a locked conversation those given, within one transaction: each statement does a bounded part of
 * it, so that none meets the limit of a statement, however long the conversation is.
 */
export async function replaceMessages(
  tx: Queryable,
  caller: Caller,
  id: string,
  wanted: readonly MessageDraft[],
  origin: AuditOrigin,
  speaking: Speaking,
): Promise<ReplaceCounts> {
  await speaking.checkList(caller, wanted, storedPieces(tx, caller, id));
  const counts: ReplaceCounts = { unchanged: 0, edited: 0, deleted: 0, added: 0 };
  const apply = async (diff: MessageDiff) => {
    await applyDiff(tx, caller, id, diff);
    counts.unchanged += diff.unchanged;
    counts.edited += diff.edits.length;
    counts.deleted += diff.deletions.length;
    counts.added += diff.additions.length;
  };

  let after = 0n;
  let place = 0;
  while (place < wanted.length) {
    const rows = await readMessagesAfter(tx, caller, id, after, Math.min(READ_PIECE, wanted.length - place));
    const counterparts = wanted.slice(place, place + rows.length);
    await apply(diffMessages(rows.map(toStoredMessage), counterparts));
    place += rows.length;
    after = rows.at(-1)?.seq ?? after;
    if (rows.length === 0) break;
  }
  if (place < wanted.length) {
    await apply({ unchanged: 0, edits: [], deletions: [], additions: wanted.slice(place) });
    return counts;
  }
  for (;;) {
    const deletions = await placesAfter(tx, caller, id, after);
    if (deletions.length === 0) break;
    await apply({ unchanged: 0, edits: [], deletions, additions: [] });
    after = deletions.at(-1)?.seq ?? after;
  }
  if (counts.deleted > 0) {
    const details = { count: counts.deleted };
    await audit(tx, caller, origin, {
      action: "message.replace",
      resourceType: "conversation",
      resourceId: id,
      details,
    });
  }
  return counts;
}

async function* storedPieces(tx: Queryable, caller: Caller, id: string): AsyncGenerator<MessageRow[]> {
  for (let after = 0n; ; ) {
    const rows = await readMessagesAfter(tx, caller, id, after, READ_PIECE);
    if (rows.length === 0) return;
    yield rows;
    after = rows.at(-1)?.seq ?? after;
  }
}
