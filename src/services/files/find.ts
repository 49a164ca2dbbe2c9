// Finds a file that a request asks for.
import type { Interrupt } from "../../domain/cancellation.ts";
import { notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { Queryable } from "../../store/database.ts";
import { type FileRow, readFile, readHeldFile } from "../../store/files/files.ts";

/** Throws NOT_FOUND unless the caller sees it, or asked for what a legal hold keeps and may see that. */
export async function findFile(
  on: Queryable,
  caller: Caller,
  { fileId: id, showHeld }: { readonly fileId: string; readonly showHeld: boolean },
  interrupt: Interrupt,
): Promise<FileRow> {
  const seen = isOurId(id) ? await readFile(on, caller, id, interrupt) : undefined;
  const row = seen ?? (showHeld && isOurId(id) ? await readHeldFile(on, caller, id, interrupt) : undefined);
  if (row === undefined) throw notFound("file");
  return row;
}
