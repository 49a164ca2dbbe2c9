// The plain text of a message with parts: searched, and shown where parts are not.
import { create } from "@bufbuild/protobuf";
import { type Part, PartSchema, TextPartSchema } from "../../../gen/colloquy/v1/part_pb.ts";

/** The most bytes of a message's `content`. */
export const MAX_CONTENT_BYTES = 256 * 1024;

/**
 * The texts of the text parts, one below the other, without U+0000, which the column cannot hold, cut where it must be.
 */
export function contentOf(parts: readonly Part[]): string {
  let joined: string | undefined;
  for (const { content } of parts) {
    if (content.case === "text")
      joined = joined === undefined ? content.value.text : `${joined}\n${content.value.text}`;
  }
  if (joined === undefined) return "";
  return cut(joined.includes("\0") ? joined.replaceAll("\0", "") : joined);
}

function cut(text: string): string {
  if (3 * text.length <= MAX_CONTENT_BYTES || Buffer.byteLength(text) <= MAX_CONTENT_BYTES) return text;
  const bytes = Buffer.from(text);
  let end = MAX_CONTENT_BYTES;
  // Not within a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}

/**
 * The parts of a message whose text becomes `content`, for those who know of no parts: the first text part holds it,
 * and no annotation, for their ranges are of the old text; the other text parts are gone, all else stays.
 */
export function withContent(parts: readonly Part[], content: string): Part[] {
  const first = parts.find((part) => part.content.case === "text");
  const text: Part["content"] = { case: "text", value: create(TextPartSchema, { text: content }) };
  if (first === undefined) return content === "" ? [...parts] : [...parts, create(PartSchema, { content: text })];
  const kept = parts.filter((part) => part === first || part.content.case !== "text");
  return kept.map((part) => (part === first ? { ...part, content: text } : part));
}
