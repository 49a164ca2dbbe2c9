// The difference between a conversation's messages and the list that replaces them, by position.
import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "@bufbuild/protobuf";
import type { MessageKind, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { withContent } from "../parts/content.ts";
import { partsText, readParts } from "../parts/stored.ts";

/** What a caller sets of a message. */
export interface MessageDraft {
  readonly kind: MessageKind;
  readonly role: MessageRole;
  readonly content: string;
  /** Undefined: not said. */
  readonly metadata: JsonObject | undefined;
  /** Undefined: not said. */
  readonly clientTime: Date | undefined;
  /** As parts/stored.ts writes them. Undefined: none, or not said. */
  readonly parts: string | undefined;
  /** Never changes. Undefined: none, or not said. */
  readonly clientId: string | undefined;
  /** Never changes. Undefined: none, or not said. */
  readonly senderName: string | undefined;
  /** The id that it gets. Undefined: a new one. */
  readonly id?: string | undefined;
}

export interface StoredMessage extends MessageDraft {
  readonly id: string;
  readonly seq: bigint;
  readonly revision: number;
  readonly createTime: Date;
}

export interface MessageEdit extends MessageDraft {
  readonly before: StoredMessage;
}

export interface MessageDiff {
  readonly unchanged: number;
  readonly edits: readonly MessageEdit[];
  readonly deletions: ReadonlyArray<Pick<StoredMessage, "id" | "seq" | "kind">>;
  readonly additions: readonly MessageDraft[];
}

/**
 * An equal message stays, a changed one is edited, one past the end of the new list is deleted, one past the end of the
 * old list is added. Metadata, client time and parts that the new list does not mention stay as they are; nor does it
 * mention a client time that is the time at which the store took the message: whoever shows one time for the two sends
 * it back. A new text alone becomes that of the parts. What comes after an entry of another kind than was there is all
 * new: no entry changes its kind, nor its client id.
 *
 * @param claimed the client ids of the whole new list
 */
export function diffMessages(
  stored: readonly StoredMessage[],
  wanted: readonly MessageDraft[],
  claimed: ReadonlySet<string> = new Set(),
): MessageDiff {
  const edits: MessageEdit[] = [];
  let common = 0;
  for (; common < Math.min(stored.length, wanted.length); common++) {
    const before = stored[common] as StoredMessage;
    if (!areSame(before, wanted[common] as MessageDraft, claimed)) break;
    const edit = editOf(before, saidAgain(before, wanted[common] as MessageDraft));
    if (edit) edits.push(edit);
  }
  return {
    unchanged: common - edits.length,
    edits,
    deletions: stored.slice(common),
    additions: wanted.slice(common),
  };
}

/** Whether a message of the new list can be one that is there: those without a client id leave it as it is. */
function areSame(before: StoredMessage, { kind, clientId }: MessageDraft, claimed: ReadonlySet<string>): boolean {
  if (kind !== before.kind) return false;
  if (clientId !== undefined) return clientId === before.clientId;
  return before.clientId === undefined || !claimed.has(before.clientId);
}

function saidAgain(before: StoredMessage, { metadata, clientTime, ...wanted }: MessageDraft): MessageDraft {
  const own = before.clientTime === undefined && clientTime?.getTime() === before.createTime.getTime();
  return {
    ...wanted,
    clientId: before.clientId,
    senderName: before.senderName,
    parts: wanted.parts ?? reworded(before, wanted.content),
    metadata: metadata ?? before.metadata,
    clientTime: own ? undefined : (clientTime ?? before.clientTime),
  };
}

/** The parts of a message whose text is replaced by a client that sent no parts. */
export function reworded(before: Pick<StoredMessage, "content" | "parts">, content: string): string | undefined {
  if (before.parts === undefined || content === before.content) return before.parts;
  return partsText(withContent(readParts(before.parts), content)) ?? undefined;
}

/** The edit that turns a message into exactly what is wanted; undefined if there is nothing to change. */
export function editOf(before: StoredMessage, wanted: MessageDraft): MessageEdit | undefined {
  const same =
    wanted.role === before.role &&
    wanted.content === before.content &&
    wanted.parts === before.parts &&
    wanted.clientTime?.getTime() === before.clientTime?.getTime() &&
    isDeepStrictEqual(wanted.metadata, before.metadata);
  return same ? undefined : { before, ...wanted };
}
