// CreateFile: stores the bytes as they come, then adds the file that they are.
import { createHash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { File } from "../../../gen/colloquy/v1/file_pb.ts";
import {
  type CreateFileRequest,
  CreateFileRequestSchema,
  type CreateFileResponse,
  CreateFileResponseSchema,
} from "../../../gen/colloquy/v1/file_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { newId } from "../../domain/ids/id.ts";
import type { ByteStore, ByteWriter } from "../../files/byte-store.ts";
import { describe, HEAD_BYTES } from "../../files/describe.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { idempotencyKey, requestIdField } from "../../pipeline/call/idempotency-key.ts";
import type { Database, Queryable } from "../../store/database.ts";
import * as store from "../../store/files/files.ts";
import { type Uploader, uploaderOf } from "../../store/files/uploader.ts";
import { claimInTurn, firstResponse, keep, type RequestKey } from "../../store/idempotency/idempotency.ts";
import { toFile } from "./convert.ts";
import { isForm } from "./form.ts";
import type { RunningUpload, RunningUploads } from "./running-uploads.ts";
import { begin, type Upload, uploadOf } from "./upload.ts";
import { refuseGone } from "./uploader-gone.ts";

export interface FileParts {
  readonly database: Database;
  readonly bytes: ByteStore;
  /** Maximum bytes of a file. */
  readonly maxBytes: number;
  /** Maximum bytes of the files of a tenant, with those of uploads under way; undefined: no limit. */
  readonly quota: number | undefined;
  readonly running: RunningUploads;
}

/** What is known of bytes once they are stored. */
interface Stored extends store.NewFile {
  readonly writer: ByteWriter;
}

export async function createFile(
  parts: FileParts,
  requests: AsyncIterable<CreateFileRequest>,
  context: CallContext,
): Promise<CreateFileResponse> {
  const caller = callerFrom(context.principal);
  // Before any of the body is read: a client that asks first is spared sending it.
  const room = await roomOf(parts, caller, context);
  const { first, chunks, said } = await begin(requests);
  const key = idempotencyKey(first, requestIdField(CreateFileRequestSchema), context.idempotencyKey);
  const upload = await uploadOf(first, chunks, said, context.wire === "rest");
  const running = parts.running.begin(caller.tenantId);
  try {
    return await storeFile({ ...parts, room }, caller, upload, context, key, running);
  } finally {
    running.leave();
    upload.leave?.();
  }
}

interface PartsWithRoom extends FileParts {
  /** Bytes that the tenant may yet take, with those of uploads under way. */
  readonly room: number;
}

/** What a form adds to its file: at most 32 fields of 16 KiB, and the headers of 40 parts. */
const FORM_BYTES = 2 ** 20;

/** Throws TOO_LARGE or FILE_QUOTA_EXCEEDED if the head of the request says as much. */
async function roomOf({ database, quota, maxBytes }: FileParts, caller: Caller, context: CallContext): Promise<number> {
  const whole = context.wire === "rest" && context.header("content-encoding") === undefined;
  const said = whole ? Number(context.header("content-length") ?? 0) : 0;
  const least = said - (isForm(context.header("content-type") ?? "") ? FORM_BYTES : 0);
  if (least > maxBytes) throw fileTooLarge(maxBytes);
  if (quota === undefined) return Number.POSITIVE_INFINITY;
  const room = quota - (await store.readUsage(database, caller.tenantId, context.interrupt));
  if (least > room) throw noRoom(quota);
  return room;
}

async function storeFile(
  parts: PartsWithRoom,
  caller: Caller,
  upload: Upload,
  context: CallContext,
  key: string | undefined,
  running: RunningUpload,
): Promise<CreateFileResponse> {
  const stored = await storeBytes(parts, caller, upload, context, running);
  try {
    await stored.writer.commit();
  } catch (error) {
    await stored.writer.abort();
    throw error;
  }
  let kept = false;
  try {
    // Some clients end a stream before they reset it: what is cut short looks whole for a moment.
    context.signal.throwIfAborted();
    // From here on the call's own signal is left out: bytes that are stored get their row.
    const request = requestKey(key, context, caller, stored);
    const uploader = uploaderOf(context.principal);
    const add = (on: Queryable) => addOnce(on, caller, uploader, stored, parts.quota, request);
    // Without a key it is one statement.
    const response = await (request === undefined ? add(parts.database) : parts.database.transaction(undefined, add));
    kept = response.file?.id === stored.id;
    return response;
  } catch (error) {
    // Whether a broken commit took effect is not known: then the sweeper looks.
    kept = error instanceof DomainError && error.details.metadata?.outcome === "unknown";
    throw error;
  } finally {
    if (!kept)
      await parts.bytes
        .remove({ tenantId: caller.tenantId, id: stored.id })
        .catch((error: unknown) => context.log.warn({ err: error }, "bytes of a file were not removed"));
  }
}

/** Writes the bytes under a new id. Nothing is left of them if it throws. */
async function storeBytes(
  parts: PartsWithRoom,
  caller: Caller,
  upload: Upload,
  context: CallContext,
  running: RunningUpload,
): Promise<Stored> {
  const { bytes, quota, maxBytes, room } = parts;
  const id = newId();
  const writer = await bytes.create({ tenantId: caller.tenantId, id });
  try {
    const hash = createHash("sha256");
    const head: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of upload.bytes) {
      const before = size;
      size += chunk.byteLength;
      if (size > maxBytes) throw fileTooLarge(maxBytes);
      if (!running.take(chunk.byteLength, room)) throw noRoom(quota);
      // A copy, which the method of Buffers is not: the chunk may be given away, or be a view of a larger one.
      if (before < HEAD_BYTES) head.push(new Uint8Array(chunk.subarray(0, HEAD_BYTES - before)));
      // What is hashed meanwhile is read by nobody else.
      const written = writer.write(chunk, { give: upload.isOwn });
      written.catch(() => {});
      hash.update(chunk);
      await written;
      context.signal.throwIfAborted();
    }
    const described = await describe(Buffer.concat(head), size <= HEAD_BYTES, upload.contentType);
    const said = { name: upload.name(), purpose: upload.purpose(), ttlMs: upload.ttlMs() };
    return { writer, id, size, sha256: hash.digest(), ...described, ...said };
  } catch (error) {
    // Others may have its room while it goes.
    running.leave();
    await writer.abort();
    throw error;
  }
}

