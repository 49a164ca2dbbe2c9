// Sends the bytes of one file to the store as they come: small ones at once, others in parts that become one object at
// the end.
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { Upload } from "@aws-sdk/lib-storage";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { ByteWriter } from "../byte-store.ts";
import type { Bucket } from "./bucket.ts";
import { throwUnavailable } from "./faults.ts";

/** The least that S3 takes as a part. */
const PART_BYTES = 5 * 1024 * 1024;
/** S3 takes so many parts. */
const MAX_PARTS = 10_000;
/** What comes in while a part is on its way. */
const WAITING_BYTES = 256 * 1024;

/** The memory that uploads may take together, while their parts fill and are on their way. */
export class UploadMemory {
  readonly #max: number;
  #held = 0;

  constructor(maxBytes: number) {
    this.#max = maxBytes;
  }

  get held(): number {
    return this.#held;
  }

  /** Throws OVERLOADED if there is not so much. */
  take(bytes: number): void {
    if (this.#held + bytes > this.#max) {
      throw new DomainError(ErrorReason.OVERLOADED, "too many files are being uploaded", { retryAfterMs: 1_000 });
    }
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

export class S3Writer implements ByteWriter {
  readonly #body = new PassThrough({ highWaterMark: WAITING_BYTES });
  readonly #memory: UploadMemory;
  readonly #partBytes: number;
  readonly #done: Promise<unknown>;
  readonly #failed = new AbortController();
  #held = 0;

  /** @param maxBytes of the file, which says how large its parts have to be */
  constructor(bucket: Bucket, object: string, memory: UploadMemory, maxBytes: number) {
    this.#memory = memory;
    this.#partBytes = Math.max(PART_BYTES, Math.ceil(maxBytes / MAX_PARTS));
    const upload = new Upload({
      client: bucket.client,
      params: { Bucket: bucket.name, Key: object, Body: this.#body },
      partSize: this.#partBytes,
      queueSize: 1,
      leavePartsOnError: false,
    });
    this.#body.on("error", () => {});
    this.#done = upload.done();
    this.#done.catch((error: unknown) => {
      this.#failed.abort(error);
      this.#body.destroy();
    });
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.byteLength === 0) return;
    // A part that fills, and the one before it on its way.
    const more = Math.min(chunk.byteLength, Math.max(0, 2 * this.#partBytes - this.#held));
    this.#memory.take(more);
    this.#held += more;
    if (this.#failed.signal.aborted) throwUnavailable(this.#failed.signal.reason);
    if (this.#body.write(chunk)) return;
    await once(this.#body, "drain", { signal: this.#failed.signal }).catch(() =>
      throwUnavailable(this.#failed.signal.reason),
    );
  }

  async commit(): Promise<void> {
    this.#body.end();
    await this.#done.catch(throwUnavailable);
    this.#giveBack();
  }

  async abort(): Promise<void> {
    // Not `Upload.abort`, which leaves before the parts are removed.
    this.#body.destroy(new Error("the upload was given up"));
    await this.#done.catch(() => {});
    this.#giveBack();
  }

  #giveBack(): void {
    this.#memory.give(this.#held);
    this.#held = 0;
  }
}
