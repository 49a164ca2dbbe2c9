// The files that messages name, as the statements that add and edit messages need them.

import type { Interrupt } from "../../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { filesIn, type NamedFile } from "../../domain/files/named.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { MessageDraft, MessageEdit } from "../../domain/messages/diff.ts";
import type { Queryable, Statement } from "../database.ts";
import { IS_KEPT } from "./access.ts";
import { nameFiles } from "./files.ts";

/** The files of each message; undefined: none names any. */
export function namedFiles(
  drafts: readonly { readonly parts?: string | null | undefined }[],
): NamedFile[][] | undefined {
  let any = false;
  const named = drafts.map(({ parts }) => {
    const files = filesIn(parts);
    any ||= files.length > 0;
    return files;
  });
  return any ? named : undefined;
}

/** The files, each once, and for each pair of a message and a file the ordinal of the message and the file. */
export function fileColumnsOf(named: readonly (readonly NamedFile[])[]): [string[], number[], string[]] {
  const pairs = named.flatMap((files, index) => files.map(({ id }) => [index + 1, id] as const));
  return [[...new Set(pairs.map(([, id]) => id))], pairs.map(([ordinal]) => ordinal), pairs.map(([, id]) => id)];
}

/**
 * Throws UNKNOWN_REFERENCE for a file that the caller does not see. @param fieldOf the message at an index, in errors
 */
export function requireSeen(
  named: readonly (readonly Pick<NamedFile, "id" | "place">[])[],
  isSeen: (id: string) => boolean,
  fieldOf: (index: number) => string,
): void {
  for (const [index, files] of named.entries()) {
    const unseen = files.find(({ id }) => !isSeen(id));
    if (unseen === undefined) continue;
    const field = `${fieldOf(index)}.${unseen.place}`;
    const description = "is not a file";
    throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, `${field}: ${description}`, {
      violations: [{ field, description, rule: "reference" }],
    });
  }
}

/**
 * For messages that were just added, of which the last has the number `lastSeq`. @param fieldOf the message at an index,
 * in errors
 */
export async function nameFilesOf(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  drafts: readonly MessageDraft[],
  lastSeq: bigint,
  fieldOf: (index: number) => string,
): Promise<void> {
  const named = namedFiles(drafts);
  if (named === undefined) return;
  const first = lastSeq - BigInt(drafts.length) + 1n;
  const naming = named.map((files, index) => ({ seq: first + BigInt(index), files: files.map(({ id }) => id) }));
  const unseen = await nameFiles(tx, caller, conversationId, naming);
  requireSeen(named, (id) => !unseen.has(id), fieldOf);
}

/** For edits: a file that the message named before is one of its own, be it erased since. */
export async function nameFilesOfEdits(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  edits: readonly MessageEdit[],
  fieldOf: (index: number) => string,
): Promise<void> {
  const named = namedFiles(edits)?.map((files, index) => {
    const before = new Set(filesIn(edits[index]?.before.parts).map(({ id }) => id));
    return files.filter(({ id }) => !before.has(id));
  });
  if (named === undefined) return;
  const naming = named.flatMap((files, index) => {
    const seq = edits[index]?.before.seq;
    return seq === undefined ? [] : [{ seq, files: files.map(({ id }) => id) }];
  });
  const unseen = await nameFiles(tx, caller, conversationId, naming);
  requireSeen(named, (id) => !unseen.has(id), fieldOf);
}

/** Where a result, which is the only part of its entry, is named in errors: by its own place in the call. */
const OWN_PLACE = "parts[0].tool_result.";

/** For the results that a call brings to a turn, in the order of the call, as they were just added. */
export async function nameFilesOfResults(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  results: readonly { readonly seq: bigint; readonly parts: string | null }[],
): Promise<void> {
  const named = namedFiles(results);
  if (named === undefined) return;
  const naming = results.map(({ seq }, index) => ({ seq, files: (named[index] ?? []).map(({ id }) => id) }));
  const unseen = await nameFiles(tx, caller, conversationId, naming);
  const own = named.map((files) => files.map(({ id, place }) => ({ id, place: place.slice(OWN_PLACE.length) })));
  requireSeen(
    own,
    (id) => !unseen.has(id),
    (index) => `results[${index}]`,
  );
}

/** A file that a message names. */
export interface NamedFileRow {
  readonly id: string;
  readonly name: string;
  readonly media_type: string;
  readonly size: bigint;
}

/** $1 tenant, $2 files, $3 conversations and $4 seqs of messages that name them. */
const readNamedFiles: Statement<NamedFileRow> = {
  name: "file_read_named",
  text: `
  select distinct f.id, f.name, f.media_type, f.size
  from unnest($2::uuid[], $3::uuid[], $4::bigint[]) as n(file_id, conversation_id, seq)
  join file_use u on u.tenant_id = $1 and u.file_id = n.file_id and u.conversation_id = n.conversation_id and u.seq = n.seq
  join file f on f.tenant_id = $1 and f.id = u.file_id and ${IS_KEPT}`,
};

/** The files that messages may name as they do: without those that are erased. */
export function readNamed(
  on: Queryable,
  tenantId: string,
  places: readonly { readonly fileId: string; readonly conversationId: string; readonly seq: bigint }[],
  signal?: Interrupt,
): Promise<NamedFileRow[]> {
  const files = places.map(({ fileId }) => fileId);
  const conversations = places.map(({ conversationId }) => conversationId);
  return on.query(readNamedFiles, [tenantId, files, conversations, places.map(({ seq }) => seq)], signal);
}
