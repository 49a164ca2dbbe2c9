// Which files a message names.
import type { FilePart } from "../../../gen/colloquy/v1/part_pb.ts";
import { parseJson } from "../json.ts";

/** The most files that a message names. */
export const MAX_FILES = 20;
export const TOO_MANY_FILES = `must name at most ${MAX_FILES} files`;

/**
 * Ids that this store makes are UUIDv7. Those of others, of which some are UUIDs of version 4, are kept as they are.
 */
const OURS = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

type Stored = Extract<FilePart["source"], { case: "fileId" }>;

/** Whether a part names a file of this store. */
export function isStoredFile(source: FilePart["source"]): source is Stored {
  return source.case === "fileId" && isFileId(source.value);
}

/** Whether an id can be one of a file of this store. */
export function isFileId(id: string): boolean {
  return OURS.test(id);
}

/** A file that a message names, and the field that does. */
export interface NamedFile {
  readonly id: string;
  /** Such as `parts[0].file.file_id`. */
  readonly place: string;
  /** How often it is named. */
  readonly times: number;
}

interface JsonPart {
  readonly file?: {
    readonly fileId?: string;
    readonly name?: string;
    readonly mediaType?: string;
    readonly data?: string;
    readonly url?: string;
  };
  readonly toolResult?: { readonly parts?: { readonly parts?: readonly JsonPart[] } };
}

/** The files that stored parts name, each at its first place. @param text as parts/stored.ts writes it */
export function filesIn(text: string | null | undefined): NamedFile[] {
  // Nearly all messages name none: a look tells.
  if (text == null || !text.includes('"fileId":"')) return [];
  const found = new Map<string, NamedFile>();
  collect(parseJson(text) as readonly JsonPart[], "parts", found);
  return [...found.values()];
}

function collect(parts: readonly JsonPart[], place: string, found: Map<string, NamedFile>): void {
  for (const [index, { file, toolResult }] of parts.entries()) {
    const id = file?.fileId?.toLowerCase() ?? "";
    if (isFileId(id)) {
      const first = found.get(id) ?? { id, place: `${place}[${index}].file.file_id`, times: 0 };
      found.set(id, { ...first, times: first.times + 1 });
    }
    collect(toolResult?.parts?.parts ?? [], `${place}[${index}].tool_result.parts.parts`, found);
  }
}

/** A stored file as an agent is given it. */
export interface FileBytes {
  readonly name: string;
  readonly mediaType: string;
  /** Its bytes in base64, or a data URL; neither: its bytes are left out. */
  readonly source: { readonly data?: string; readonly url?: string };
}

/**
 * Stored parts with the bytes of files in place of their ids; a file that is not among `files` is gone, and keeps its
 * name.
 */
export function withBytes(text: string, files: ReadonlyMap<string, FileBytes>): string {
  return JSON.stringify((parseJson(text) as readonly JsonPart[]).map((part) => partWithBytes(part, files)));
}

function partWithBytes(part: JsonPart, files: ReadonlyMap<string, FileBytes>): JsonPart {
  const inner = part.toolResult?.parts?.parts;
  if (inner !== undefined) {
    const parts = inner.map((one) => partWithBytes(one, files));
    return { ...part, toolResult: { ...part.toolResult, parts: { ...part.toolResult?.parts, parts } } };
  }
  if (part.file === undefined || !isFileId(part.file.fileId ?? "")) return part;
  const { fileId = "", ...rest } = part.file;
  const file = files.get(fileId.toLowerCase());
  if (file === undefined) return { ...part, file: rest };
  const { name, mediaType, source } = file;
  return {
    ...part,
    file: { ...rest, name: rest.name ?? name, mediaType, ...source },
  };
}
