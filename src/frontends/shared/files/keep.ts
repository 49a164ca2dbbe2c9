// Files that clients send as bytes or data URLs in a message: stored as files, which the message names.
import { createHash } from "node:crypto";
import { create, isMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { FileService } from "../../../../gen/colloquy/v1/file_service_pb.ts";
import type { MessageSchema } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type FilePart, type Part, PartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { DomainError, ErrorReason } from "../../../domain/errors.ts";
import { nameFault } from "../../../domain/files/name.ts";
import { isStoredFile, MAX_FILES } from "../../../domain/files/named.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import { deriveContext } from "../../../services/in-process/context.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";
import { mediaTypeIn, splitDataUrl, withHead } from "./form.ts";

type Draft = MessageInitShape<typeof MessageSchema>;

/** Bytes of one message of an upload. */
const PIECE_BYTES = 1 << 20;

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
  const { principal } = context;
  const isHeld = principal.kind === "key" && principal.client?.conversationId !== undefined;
  if (isHeld || !draft.parts?.some(({ content }) => content?.case === "file")) return draft;
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
  const contentType = mediaTypeIn(head) || file.mediaType || "";
  const name = file.name !== undefined && nameFault(file.name) === undefined ? file.name : "";
  const hash = createHash("sha256")
    .update(JSON.stringify([message, name, contentType]))
    .update(bytes);
  const key = `file ${hash.digest("base64url")}`;
  const upload = (idempotencyKey: string | undefined) =>
    // Another wire than REST: the headers of the request are those of the message.
    canonical.upload(
      deriveContext(context, { wire: "connect", idempotencyKey }),
      FileService.method.createFile,
      piecesOf(bytes, name, contentType),
    );
  const { file: stored } = await firstThere(upload, [key, ...AGAIN.map((place) => `${key} ${place}`)]);
  if (stored === undefined) throw new Error("a file was stored without an answer");
  file.source = { case: "fileId", value: stored.id };
  part.extraJson = withHead(part.extraJson, head);
}

/** How often the file of a post can be erased within a day, while retries of the post still name one file. */
const AGAIN = [2, 3, 4];

/** Uploads under the first key whose file is there or is new; where all are erased, under none. */
async function firstThere<T>(upload: (key: string | undefined) => Promise<T>, keys: readonly string[]): Promise<T> {
  for (const key of keys) {
    try {
      return await upload(key);
    } catch (error) {
      if (!(error instanceof DomainError) || error.reason !== ErrorReason.NOT_FOUND) throw error;
    }
  }
  return upload(undefined);
}

async function* piecesOf(bytes: Uint8Array<ArrayBuffer>, name: string, contentType: string) {
  yield { name, body: { contentType, data: bytes.subarray(0, PIECE_BYTES) } };
  for (let at = PIECE_BYTES; at < bytes.length; at += PIECE_BYTES) {
    yield { body: { data: bytes.subarray(at, at + PIECE_BYTES) } };
  }
}
