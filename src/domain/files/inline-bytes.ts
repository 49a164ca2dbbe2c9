// Long base64 texts of a request, which are taken out of its JSON before that is read: a short text stands for each.
import type { Message } from "@bufbuild/protobuf";

/** Bytes that came as base64. */
export interface InlineBytes {
  /** In bytes. */
  readonly size: number;
  /** In base64url. */
  readonly sha256: string;
  pieces(): Iterable<Uint8Array<ArrayBuffer>>;
  /** As they came. */
  base64(): string;
}

/** Shorter base64 texts, in characters, stay in their JSON, and in the parts of messages. */
export const MAX_IN_PLACE = 64 * 1024;

/** How each begins that stands for a text: no base64 does. */
export const STAND_IN = "~sha256:";
const STAND_INS = /~sha256:[\w-]{43}/g;

/** By what stands for it. */
export type InlineTexts = ReadonlyMap<string, InlineBytes>;

export function standInFor({ sha256 }: Pick<InlineBytes, "sha256">): string {
  return STAND_IN + sha256;
}

/** The text with the texts of a request in place of what stands for them. */
export function withTexts(text: string, texts: InlineTexts): string {
  if (texts.size === 0 || !text.includes(STAND_IN)) return text;
  return text.replaceAll(STAND_INS, (standIn) => texts.get(standIn)?.base64() ?? standIn);
}

/** So many characters they are in a text, beyond its own. */
export function lengthOfTexts(text: string, texts: InlineTexts): number {
  let length = 0;
  for (const [standIn] of text.matchAll(STAND_INS)) length += Math.ceil((texts.get(standIn)?.size ?? 0) / 3) * 4;
  return length;
}

/** A value of objects, lists and maps with all of its texts changed, in place but for itself. */
export function withEachText(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  const members = value as Record<string, unknown>;
  for (const [name, member] of Object.entries(members)) {
    const changed = withEachText(member, change);
    if (changed !== member) members[name] = changed;
  }
  return value;
}

const NONE: ReadonlyMap<string, InlineBytes> = new Map();
const TEXTS = Symbol("base64 texts of a request");

interface Holder {
  [TEXTS]?: InlineTexts;
}

/** Lets a request have the texts that were taken out of it. */
export function holdTexts(request: Message, texts: InlineTexts): void {
  Object.defineProperty(request, TEXTS, { value: texts });
}

/** Empty for most requests. */
export function textsOf(request: Message): InlineTexts {
  return (request as Holder)[TEXTS] ?? NONE;
}

/** So many characters are decoded at once: a multiple of four. */
const PIECE = 256 * 1024;

/** Base64 without white space, of ASCII characters alone. */
export class Base64Bytes implements InlineBytes {
  readonly #text: Buffer;
  readonly size: number;
  readonly sha256: string;

  constructor(text: Buffer, size: number, sha256: string) {
    this.#text = text;
    this.size = size;
    this.sha256 = sha256;
  }

  *pieces(): Generator<Uint8Array<ArrayBuffer>> {
    for (const piece of base64Pieces(this.#text)) yield Buffer.from(piece, "base64");
  }

  base64(): string {
    return this.#text.toString("latin1");
  }
}

/** The text in pieces that are base64 each. */
export function* base64Pieces(text: Buffer): Generator<string> {
  for (let at = 0; at < text.length; at += PIECE) yield text.toString("latin1", at, at + PIECE);
}
