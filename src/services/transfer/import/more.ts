// Lines of an import that add to a message: what it was before, and reactions.
import type { Queryable } from "../../../store/database.ts";
import { addReactions } from "../../../store/reactions/reactions.ts";
import { addRevisions } from "../../../store/transfer/import-entries.ts";
import type { ReactionsLine, RevisionsLine } from "./line.ts";

export type MoreLine = RevisionsLine | ReactionsLine;

/** Adds what the lines hold to messages that are there. Returns how many lines held nothing new. */
export async function addMore(tx: Queryable, tenantId: string, lines: readonly MoreLine[]): Promise<number> {
  let skipped = 0;
  for (const line of lines) {
    const added =
      line.kind === "revisions"
        ? await addRevisions(tx, tenantId, line.revisions)
        : await addReactions(tx, tenantId, line.reactions);
    if (added === 0) skipped++;
  }
  return skipped;
}
