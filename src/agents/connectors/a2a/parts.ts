// What an A2A agent says, in pieces of a reply.
import type { Part } from "@a2a-js/sdk";
import { create } from "@bufbuild/protobuf";
import { MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type Part as OurPart, PartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import type { ReplyPiece } from "../../../domain/turns/reply-piece.ts";

export function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function textIn(parts: readonly Part[]): string {
  return parts.map(({ content }) => (content?.$case === "text" ? content.value : "")).join("");
}

export function othersIn(parts: readonly Part[]): Part[] {
  return parts.filter(({ content }) => content !== undefined && content.$case !== "text");
}

/** A part that is no text. */
export function pieceOf({ content, mediaType, filename }: Part): ReplyPiece | undefined {
  const file = { ...(mediaType && { mediaType }), ...(filename && { name: filename }) };
  switch (content?.$case) {
    case "raw": {
      const source = { case: "data", value: new Uint8Array(content.value) } as const;
      return whole(create(PartSchema, { content: { case: "file", value: { source, ...file } } }));
    }
    case "url": {
      const source = { case: "url", value: content.value } as const;
      return whole(create(PartSchema, { content: { case: "file", value: { source, ...file } } }));
    }
    case "data": {
      const json = JSON.stringify(content.value ?? null);
      return whole(create(PartSchema, { content: { case: "data", value: { json } } }));
    }
    default:
      return undefined;
  }
}

function whole(part: OurPart): ReplyPiece {
  return { kind: "part", entry: MessageKind.MESSAGE, part };
}

export function opaqueItem(format: string, json: string): ReplyPiece {
  const part = create(PartSchema, { content: { case: "opaque", value: { format, json } } });
  return { kind: "part", entry: MessageKind.ITEM, part };
}
