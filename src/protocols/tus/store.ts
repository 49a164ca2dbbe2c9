// The uploads of one call, as @tus/server wants them.
import type { Readable } from "node:stream";
import { DataStore, ERRORS, Upload as TusUpload } from "@tus/server";
import type { CreateFileResponse } from "../../../gen/colloquy/v1/file_service_pb.ts";
import type { Call } from "../../pipeline/call/call.ts";
import { Checksums } from "../http/body/checksums.ts";
import { RequestBody } from "../http/body/request-body.ts";
import type { BodyRules } from "../http/body/rules.ts";
import { WrongChecksum } from "./faults.ts";
import type { Upload, Uploads } from "./uploads.ts";

/** What the store tells of an upload beside what tus asks it for. */
export interface Told {
  /** Of the file that an upload has become. */
  readonly onFile: (id: string) => void;
  /** Of an upload that is read: what its client said with it, as it said it. */
  readonly onMetadata: (metadata: string) => void;
}

export class CallStore extends DataStore {
  readonly #uploads: Uploads;
  readonly #call: Call;
  readonly #told: Told;
  readonly #bodies: BodyRules;
  /** The upload that this call has begun. */
  #begun: string | undefined;

  /** @param bodies in what time a body must make progress */
  constructor(uploads: Uploads, call: Call, bodies: BodyRules, told: Told) {
    super();
    this.#uploads = uploads;
    this.#bodies = bodies;
    this.#call = call;
    this.#told = told;
    this.extensions = ["creation", "creation-with-upload", "termination", "expiration", "checksum"];
  }

  override async create(upload: TusUpload): Promise<TusUpload> {
    const { id, size = 0, metadata } = upload;
    const { context } = this.#call;
    const name = metadata?.filename ?? metadata?.name ?? "";
    const mediaType = metadata?.filetype ?? metadata?.type ?? "";
    const purpose = metadata?.purpose ?? "";
    // A key without a value is null.
    const ttl = metadata !== undefined && "ttl" in metadata ? (metadata.ttl ?? "") : undefined;
    const said = { name, mediaType, purpose, ttl, metadata: context.header("upload-metadata") };
    await this.#uploads.begin({ id, ...said, length: size }, context);
    this.#begun = id;
    upload.creation_date = new Date().toISOString();
    if (size === 0) await this.#finish(await this.#uploads.read(id, context));
    return upload;
  }

  override async getUpload(id: string): Promise<TusUpload> {
    const upload = await this.#uploads.read(id, this.#call.context);
    // What broke off between the last byte and the file goes on here.
    await this.#finish(upload);
    if (upload.metadata !== undefined) this.#told.onMetadata(upload.metadata);
    return new TusUpload({
      id,
      size: upload.length,
      offset: upload.stored,
      creation_date: upload.createTime.toISOString(),
    });
  }

  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    const { context } = this.#call;
    const checksums = Checksums.of((name) => context.header(name), "tus");
    // Nothing of it is held: it is on no connection whose share of the memory would count.
    const body = new RequestBody(stream, () => undefined, this.#bodies);
    const bytes = body.pieces(context.interrupt, { streams: true, maxBytes: Number.POSITIVE_INFINITY });
    const verify = () => {
      const header = checksums?.wrong();
      if (header !== undefined) throw new WrongChecksum(header);
    };
    const checked = checksums && { bytes: checksums.over(bytes), verify };
    const stored = await this.#uploads.append(id, offset, checked?.bytes ?? bytes, checked?.verify, context);
    if (stored === undefined) throw ERRORS.INVALID_OFFSET;
    await this.#finish(await this.#uploads.read(id, context));
    return stored;
  }

  /** After a failure: of an upload that this call has begun, its client is told no address, and nobody could end it. */
  async forgetBegun(): Promise<void> {
    if (this.#begun === undefined) return;
    // Otherwise the sweeper finds it.
    await this.remove(this.#begun).catch(() => {});
    this.#begun = undefined;
  }

  override remove(id: string): Promise<void> {
    return this.#uploads.remove(id, this.#call.context);
  }

  override getExpiration(): number {
    return this.#uploads.ageMs;
  }

  async #finish({ id, length, stored, fileId }: Upload): Promise<void> {
    if (stored < length) return;
    this.#told.onFile(fileId ?? (await this.#makeFile(id)));
  }

  async #makeFile(id: string): Promise<string> {
    const { context } = this.#call;
    for await (const response of this.#call.stream(this.#uploads.requests(id, context))) {
      const fileId = (response as CreateFileResponse).file?.id ?? "";
      await this.#uploads.finished(id, fileId, context);
      return fileId;
    }
    throw new Error("a file was made without an answer");
  }
}
