// Writes what edits make of messages, with the files that they name.
import type { Caller } from "../../domain/identity/caller.ts";
import type { MessageEdit } from "../../domain/messages/diff.ts";
import type { Queryable } from "../database.ts";
import { nameFilesOfEdits } from "../files/named-files.ts";
import { columnsOf } from "./sends.ts";
import * as sql from "./statements.ts";

/** How errors name what a difference edits and adds, by its places there. */
export interface DiffFields {
  readonly edit: (index: number) => string;
  readonly addition: (index: number) => string;
}

export const ONE_MESSAGE: DiffFields = { edit: () => "message", addition: () => "message" };

/** For messages of a locked conversation. Throws UNKNOWN_REFERENCE for a file that the caller does not see. */
export async function editRows(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  edits: readonly MessageEdit[],
  fieldOf: DiffFields["edit"],
): Promise<void> {
  const place = [caller.tenantId, conversationId, caller.actor];
  const seqs = edits.map(({ before }) => before.seq);
  await tx.query(sql.editMessages, [...place, seqs, ...columnsOf(edits), edits.map(({ parts }) => parts ?? null)]);
  await nameFilesOfEdits(tx, caller, conversationId, edits, fieldOf);
}
