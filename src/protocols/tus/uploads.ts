// What tus needs of the uploads, which services/uploads has.
import type { CreateFileRequest } from "../../../gen/colloquy/v1/file_service_pb.ts";
import type { CallContext } from "../../pipeline/call/call.ts";

/** An upload as far as it has come. */
export interface Upload {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  /** Empty: none was said. */
  readonly purpose: string;
  /** How long the file is to be kept, such as `86400s`. Undefined: as long as a message names it. */
  readonly ttl: string | undefined;
  /** All that its client said with it, as it said it. Undefined: nothing. */
  readonly metadata: string | undefined;
  readonly length: number;
  readonly stored: number;
  /** What it became. */
  readonly fileId: string | undefined;
  readonly createTime: Date;
}

export type NewUpload = Pick<Upload, "id" | "name" | "mediaType" | "purpose" | "ttl" | "metadata" | "length">;

export interface Uploads {
  /** Maximum bytes of an upload. */
  readonly maxBytes: number;
  /** How long an upload may go on. */
  readonly ageMs: number;
  /** Throws if the file would be too large, the tenant has no room for it, or the metadata break a rule. */
  begin(upload: NewUpload, context: CallContext): Promise<void>;
  /** Throws NOT_FOUND for those of others too. */
  read(id: string, context: CallContext): Promise<Upload>;
  /**
   * Stores what comes, also if it breaks off. Undefined: the upload does not stand there.
   *
   * @param verify called when all has come: if it throws, nothing of it is stored, and neither where it breaks off
   */
  append(
    id: string,
    at: number,
    bytes: AsyncIterable<Uint8Array>,
    verify: (() => void) | undefined,
    context: CallContext,
  ): Promise<number | undefined>;
  /** The requests of CreateFile that make the file of an upload that is whole. However often, it is one file. */
  requests(id: string, context: CallContext): AsyncIterable<CreateFileRequest>;
  finished(id: string, fileId: string, context: CallContext): Promise<void>;
  remove(id: string, context: CallContext): Promise<void>;
}
