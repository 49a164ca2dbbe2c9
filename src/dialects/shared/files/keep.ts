// Files that clients send as bytes or data URLs in a message: stored as files, which the message names.
import { createHash } from "node:crypto";
import { create, isMessage, type MessageInitShape } from "@bufbuild/protobuf";
import type { MessageSchema } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type FilePart, type Part, PartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { isStoredFile, MAX_FILES } from "../../../domain/files/named.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";
import { mediaTypeIn, splitDataUrl, withHead } from "./form.ts";
import { mayUpload, storeOnce } from "./store-once.ts";

type Draft = MessageInitShape<typeof MessageSchema>;

/**
 * The message with stored files in place of bytes. A retry finds the files of the first attempt. What stays inline:
 * files past the 20 that a message names, data URLs that would come back as other text, and all of a token for one
 * conversation, which uploads nothing. Throws what CreateFile throws.
 *
 * @param chatId the client's id of the conversation
 */
export async function keepFiles<D extends Draft>(
  canonical: Canonical,
  context: CallContext,
  chatId: string,
  draft: D,
): Promise<D> {
  if (!mayUpload(context) || !draft.parts?.some(({ content }) => content?.case === "file")) return draft;
  const parts = draft.parts.map((part) => (isMessage(part, PartSchema) ? part : create(PartSchema, part)));
  let room =
    MAX_FILES - parts.filter(({ content }) => content.case === "file" && isStoredFile(content.value.source)).length;
  for (const part of parts) {
    const found = room > 0 ? bytesIn(part) : undefined;
    if (found === undefined) continue;
    room--;
    await keep(canonical, context, `${chatId} ${draft.clientId ?? ""}`, part, found);
  }
  return { ...draft, parts };
}

interface Found {
  readonly file: FilePart;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of a data URL; else empty. */
  readonly head: string;
}

function bytesIn({ content }: Part): Found | undefined {
  if (content.case !== "file") return undefined;
  const { source } = content.value;
  if (source.case === "data" && source.value.length > 0) {
    return { file: content.value, bytes: Uint8Array.from(source.value), head: "" };
  }
  const split = source.case === "url" ? splitDataUrl(source.value) : undefined;
  return split && { file: content.value, ...split };
}

async function keep(canonical: Canonical, context: CallContext, message: string, part: Part, found: Found) {
  const { file, bytes, head } = found;
  const fileId = await storeOnce(canonical, context, message, {
    name: file.name ?? "",
    contentType: mediaTypeIn(head) || file.mediaType || "",
    sha256: createHash("sha256").update(bytes).digest("base64url"),
    pieces: () => [bytes],
  });
  file.source = { case: "fileId", value: fileId };
  part.extraJson = withHead(part.extraJson, head);
}
