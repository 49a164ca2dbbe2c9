// Pictures and files that items have in place: stored as files before the items are, and named by them.
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type FilePart, type Part, PartListSchema, PartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { invalidField } from "../../../domain/errors.ts";
import {
  type InlineBytes,
  type InlineTexts,
  lengthOfTexts,
  MAX_IN_PLACE,
  STAND_IN,
  withEachText,
  withTexts,
} from "../../../domain/files/inline-bytes.ts";
import { isStoredFile, MAX_FILES } from "../../../domain/files/named.ts";
import { MAX_PARTS_BYTES } from "../../../domain/parts/rules.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";
import { mediaTypeIn, splitDataUrl } from "../../shared/files/form.ts";
import { mayUpload, storeOnce } from "../../shared/files/store-once.ts";
import type { MessageDraft } from "../items/drafts.ts";
import { noteHead } from "../items/file-notes.ts";
import { membersOf, objectOf } from "../items/json-members.ts";
import { outputWithFiles } from "../items/read-output.ts";

/**
 * The entries with stored files in place of what is longer than {@link MAX_IN_PLACE}. A retry, which has the same key,
 * finds the files of the first attempt. What stays in place: files past the 20 that a message names, what would come
 * back as other text, and all of a token for one conversation. Throws what CreateFile throws, and INVALID_FIELD for what
 * cannot stay.
 *
 * @param context with the key of the request
 * @param name of the field that has the items
 */
export type KeepInPlace = (
  context: CallContext,
  drafts: readonly MessageDraft[],
  texts: InlineTexts,
  name: string,
) => Promise<MessageDraft[]>;

export function createKeepInPlace(canonical: Canonical): KeepInPlace {
  return async (context, drafts, texts, name) => {
    const kept: MessageDraft[] = [];
    for (const [index, draft] of drafts.entries()) {
      const stored = await withStored(canonical, context, draft, texts);
      kept.push(texts.size === 0 ? stored : withTextsBack(stored, texts, `${name}[${index}]`));
    }
    return kept;
  };
}

async function withStored(
  canonical: Canonical,
  context: CallContext,
  draft: MessageDraft,
  texts: InlineTexts,
): Promise<MessageDraft> {
  if (!draft.parts?.length) return draft;
  const parts: Part[] = draft.parts.map((part) => create(PartSchema, part));
  const named = parts.filter(({ content }) => content.case === "file" && isStoredFile(content.value.source)).length;
  let room = mayUpload(context) ? MAX_FILES - named : 0;
  for (const part of parts) {
    const output = outputWithFiles(part);
    if (output !== undefined && part.content.case === "toolResult") {
      part.content.value.output = { case: "parts", value: create(PartListSchema, { parts: output }) };
    }
    for (const one of output ?? [part]) {
      const found = room > 0 ? inPlace(one, texts) : undefined;
      if (found === undefined) continue;
      room--;
      const { file, head, bytes } = found;
      const stored = { ...bytes, name: file.name ?? "", contentType: mediaTypeIn(head) };
      const fileId = await storeOnce(canonical, context, context.idempotencyKey, stored);
      const beside = membersOf(one.extraJson ?? "{}") ?? new Map<string, string>();
      noteHead(beside, head);
      file.source = { case: "fileId", value: fileId };
      one.extraJson = objectOf(beside);
    }
  }
  return { ...draft, parts };
}

interface Found {
  readonly file: FilePart;
  /** Of a data URL; else empty. */
  readonly head: string;
  readonly bytes: Bytes;
}

type Bytes = Pick<InlineBytes, "sha256" | "pieces">;

/** The bytes that a part has in place, if they are many. */
function inPlace({ content }: Part, texts: InlineTexts): Found | undefined {
  if (content.case !== "file") return undefined;
  const { value: file } = content;
  const { source } = file;
  if (source.case === "data") {
    const bytes = source.value.length * (4 / 3) > MAX_IN_PLACE ? inMemory(source.value) : undefined;
    return bytes && { file, head: "", bytes };
  }
  if (source.case !== "url") return undefined;
  const { value: url } = source;
  const at = url.indexOf(STAND_IN);
  const taken = at === -1 ? undefined : texts.get(url.slice(at));
  if (taken !== undefined)
    return { file, head: url.slice(0, at), bytes: { sha256: taken.sha256, pieces: () => taken.pieces() } };
  const split = url.length > MAX_IN_PLACE ? splitDataUrl(url) : undefined;
  return split && { file, head: split.head, bytes: inMemory(split.bytes) };
}

function inMemory(bytes: Uint8Array): Bytes {
  return {
    sha256: createHash("sha256").update(bytes).digest("base64url"),
    pieces: () => [Uint8Array.from(bytes)],
  };
}

/** With the texts that are no files, or that no file could be made of. */
function withTextsBack(draft: MessageDraft, texts: InlineTexts, place: string): MessageDraft {
  let length = 0;
  return withEachText(draft, (text) => {
    length += lengthOfTexts(text, texts);
    if (length > MAX_PARTS_BYTES) {
      throw invalidField(place, `must be at most ${MAX_PARTS_BYTES} bytes of JSON beside its files`, "parts.max_bytes");
    }
    return withTexts(text, texts);
  }) as MessageDraft;
}
