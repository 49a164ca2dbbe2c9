// Stores what entries have in place of pictures and files, and names it there.
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import {
  type FilePart,
  FilePartSchema,
  type Part,
  PartListSchema,
  PartSchema,
} from "../../../../gen/colloquy/v1/part_pb.ts";
import { isImageResult, RESULT } from "../../../domain/files/image-result.ts";
import { type InlineTexts, MAX_IN_PLACE, STAND_IN } from "../../../domain/files/inline-bytes.ts";
import { isStoredFile, MAX_FILES } from "../../../domain/files/named.ts";
import { bytesOfBase64, mediaTypeIn, splitDataUrl } from "../../shared/files/form.ts";
import type { FileToStore } from "../../shared/files/store-once.ts";
import type { MessageDraft } from "../items/drafts.ts";
import { noteContentUrl, noteHead } from "../items/file-notes.ts";
import { type Members, membersOf, objectOf, textOf } from "../items/json-members.ts";
import { outputWithFiles } from "../items/read-output.ts";

export interface StoreFiles {
  /** Default: nothing is stored. */
  readonly store: ((file: FileToStore) => Promise<string>) | undefined;
  /** The id of a file of this store at whose content a URL is. */
  readonly idInUrl: (url: string) => string | undefined;
}

/**
 * The entry with stored files in place of what is longer than {@link MAX_IN_PLACE}, and of the URLs of stored files.
 * @param texts those that were taken out of the entry
 */
export async function withStoredFiles(
  draft: MessageDraft,
  texts: InlineTexts,
  { store, idInUrl }: StoreFiles,
): Promise<MessageDraft> {
  if (!draft.parts?.length) return draft;
  const parts: Part[] = draft.parts.map((part) => create(PartSchema, part));
  const image = imageOf(parts);
  const files = [...fileParts(parts), ...(image === undefined ? [] : [image])];
  for (const [part, file] of files) {
    const fileId = file.source.case === "url" ? idInUrl(file.source.value) : undefined;
    if (fileId !== undefined) nameFile(part, file, fileId, part === image?.[0] ? () => {} : noteContentUrl);
  }
  let room = MAX_FILES - files.filter(([, { source }]) => isStoredFile(source)).length;
  for (const [part, file] of files) {
    const found = room > 0 && store ? inPlace(file, texts) : undefined;
    if (found === undefined || store === undefined) continue;
    room--;
    const { head, bytes } = found;
    const stored = { ...bytes, name: file.name ?? "", contentType: mediaTypeIn(head) || (file.mediaType ?? "") };
    const fileId = await store(stored);
    nameFile(part, file, fileId, part === image?.[0] ? () => {} : (beside) => noteHead(beside, head));
  }
  if (image === undefined || !isStoredFile(image[1].source)) return { ...draft, parts };
  return { ...draft, kind: MessageKind.ITEM, parts: [image[0]] };
}

/** The file that a call of a provider's tool made, if the call has it in place and it is large. */
function imageOf([part]: readonly Part[]): readonly [Part, FilePart] | undefined {
  if (part?.content.case !== "toolCall" || !isImageResult(part.extraJson)) return undefined;
  const members = membersOf(part.extraJson ?? "{}");
  const source = sourceOf(textOf(members?.get(RESULT)) ?? "");
  if (members === undefined || source === undefined) return undefined;
  members.delete(RESULT);
  const file = create(FilePartSchema, { source, mediaType: "image/png" });
  return [create(PartSchema, { content: { case: "file", value: file }, extraJson: objectOf(members) }), file];
}

function sourceOf(result: string): FilePart["source"] | undefined {
  if (result.startsWith(STAND_IN) || /^https?:/.test(result)) return { case: "url", value: result };
  const bytes = result.length > MAX_IN_PLACE ? bytesOfBase64(result) : undefined;
  return bytes && { case: "data", value: bytes };
}

/** The parts that are files, also in outputs of tools, which become parts for it. */
function* fileParts(parts: readonly Part[]): Generator<readonly [Part, FilePart]> {
  for (const part of parts) {
    const output = outputWithFiles(part);
    if (output !== undefined && part.content.case === "toolResult") {
      part.content.value.output = { case: "parts", value: create(PartListSchema, { parts: output }) };
    }
    for (const one of output ?? [part]) if (one.content.case === "file") yield [one, one.content.value];
  }
}

function nameFile(part: Part, file: FilePart, fileId: string, note: (beside: Members) => void): void {
  const beside = membersOf(part.extraJson ?? "{}") ?? new Map<string, string>();
  note(beside);
  file.source = { case: "fileId", value: fileId };
  part.extraJson = objectOf(beside);
}

interface Found {
  /** Of a data URL; else empty. */
  readonly head: string;
  readonly bytes: Bytes;
}

type Bytes = Pick<FileToStore, "sha256" | "pieces">;

/** The bytes that a file has in place, if they are many. */
function inPlace({ source }: FilePart, texts: InlineTexts): Found | undefined {
  if (source.case === "data") {
    const bytes = source.value.length * (4 / 3) > MAX_IN_PLACE ? inMemory(source.value) : undefined;
    return bytes && { head: "", bytes };
  }
  if (source.case !== "url") return undefined;
  const { value: url } = source;
  const at = url.indexOf(STAND_IN);
  const taken = at === -1 ? undefined : texts.get(url.slice(at));
  if (taken !== undefined)
    return { head: url.slice(0, at), bytes: { sha256: taken.sha256, pieces: () => taken.pieces() } };
  const split = url.length > MAX_IN_PLACE ? splitDataUrl(url) : undefined;
  return split && { head: split.head, bytes: inMemory(split.bytes) };
}

function inMemory(bytes: Uint8Array): Bytes {
  return {
    sha256: createHash("sha256").update(bytes).digest("base64url"),
    pieces: () => [Uint8Array.from(bytes)],
  };
}
