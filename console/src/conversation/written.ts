// What is written in a box, text and files, and how it stands in a draft.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Message, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import type { StoredFile } from "./composer/attachments.ts";

export interface Pieces {
  readonly text: string;
  /** Default: none. */
  readonly files?: readonly StoredFile[] | undefined;
}

interface NamedPieces {
  readonly text: string;
  readonly files?: readonly (Pick<StoredFile, "id"> & Partial<StoredFile>)[] | undefined;
}

export function isEmpty({ text, files = [] }: Pieces): boolean {
  return text === "" && files.length === 0;
}

/** Whether there is nothing to send. */
export function isBlank({ text, files = [] }: Pieces): boolean {
  return text.trim() === "" && files.length === 0;
}

export function isSame(one: Pieces, other: Pieces): boolean {
  const ids = ({ files = [] }: Pieces) => files.map(({ id }) => id).join();
  return one.text === other.text && ids(one) === ids(other);
}

/** What a message with this has: text alone is no part. Its files need no more than ids. */
export function contentOf({ text, files = [] }: NamedPieces): MessageInitShape<typeof MessageSchema> {
  if (files.length === 0) return { content: text };
  const said = text.trim() === "" ? [] : [{ content: { case: "text", value: { text } } } as const];
  const named = files.map(({ id, ...facts }) => {
    const value = { source: { case: "fileId", value: id } as const, ...facts };
    return { content: { case: "file", value } } as const;
  });
  return { parts: [...said, ...named] };
}

/** Undefined: another client has put more into it than a box can show. */
export function piecesOf({ content, parts }: Pick<Message, "content" | "parts">): Pieces | undefined {
  if (parts.length === 0) return { text: content, files: [] };
  const texts: string[] = [];
  const files: StoredFile[] = [];
  for (const { content: part } of parts) {
    if (part.case === "text") texts.push(part.value.text);
    else if (part.case === "file" && part.value.source.case === "fileId") {
      const { source, name = "", mediaType = "" } = part.value;
      // Named twice, it is still one file to attach.
      if (files.every(({ id }) => id !== source.value)) files.push({ id: source.value, name, mediaType });
    } else return undefined;
  }
  return texts.length > 1 ? undefined : { text: texts[0] ?? "", files };
}
