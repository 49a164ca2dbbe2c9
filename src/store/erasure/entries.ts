// Empties entries of a log: what they said, who said it, and what hangs on them.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Transaction } from "../database.ts";
import { releaseFiles } from "../files/erasure.ts";
import { applyDiff } from "../messages/messages.ts";
import * as sql from "./statements.ts";

export interface Emptied {
  readonly revisions: number;
  readonly reactions: number;
}

/**
 * Deletes those of the entries that are shown still, with events in the log, and empties all of them. The conversation
 * is locked.
 *
 * @param kept the member whose files are not released here, for they are erased with the member
 * @returns how many revisions and reactions went with the entries
 */
export async function eraseEntries(
  tx: Transaction,
  server: Caller,
  conversationId: string,
  entries: readonly sql.ErasedEntry[],
  kept?: string,
): Promise<Emptied> {
  const { tenantId } = server;
  const seqs = entries.map(({ seq }) => seq);
  const deletions = entries
    .filter(({ deleted }) => !deleted)
    .map(({ id, seq, kind }) => ({ id, seq, kind: kind ?? MessageKind.MESSAGE }));
  await applyDiff(tx, server, conversationId, { unchanged: 0, edits: [], deletions, additions: [] });
  // No member has the empty id.
  const [emptied] = await tx.query(sql.emptyEntries, [tenantId, conversationId, seqs, kept ?? ""]);
  if (emptied?.files) await releaseFiles(tx, tenantId, emptied.files);
  return { revisions: Number(emptied?.revisions ?? 0n), reactions: Number(emptied?.reactions ?? 0n) };
}
