// Stored files whose clients sent them in place, shown in place again: as many as an answer may have.
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { Part } from "../../../../gen/colloquy/v1/part_pb.ts";
import { IMAGE_RESULT, isImageResult } from "../../../domain/files/image-result.ts";
import { isStoredFile } from "../../../domain/files/named.ts";
import { lazyText } from "../../../domain/protobuf/lazy-field.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import { HEAD, headIn } from "../../shared/files/form.ts";
import { ShownFiles } from "../../shared/files/show.ts";
import { GIVEN_IN, takeNotes } from "../items/file-notes.ts";
import { membersOf } from "../items/json-members.ts";
import { createKeepInPlace, type KeepInPlace, type Stores } from "./keep.ts";

/**
 * Its bytes; the URL at which they are, where there is no room for them or the client named the file by it; or nothing,
 * of a file that is erased.
 */
export interface FileInPlace {
  readonly base64?: string;
  readonly url?: string;
}

/** By our ids. */
export type FilesInPlace = ReadonlyMap<string, FileInPlace>;

export const NO_FILES: ReadonlyMap<string, FileInPlace> = new Map();

/** The bytes of all files of one answer: as base64 they take a third more. */
export const MAX_SHOWN_BYTES = 12 << 20;

/**
 * The files that the messages of one answer show, in the order in which there is room for them.
 * @param room what an answer that is made bit by bit has left; default: the answer has these messages alone
 */
export type ShowInPlace = (
  context: CallContext,
  messages: readonly Message[],
  room?: { bytes: number },
) => Promise<FilesInPlace>;

/** How files in place are stored, and shown so again. */
export interface InPlace {
  readonly keep: KeepInPlace;
  readonly show: ShowInPlace;
}

export function createInPlace(stores: Stores): InPlace {
  return { keep: createKeepInPlace(stores), show: createShowInPlace(stores) };
}

function createShowInPlace({ canonical, tls }: Stores): ShowInPlace {
  return async (context, messages, room = { bytes: MAX_SHOWN_BYTES }) => {
    const times = new Map<string, number>();
    for (const message of messages) {
      if (mayHaveNotes(message)) count(message.parts, times);
    }
    if (times.size === 0) return NO_FILES;
    const files = new ShownFiles({ canonical, context, tls, maxBytes: room.bytes });
    const budget = canonical.responseBudget(context);
    const shown = new Map<string, FileInPlace>();
    for (const [id, often] of times) {
      // By URL alone.
      const bytes = often === 0 ? undefined : await files.read(id, undefined, often);
      if (bytes !== undefined) await budget.addBytes(Math.ceil((often * bytes.length) / 3) * 4);
      const base64 = bytes?.toString("base64");
      shown.set(id, { ...(!files.gone.has(id) && { url: files.urlOf(id) }), ...(base64 !== undefined && { base64 }) });
    }
    room.bytes -= files.bytes;
    return shown;
  };
}

/** How often its bytes are shown, and 0 where it is shown by its URL; undefined: by its id. */
function timesOf(extraJson: string | undefined): number | undefined {
  if (isImageResult(extraJson)) return 1;
  const { isFileData, isContentUrl } = takeNotes(membersOf(extraJson ?? "{}") ?? new Map());
  if (isContentUrl) return 0;
  const head = headIn(extraJson);
  // Bytes that another API was sent without a data URL are named by their id here.
  return head !== undefined && (head !== "" || isFileData) ? 1 : undefined;
}

function mayHaveNotes(message: Message): boolean {
  // Nobody may have looked at the parts, and of most messages nobody need.
  const text = lazyText(message, "parts");
  return text === undefined || text === null
    ? message.parts.length > 0
    : [HEAD, GIVEN_IN, IMAGE_RESULT].some((word) => text.includes(word));
}

function count(parts: readonly Part[], times: Map<string, number>): void {
  for (const { content, extraJson } of parts) {
    if (content.case === "toolResult" && content.value.output.case === "parts") {
      count(content.value.output.value.parts, times);
    } else if (content.case === "file" && isStoredFile(content.value.source)) {
      const often = timesOf(extraJson);
      const id = content.value.source.value.toLowerCase();
      if (often !== undefined) times.set(id, (times.get(id) ?? 0) + often);
    }
  }
}
