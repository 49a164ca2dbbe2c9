// The entries that a turn adds to its conversation's log, before they have a number.
import { create } from "@bufbuild/protobuf";
import { MessageKind, MessageRole, MessageState } from "../../../gen/colloquy/v1/message_pb.ts";
import { type Part, PartSchema, type ToolResultPart, ToolResultPartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { contentOf } from "../parts/content.ts";
import { partsText } from "../parts/stored.ts";

export interface TurnEntry {
  readonly id: string;
  readonly kind: MessageKind;
  readonly role: MessageRole;
  /** Who says it, as actors are stored. Undefined: the agent. */
  readonly sender: string | undefined;
  readonly content: string;
  /** As parts are stored. Null: plain text. */
  readonly parts: string | null;
  readonly step: number;
  readonly state: MessageState;
}

const ROLES: { readonly [kind in MessageKind]?: MessageRole } = {
  [MessageKind.TOOL_RESULT]: MessageRole.TOOL,
  [MessageKind.APPROVAL_RESPONSE]: MessageRole.USER,
};

export interface EntryPlace {
  readonly id: string;
  readonly kind: MessageKind;
  readonly step: number;
  readonly sender?: string | undefined;
}

/** An entry made of parts. */
export function entryOf(
  { id, kind, step, sender }: EntryPlace,
  parts: readonly Part[],
  state: MessageState = MessageState.COMPLETE,
): TurnEntry {
  const role = ROLES[kind] ?? MessageRole.ASSISTANT;
  return { id, kind, role, sender, content: contentOf(parts), parts: partsText(parts), step, state };
}

/** How much of a turn it is, in bytes. */
export function bytesOf({ content, parts }: Pick<TurnEntry, "content" | "parts">): number {
  return Buffer.byteLength(parts ?? content);
}

/** A message of text alone. */
export function textEntry(id: string, step: number, content: string, state: MessageState): TurnEntry {
  const kind = MessageKind.MESSAGE;
  return { id, kind, role: MessageRole.ASSISTANT, sender: undefined, content, parts: null, step, state };
}

/** The result of a call. */
export function resultEntry(
  place: Omit<EntryPlace, "kind">,
  callId: string,
  output: ToolResultPart["output"],
  isError: boolean,
): TurnEntry {
  const value = create(ToolResultPartSchema, { callId, output, ...(isError && { isError }) });
  const part = create(PartSchema, { content: { case: "toolResult", value } });
  return entryOf({ ...place, kind: MessageKind.TOOL_RESULT }, [part]);
}

/** The result of a call that did not run, or got no result, as text that the agent gets too. */
export function failedResult(place: Omit<EntryPlace, "kind">, callId: string, why: string): TurnEntry {
  return resultEntry(place, callId, { case: "text", value: why }, true);
}
