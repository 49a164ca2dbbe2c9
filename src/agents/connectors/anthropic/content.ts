// Texts and tool results in the form of Anthropic's Messages.
import type { FilePart } from "../../../../gen/colloquy/v1/part_pb.ts";
import type { Content } from "../history/content.ts";
import { addressOf, bytesOf, fileText, fileWords, mediaTypeOf } from "../history/files.ts";

/** A block of content. */
export type Block = { readonly type: string; readonly [field: string]: unknown };

export function blocksOfContent(content: readonly Content[]): Block[] {
  return content.flatMap((one): Block[] => {
    if (one.type === "file") return [fileBlock(one.file)];
    // Texts without a word are refused.
    return one.text.trim() === "" ? [] : [{ type: "text", text: one.text }];
  });
}

/** The same for the assistant, whose messages take no files. */
export function textBlocks(content: readonly Content[]): Block[] {
  const texts = content.map((one) => (one.type === "file" ? (fileText(one.file) ?? fileWords(one.file)) : one.text));
  return texts.filter((text) => text.trim() !== "").map((text) => ({ type: "text", text }));
}

const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const PDF = "application/pdf";

function fileBlock(file: FilePart): Block {
  const type = mediaTypeOf(file);
  const bytes = bytesOf(file);
  const address = addressOf(file);
  const kind = IMAGES.includes(type) ? "image" : type === PDF ? "document" : undefined;
  const title = kind === "document" && file.name ? { title: file.name.slice(0, 500) } : {};
  if (kind !== undefined) {
    if (bytes) return { type: kind, source: { type: "base64", media_type: type, data: bytes.base64 }, ...title };
    if (address !== undefined) return { type: kind, source: { type: "url", url: address }, ...title };
    // Ids of its own; another provider's mean nothing here.
    if (file.source.case === "fileId" && file.source.value.startsWith("file_")) {
      return { type: kind, source: { type: "file", file_id: file.source.value }, ...title };
    }
  }
  return { type: "text", text: fileText(file) ?? fileWords(file) };
}
