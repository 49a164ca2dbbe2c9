// Stored files as clients are given them: in the form in which they came, or as their bytes; the largest by URL.
import { clone } from "@bufbuild/protobuf";
import { FileService } from "../../../../gen/colloquy/v1/file_service_pb.ts";
import { type Message, MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type FilePart, type Part, PartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { DomainError, ErrorReason } from "../../../domain/errors.ts";
import { isStoredFile } from "../../../domain/files/named.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import { deriveContext } from "../../../services/in-process/context.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";
import { contentUrlOf } from "./content-url.ts";
import { headIn } from "./form.ts";

/**
 * The bytes of files that one message, or one response that is not cut by messages, holds: more than clients can post.
 */
const MAX_BYTES = 8 << 20;

export interface ShowFilesParts {
  readonly canonical: Canonical;
  readonly context: CallContext;
  /** Whether the server's ports speak TLS: for the URLs of files. */
  readonly tls: boolean;
  /** Maximum bytes of the files together. Default: 8 MiB. */
  readonly maxBytes?: number;
  /** Whether ids of files that people have sent stay ids. Default: they are shown like all others. */
  readonly keepsIds?: boolean;
}

/** Shows the files of one message, or of one response. The same parts in the same order are always shown alike. */
export class ShownFiles {
  readonly #parts: ShowFilesParts;
  /** Bytes that were shown. */
  bytes = 0;
  /** Files that were asked for, and are erased. */
  readonly gone = new Set<string>();

  constructor(parts: ShowFilesParts) {
    this.#parts = parts;
  }

  async message(message: Message): Promise<Message> {
    if (!message.parts.some(namesFiles)) return message;
    const isPersons = this.#parts.keepsIds === true && message.role === MessageRole.USER;
    const parts: Part[] = [];
    for (const part of message.parts) {
      const staysId = isPersons && headIn(part.extraJson) === undefined;
      parts.push(staysId ? part : await this.part(part));
    }
    return { ...message, parts };
  }

  async messages(messages: readonly Message[]): Promise<Message[]> {
    const shown: Message[] = [];
    for (const message of messages) shown.push(await this.message(message));
    return shown;
  }

  async #all(parts: readonly Part[]): Promise<Part[]> {
    const shown: Part[] = [];
    for (const part of parts) shown.push(await this.part(part));
    return shown;
  }

  /** The part, with bytes, a data URL or a URL in place of ids of files. */
  async part(part: Part): Promise<Part> {
    if (!namesFiles(part)) return part;
    const shown = clone(PartSchema, part);
    const { content } = shown;
    if (content.case === "file") await this.#show(content.value, headIn(shown.extraJson));
    else if (content.case === "toolResult" && content.value.output.case === "parts") {
      const { value } = content.value.output;
      value.parts = await this.#all(value.parts);
    }
    return shown;
  }

  async #show(file: FilePart, head: string | undefined): Promise<void> {
    if (!isStoredFile(file.source)) return;
    const fileId = file.source.value;
    const bytes = await this.read(fileId, head === undefined ? file : undefined);
    if (bytes === undefined) {
      file.source = { case: "url", value: this.urlOf(fileId) };
    } else if (head) file.source = { case: "url", value: head + bytes.toString("base64") };
    else file.source = { case: "data", value: bytes };
  }

  /** Where the bytes of a file are, for callers that may read it. */
  urlOf(fileId: string): string {
    const { context, tls } = this.#parts;
    return contentUrlOf(context, tls, fileId);
  }

  /**
   * Undefined: the file is too large, or gone.
   *
   * @param untyped a part that gets the file's media type, if it has none
   * @param times how often it is shown
   */
  async read(fileId: string, untyped?: FilePart, times = 1): Promise<Buffer<ArrayBuffer> | undefined> {
    const { canonical, maxBytes = MAX_BYTES } = this.#parts;
    const { getFile, downloadFile } = FileService.method;
    // Another wire than REST: the headers of the response are not those of a file.
    const context = deriveContext(this.#parts.context, { wire: "connect", idempotencyKey: undefined });
    try {
      const { file } = await canonical.call(context, getFile, { fileId });
      if (untyped !== undefined && file !== undefined) untyped.mediaType ??= file.mediaType;
      const size = times * Number(file?.size ?? 0);
      if (file === undefined || this.bytes + size > maxBytes) return undefined;
      const pieces: Uint8Array[] = [];
      for await (const { body } of canonical.stream(context, downloadFile, { fileId })) {
        // The memory of a piece is used again for the next one.
        if (body !== undefined) pieces.push(Uint8Array.from(body.data));
      }
      this.bytes += size;
      return Buffer.concat(pieces);
    } catch (error) {
      if (!(error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND)) throw error;
      this.gone.add(fileId);
      return undefined;
    }
  }
}

function namesFiles({ content }: Part): boolean {
  if (content.case === "file") return isStoredFile(content.value.source);
  return (
    content.case === "toolResult" &&
    content.value.output.case === "parts" &&
    content.value.output.value.parts.some(namesFiles)
  );
}
