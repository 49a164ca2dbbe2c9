// Parts of entries as they are made of an item's members.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MessageSchema } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { PartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { type Members, objectOf, textOf } from "./json-members.ts";

export type PartDraft = MessageInitShape<typeof PartSchema>;
export type MessageDraft = Exclude<MessageInitShape<typeof MessageSchema>, { readonly $typeName: string }>;

/** Nothing where there are no members. */
export function restOf(members: Members): { extraJson?: string } {
  return members.size === 0 ? {} : { extraJson: objectOf(members) };
}

export function opaque(format: string, members: Members): PartDraft {
  return { content: { case: "opaque", value: { format, json: objectOf(members) } } };
}

/** A text that a field can hold, which half of a surrogate pair cannot. */
export function takeText(members: Members, name: string): string | undefined {
  const text = textOf(members.get(name));
  if (text === undefined || !text.isWellFormed()) return undefined;
  members.delete(name);
  return text;
}
