// CreateFile: stores the bytes as they come, then adds the file that they are.
import { createHash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type CreateFileRequest,
  CreateFileRequestSchema,
  type CreateFileResponse,
  CreateFileResponseSchema,
} from "../../../gen/colloquy/v1/file_service_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { nameFault } from "../../domain/files/name.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { newId } from "../../domain/ids/id.ts";
import type { ByteStore, ByteWriter } from "../../files/byte-store.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { idempotencyKey, requestIdField } from "../../pipeline/call/idempotency-key.ts";
import type { Database, Queryable } from "../../store/database.ts";
import * as store from "../../store/files/files.ts";
import { claim, firstResponse, keep, type RequestKey } from "../../store/idempotency/idempotency.ts";
import { toFile } from "./convert.ts";
import { describe, HEAD_BYTES } from "./describe.ts";
import { isForm, readForm } from "./form.ts";
import type { RunningUploads } from "./running-uploads.ts";

export interface FileParts {
  readonly database: Database;
  readonly bytes: ByteStore;
  /** Maximum bytes of a file. */
  readonly maxBytes: number;
  /** Maximum bytes of the files of a tenant, with those of uploads under way; undefined: no limit. */
  readonly quota: number | undefined;
}

interface CreateParts extends FileParts {
  readonly running: RunningUploads;
}

/** What is uploaded, before its bytes. */
interface Upload {
  /** Read when the bytes have ended: a form may say it after them. */
  name(): string;
  /** Likewise. */
  purpose(): string;
  readonly contentType: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** What is known of bytes once they are stored. */
interface Stored extends store.NewFile {
  readonly writer: ByteWriter;
}

export async function createFile(
  parts: CreateParts,
  requests: AsyncIterable<CreateFileRequest>,
  context: CallContext,
): Promise<CreateFileResponse> {
  const caller = callerFrom(context.principal);
  const { first, chunks, purpose } = await begin(requests);
  const key = idempotencyKey(first, requestIdField(CreateFileRequestSchema), context.idempotencyKey);
  const upload = await uploadOf(first, chunks, purpose);
  let held = 0;
  const hold = (size: number) => {
    held += size;
    return parts.running.count(caller.tenantId, size);
  };
  try {
    return await storeFile(parts, caller, upload, context, key, hold);
  } finally {
    hold(-held);
  }
}

/** Counts bytes that an upload takes; gives what all of the tenant take. */
type Hold = (size: number) => number;

async function storeFile(
  parts: FileParts,
  caller: Caller,
  upload: Upload,
  context: CallContext,
  key: string | undefined,
  hold: Hold,
): Promise<CreateFileResponse> {
  const stored = await storeBytes(parts, caller, upload, context, hold);
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
    const answer = await parts.database.transaction(undefined, (tx) =>
      addOnce(tx, caller, stored, parts.quota, requestKey(key, context, caller, stored)),
    );
    kept = answer.file?.id === stored.id;
    return answer;
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

interface Begun {
  readonly first: CreateFileRequest | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** What has come so far. */
  purpose(): string;
}

/** The first request, and the bytes of all. */
async function begin(requests: AsyncIterable<CreateFileRequest>): Promise<Begun> {
  const iterator = requests[Symbol.asyncIterator]();
  const { value: first, done } = await iterator.next();
  let purpose = done ? "" : first.purpose;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (done) return;
    try {
      yield first.body?.data ?? new Uint8Array();
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        purpose = next.value.purpose || purpose;
        yield next.value.body?.data ?? new Uint8Array();
      }
    } finally {
      // What the requests come from may hold a file open.
      await iterator.return?.();
    }
  }
  return { first: done ? undefined : first, chunks: chunks(), purpose: () => purpose };
}

async function uploadOf(
  first: CreateFileRequest | undefined,
  bytes: AsyncIterable<Uint8Array>,
  purpose: () => string,
): Promise<Upload> {
  const { name = "", body } = first ?? {};
  const contentType = body?.contentType ?? "";
  checkName(name);
  if (!isForm(contentType)) return { name: () => name, purpose, contentType, bytes };
  const form = await readForm(contentType, bytes);
  return {
    name: () => checkName(name || form.fields.get("name") || form.name),
    purpose: () => purpose() || checkPurpose(form.fields.get("purpose") ?? ""),
    contentType: form.contentType,
    bytes: form.bytes,
  };
}

function checkName(name: string): string {
  const fault = nameFault(name);
  if (fault !== undefined) throw invalidField("name", fault, "file.name");
  return name;
}

const MAX_PURPOSE = 64;

/** The rule of the request's own field. */
function checkPurpose(purpose: string): string {
  if ([...purpose].length <= MAX_PURPOSE && !purpose.includes("\0")) return purpose;
  throw invalidField("purpose", `must be at most ${MAX_PURPOSE} characters, without NUL`, "string.max_len");
}

/** Writes the bytes under a new id. Nothing is left of them if it throws. */
async function storeBytes(
  parts: FileParts,
  caller: Caller,
  upload: Upload,
  context: CallContext,
  hold: Hold,
): Promise<Stored> {
  const { database, bytes, quota, maxBytes } = parts;
  const room =
    quota === undefined
      ? Number.POSITIVE_INFINITY
      : quota - (await store.readUsage(database, caller.tenantId, context.interrupt));
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
      if (hold(chunk.byteLength) > room) throw noRoom(quota);
      // A copy: chunks are views of larger buffers.
      if (before < HEAD_BYTES) head.push(chunk.slice(0, HEAD_BYTES - before));
      const written = writer.write(chunk);
      written.catch(() => {});
      hash.update(chunk);
      await written;
      context.signal.throwIfAborted();
    }
    const described = await describe(Buffer.concat(head), size <= HEAD_BYTES, upload.contentType);
    return { writer, id, name: upload.name(), size, sha256: hash.digest(), ...described, purpose: upload.purpose() };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function addOnce(
  tx: Queryable,
  caller: Caller,
  stored: Stored,
  quota: number | undefined,
  key: RequestKey | undefined,
): Promise<CreateFileResponse> {
  const first = key && (await claim(tx, key));
  if (first) return fromBinary(CreateFileResponseSchema, firstResponse(first));
  const row = await store.insertFile(tx, caller, stored, quota);
  if (row === undefined) throw noRoom(quota);
  const answer = create(CreateFileResponseSchema, { file: toFile(row) });
  if (key) await keep(tx, key, toBinary(CreateFileResponseSchema, answer), undefined);
  return answer;
}

/** A retry has the same bytes, name and purpose. */
function requestKey(
  key: string | undefined,
  { method }: CallContext,
  { tenantId, name: caller }: Caller,
  { name, mediaType, sha256, purpose }: Stored,
): RequestKey | undefined {
  if (key === undefined) return undefined;
  const fingerprint = createHash("sha256")
    .update(sha256)
    .update(JSON.stringify(purpose === "" ? [name, mediaType] : [name, mediaType, purpose]))
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
