// Stored files whose clients sent them in place, shown in place again: as many as an answer may have.
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { Part } from "../../../../gen/colloquy/v1/part_pb.ts";
import { isStoredFile } from "../../../domain/files/named.ts";
import { lazyText } from "../../../domain/protobuf/lazy-field.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";
import { HEAD, headIn } from "../../shared/files/form.ts";
import { ShownFiles } from "../../shared/files/show.ts";
import { takeNotes } from "../items/file-notes.ts";
import { membersOf } from "../items/json-members.ts";

/** Its bytes, or, where there is no room for them, the URL at which they are. */
export interface FileInPlace {
  readonly base64?: string;
  readonly url?: string;
}

/** By our ids. */
export type FilesInPlace = ReadonlyMap<string, FileInPlace>;

export const NO_FILES: ReadonlyMap<string, FileInPlace> = new Map();

/** The bytes of all files of one answer: as base64 they take a third more. */
export const MAX_SHOWN_BYTES = 12 << 20;

/** The files that the messages of one answer show, in the order in which there is room for them. */
export type ShowInPlace = (context: CallContext, messages: readonly Message[]) => Promise<FilesInPlace>;

/** @param tls whether the server's ports speak TLS: for the URLs of files */
export function createShowInPlace(canonical: Canonical, tls: boolean): ShowInPlace {
  return async (context, messages) => {
    const times = new Map<string, number>();
    for (const message of messages) {
      if (mayHaveHeads(message)) count(message.parts, times);
    }
    if (times.size === 0) return NO_FILES;
    const files = new ShownFiles({ canonical, context, tls, maxBytes: MAX_SHOWN_BYTES });
    const budget = canonical.responseBudget(context);
    const shown = new Map<string, FileInPlace>();
    for (const [id, often] of times) {
      const bytes = await files.read(id, undefined, often);
      if (bytes !== undefined) await budget.addBytes(Math.ceil((often * bytes.length) / 3) * 4);
      shown.set(id, bytes === undefined ? { url: files.urlOf(id) } : { base64: bytes.toString("base64") });
    }
    return shown;
  };
}

/** Bytes that another API was sent without a data URL are named by their id here. */
function isInPlace(extraJson: string | undefined): boolean {
  const head = headIn(extraJson);
  return head !== undefined && (head !== "" || takeNotes(membersOf(extraJson ?? "{}") ?? new Map()).isFileData);
}

function mayHaveHeads(message: Message): boolean {
  // Nobody may have looked at the parts, and of most messages nobody need.
  return lazyText(message, "parts")?.includes(HEAD) ?? message.parts.length > 0;
}

function count(parts: readonly Part[], times: Map<string, number>): void {
  for (const { content, extraJson } of parts) {
    if (content.case === "toolResult" && content.value.output.case === "parts") {
      count(content.value.output.value.parts, times);
    } else if (content.case === "file" && isStoredFile(content.value.source) && isInPlace(extraJson)) {
      const id = content.value.source.value.toLowerCase();
      times.set(id, (times.get(id) ?? 0) + 1);
    }
  }
}
