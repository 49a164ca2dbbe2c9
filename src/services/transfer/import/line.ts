// The lines of an import, parsed and not yet added.
import type { ImportedReaction } from "../../../store/reactions/reactions.ts";
import type { ImportedConversation, ImportedPart } from "../../../store/transfer/import.ts";
import type { ImportedItem, ImportedRevision } from "../../../store/transfer/import-entries.ts";

/** A message or an event, as far as it can be read without the database. */
export interface EntryLine {
  readonly kind: "entry";
  readonly number: number;
  readonly conversationId: string;
  readonly item: ImportedItem;
  /** The line says itself what id the message has here. Otherwise its conversation's id is a part of it. */
  readonly knownId: boolean;
}

/** More of those who take part. */
export interface PartsLine {
  readonly kind: "parts";
  readonly number: number;
  readonly conversationId: string;
  readonly parts: readonly ImportedPart[];
}

/** More of what a message was before. */
export interface RevisionsLine {
  readonly kind: "revisions";
  readonly number: number;
  readonly conversationId: string;
  readonly messageId: string;
  readonly revisions: readonly ImportedRevision[];
}

/** Reactions to a message. */
export interface ReactionsLine {
  readonly kind: "reactions";
  readonly number: number;
  readonly conversationId: string;
  readonly messageId: string;
  readonly reactions: readonly ImportedReaction[];
}

/** A line that can be added, as far as can be said without the database. */
export type ImportLine =
  | { readonly kind: "conversation"; readonly number: number; readonly item: ImportedConversation }
  | EntryLine
  | PartsLine
  | RevisionsLine
  | ReactionsLine;

export type ReadLine = ImportLine | { readonly kind: "bad"; readonly number: number; readonly description: string };
