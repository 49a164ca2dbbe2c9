// The files that a request names in the parts of its messages, wherever in it they are.
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type FilePart, FilePartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { isStoredFile } from "../../domain/files/named.ts";

/** Whether messages of a type can hold parts that name files. */
export function holdsFiles(type: DescMessage, seen: Set<DescMessage> = new Set()): boolean {
  if (type.typeName === FilePartSchema.typeName) return true;
  if (seen.has(type)) return false;
  seen.add(type);
  return type.fields.some((field) => field.message !== undefined && holdsFiles(field.message, seen));
}

/** Calls back for each part of a message that names a file of this store. */
export function eachNamedFile(message: Message, type: DescMessage, visit: (part: FilePart, id: string) => void): void {
  if (type.typeName === FilePartSchema.typeName) {
    const part = message as FilePart;
    if (isStoredFile(part.source)) visit(part, part.source.value.toLowerCase());
    return;
  }
  for (const field of type.fields) {
    if (field.message === undefined) continue;
    for (const value of valuesOf(message, field)) eachNamedFile(value, field.message, visit);
  }
}

function valuesOf(message: Message, { localName, oneof, fieldKind }: DescMessage["fields"][number]): Message[] {
  const holder = message as unknown as Record<string, unknown>;
  if (oneof !== undefined) {
    const chosen = holder[oneof.localName] as { readonly case?: string; readonly value?: unknown };
    return chosen.case === localName ? [chosen.value as Message] : [];
  }
  const value = holder[localName];
  if (value === undefined) return [];
  if (fieldKind === "list") return value as Message[];
  return fieldKind === "map" ? Object.values(value as Record<string, Message>) : [value as Message];
}
