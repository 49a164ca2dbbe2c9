// The difference between the messages that a conversation has and those that it shall have, by position.
import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "@bufbuild/protobuf";
import type { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";

/** The parts of a message that a caller sets. */
export interface MessageDraft {
  readonly role: MessageRole;
  readonly content: string;
  /** Undefined: not said. */
  readonly metadata: JsonObject | undefined;
  /** Undefined: not said. */
  readonly clientTime: Date | undefined;
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
  readonly deletions: ReadonlyArray<Pick<StoredMessage, "id" | "seq">>;
  readonly additions: readonly MessageDraft[];
}

/**
 * An equal message stays, a changed one is edited, one past the end of the new list is deleted, one past the end of the
 * old list is added. Metadata and client time that the new list does not mention stay as they are; nor does it mention a
 * client time that is the time at which the store took the message: whoever shows one time for the two sends it back.
 */
export function diffMessages(stored: readonly StoredMessage[], wanted: readonly MessageDraft[]): MessageDiff {
  const edits: MessageEdit[] = [];
  stored.slice(0, wanted.length).forEach((before, index) => {
    const edit = editOf(before, saidAgain(before, wanted[index] as MessageDraft));
    if (edit) edits.push(edit);
  });
  return {
    unchanged: Math.min(stored.length, wanted.length) - edits.length,
    edits,
    deletions: stored.slice(wanted.length),
    additions: wanted.slice(stored.length),
  };
}

function saidAgain(before: StoredMessage, { metadata, clientTime, ...wanted }: MessageDraft): MessageDraft {
  const own = before.clientTime === undefined && clientTime?.getTime() === before.createTime.getTime();
  return {
    ...wanted,
    metadata: metadata ?? before.metadata,
    clientTime: own ? undefined : (clientTime ?? before.clientTime),
  };
}

/** The edit that turns a message into exactly what is wanted; undefined if there is nothing to change. */
export function editOf(before: StoredMessage, wanted: MessageDraft): MessageEdit | undefined {
  const same =
    wanted.role === before.role &&
    wanted.content === before.content &&
    wanted.clientTime?.getTime() === before.clientTime?.getTime() &&
    isDeepStrictEqual(wanted.metadata, before.metadata);
  return same ? undefined : { before, ...wanted };
}
