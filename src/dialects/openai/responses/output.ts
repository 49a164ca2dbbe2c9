// Which entries of a turn are items of its response's output.
import { type Message, MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { ToolPlace } from "../../../../gen/colloquy/v1/part_pb.ts";
import { isImageResult } from "../../../domain/files/image-result.ts";
import { FORMATS } from "../items/item-types.ts";
import { type PartJson, storedParts } from "../items/stored-parts.ts";

/**
 * What the model said, thought, and wants its caller to do. What tools of the agent did is among the items of the
 * conversation alone: a client would take a call that was answered for one that it has to run.
 */
export function isShown(kind: MessageKind, runsAt: ToolPlace | undefined): boolean {
  switch (kind) {
    case MessageKind.MESSAGE:
    case MessageKind.REASONING:
    case MessageKind.ITEM:
      return true;
    case MessageKind.TOOL_CALL:
      return runsAt === undefined || runsAt === ToolPlace.UNSPECIFIED || runsAt === ToolPlace.CLIENT;
    default:
      return false;
  }
}

/** The same of a stored entry. */
export function isOutput(message: Message): boolean {
  const { kind } = message;
  if (kind !== MessageKind.TOOL_CALL && kind !== MessageKind.ITEM) return isShown(kind, undefined);
  const [first] = storedParts(message) as readonly (PartJson & { readonly toolCall?: { readonly runsAt?: string } })[];
  if (kind === MessageKind.ITEM) return first?.opaque?.format === FORMATS.item || isImageResult(first?.extraJson);
  const place = first?.toolCall?.runsAt;
  return place === undefined || place === "TOOL_PLACE_CLIENT";
}
