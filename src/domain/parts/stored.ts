// Parts as the store keeps them: the JSON form of the list, as text. U+0000 and all else that PostgreSQL's text refuses
// is an escape in it.
import { fromJson, toJson } from "@bufbuild/protobuf";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { type Part, PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { parseJson } from "../json.ts";
import { lazyField } from "../protobuf/lazy-field.ts";

/** Lists are written out where they are empty, so that the text is the JSON form with and without implicit fields. */
const WRITE = { alwaysEmitImplicit: true };
/** A newer server may have written more. */
const READ = { ignoreUnknownFields: true };

/** Null: there are no parts. */
export function partsText(parts: readonly Part[]): string | null {
  return parts.length === 0 ? null : JSON.stringify(parts.map((part) => toJson(PartSchema, part, WRITE)));
}

export function readParts(text: string | null): Part[] {
  if (text === null) return [];
  return (parseJson(text) as never[]).map((json) => fromJson(PartSchema, json, READ));
}

/** Gives a message its parts, read where somebody looks at them: most are written as the text that they are. */
export const setStoredParts: (message: Message, text: string) => void = lazyField("parts", readParts);