async function addOnce(
  tx: Queryable,
  caller: Caller,
  uploader: Uploader,
  stored: Stored,
  quota: number | undefined,
  key: RequestKey | undefined,
): Promise<CreateFileResponse> {
  // All bytes are stored: whoever has the key is about to say which file it was.
  const first = key && (await claimInTurn(tx, key));
  if (first) return create(CreateFileResponseSchema, { file: await again(tx, caller, firstResponse(first)) });
  const row = await store.insertFile(tx, caller, uploader, stored, quota);
  if (row === undefined) {
    await refuseGone(tx, caller.tenantId, uploader);
    throw noRoom(quota);
  }
  if (key) await keep(tx, key, toBinary(CreateFileResponseSchema, firstAnswer(row.id)), undefined);
  return create(CreateFileResponseSchema, { file: toFile(row) });
}

/** Kept for retries: no more than which file it was. What was erased must not be told by them. */
function firstAnswer(id: string): CreateFileResponse {
  return create(CreateFileResponseSchema, { file: { id } });
}

/** Throws NOT_FOUND if the caller does not see it any more. */
async function again(tx: Queryable, caller: Caller, response: Uint8Array): Promise<File> {
  const { file } = fromBinary(CreateFileResponseSchema, response);
  const row = await store.readFile(tx, caller, file?.id ?? "");
  if (row === undefined) throw notFound("file");
  return toFile(row);
}

/** A retry has the same bytes, name, purpose and time to live. */
function requestKey(
  key: string | undefined,
  { method }: CallContext,
  { tenantId, name: caller }: Caller,
  { name, mediaType, sha256, purpose, ttlMs }: Stored,
): RequestKey | undefined {
  if (key === undefined) return undefined;
  const fingerprint = createHash("sha256")
    .update(sha256)
    .update(
      JSON.stringify([name, mediaType, ...(purpose === "" && !ttlMs ? [] : [purpose]), ...(ttlMs ? [ttlMs] : [])]),
    )
    .digest();
  return { tenantId, caller, method: `${method.parent.typeName}/${method.name}`, key, fingerprint };
}

export function fileTooLarge(maxBytes: number): DomainError {
  return new DomainError(ErrorReason.TOO_LARGE, `a file may have at most ${maxBytes} bytes`);
}

export function noRoom(quota: number | undefined): DomainError {
  const description = `the files of the tenant may take at most ${quota} bytes together`;
  return new DomainError(ErrorReason.FILE_QUOTA_EXCEEDED, description, { quota: { subject: "tenant", description } });
}
