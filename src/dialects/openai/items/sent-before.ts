// Whether an item that is sent with an id is the stored one that has it: as it is shown, and with equal files in place.
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { create } from "@bufbuild/protobuf";
import { type Message, MessageSchema } from "../../../../gen/colloquy/v1/message_pb.ts";
import { MAX_IN_PLACE, STAND_IN, withEachText } from "../../../domain/files/inline-bytes.ts";
import { splitDataUrl } from "../../shared/files/form.ts";
import type { FilesInPlace } from "../files/in-place.ts";
import type { MessageDraft } from "./drafts.ts";
import { writeItem } from "./write-item.ts";

/**
 * The stored entry as a draft, if the item is shown as that is. So what a client has got is the same as what it sent,
 * and no file is stored to compare it.
 *
 * @param files the stored entry's, each with what stands for its bytes
 */
export function asStored(draft: MessageDraft, stored: Message, files: FilesInPlace): MessageDraft | undefined {
  const { id, clientId, state, createTime, role, kind, content, parts } = stored;
  const sent = create(MessageSchema, { ...draft, id, clientId, state, ...(createTime && { createTime }) });
  if (!isDeepStrictEqual(shown(sent), shown(stored, files))) return undefined;
  return { kind, role, clientId, parts, ...(parts.length === 0 && { content }) };
}

function shown(message: Message, files?: FilesInPlace): unknown {
  return withEachText(JSON.parse(writeItem(message, files).json), shortened);
}

/** With what stands for the base64 of a long data URL, where a wire has left it in the item. */
function shortened(text: string): string {
  const split = text.length > MAX_IN_PLACE ? splitDataUrl(text) : undefined;
  return split === undefined ? text : split.head + standInOf(createHash("sha256").update(split.bytes).digest("hex"));
}

/** What stands for the bytes of a file. @param sha256 in hexadecimal digits */
export function standInOf(sha256: string): string {
  return STAND_IN + Buffer.from(sha256, "hex").toString("base64url");
}
