// Uploads in pieces that go on where they stopped. Each piece is stored as it comes; all of them become a file at the
// end.
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type CreateFileRequest, CreateFileRequestSchema } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { plainType } from "../../domain/files/media-type.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId, newId } from "../../domain/ids/id.ts";
import { UPLOAD_MS } from "../../jobs/files.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { uploaderOf } from "../../store/files/uploader.ts";
import * as store from "../../store/files/uploads.ts";
import { type FileParts, fileTooLarge, noRoom } from "../files/create.ts";
import { checkName, checkPurpose, readTtl } from "../files/upload.ts";
import { refuseGone } from "../files/uploader-gone.ts";
import { refuseWithinConversation } from "../within-conversation.ts";
import { EndingPieces } from "./ending-pieces.ts";

interface NewUpload {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly purpose: string;
  readonly ttl: string | undefined;
  /** All that its client said with it, as it said it. */
  readonly metadata: string | undefined;
  readonly length: number;
}

/** So many uploads one caller may have begun and not ended. */
const MAX_OWN = 100;
/** In so many pieces an upload may come: each is a stored object. */
const MAX_PIECES = 1_000;
const MAX_METADATA_BYTES = 4_096;

export function createUploads({ database, bytes, maxBytes, quota, running }: FileParts) {
  const ending = new EndingPieces();
  const find = async (id: string, context: CallContext): Promise<store.UploadRow> => {
    refuseWithinConversation(context);
    const { principal, interrupt } = context;
    const { tenantId, actor } = callerFrom(principal);
    const row = isOurId(id) ? await store.readUpload(database, tenantId, actor, id, interrupt) : undefined;
    if (row === undefined) throw notFound("upload");
    return row;
  };
  const removePieces = async (ids: readonly string[], { principal, log }: CallContext) => {
    const { tenantId } = callerFrom(principal);
    for (const id of ids) {
      // Otherwise the sweeper finds them.
      await bytes
        .remove({ tenantId, id })
        .catch((error: unknown) => log.warn({ err: error }, "bytes of an upload were not removed"));
    }
  };
  /**
   * @param count told of each chunk before it is stored; throws where there is no room for it
   * @param verify throws if what came is not what was sent
   */
  const storePiece = async (
    row: store.UploadRow,
    source: AsyncIterable<Uint8Array>,
    count: (size: number) => void,
    verify: (() => void) | undefined,
    context: CallContext,
  ): Promise<number | undefined> => {
    const { tenantId, actor } = callerFrom(context.principal);
    const uploader = uploaderOf(context.principal);
    const piece = { tenantId, id: newId() };
    const writer = await bytes.create(piece);
    const at = Number(row.stored);
    let size = 0;
    let broken: { readonly error: unknown } | undefined;
    const keep = async () => {
      await writer.commit();
      return store.appendPiece(database, tenantId, row.id, row.stored, { id: piece.id, size }, actor, uploader);
    };
    let appended = true;
    try {
      // What breaks off, by its client, its deadline or a stall, counts as far as it has come.
      const came = untilBroken(source, (error) => {
        broken = { error };
      });
      for await (const chunk of came) {
        count(chunk.byteLength);
        await writer.write(chunk);
        size += chunk.byteLength;
      }
      // Of a beginning nobody knows whether it is right.
      if (verify !== undefined && broken !== undefined) throw (broken as { readonly error: unknown }).error;
      verify?.();
      if (size === 0) await writer.abort();
      else appended = await ending.during(row.id, keep());
    } catch (error) {
      await writer.abort();
      throw error;
    }
    if (!appended) {
      await removePieces([piece.id], context);
      await refuseGone(database, tenantId, uploader);
    }
    if (broken !== undefined) throw (broken as { readonly error: unknown }).error;
    return appended ? at + size : undefined;
  };

  return {
    maxBytes,
    ageMs: UPLOAD_MS,

    async begin(
      { id, name, mediaType, purpose, ttl: ttlText, metadata, length }: NewUpload,
      context: CallContext,
    ): Promise<void> {
      refuseWithinConversation(context);
      const { principal, interrupt } = context;
      const { tenantId, actor } = callerFrom(principal);
      checkName(name, "filename");
      checkPurpose(purpose);
      const ttlMs = ttlText === undefined ? undefined : readTtl(ttlText);
      if (metadata !== undefined && Buffer.byteLength(metadata) > MAX_METADATA_BYTES) {
        throw invalidField("upload-metadata", `must be at most ${MAX_METADATA_BYTES} bytes`, "string.max_bytes");
      }
      if (length > maxBytes) throw fileTooLarge(maxBytes);
      // Told now and not at the end; but only what has come takes room from others.
      if (quota !== undefined && (await store.readPending(database, tenantId, interrupt)) + length > quota) {
        throw noRoom(quota);
      }
      const ttl = ttlMs === undefined ? null : BigInt(ttlMs);
      const row = {
        id,
        name,
        media_type: plainType(mediaType) ?? "",
        purpose,
        ttl,
        metadata: metadata ?? null,
        length: BigInt(length),
      };
      const begun = await database.transaction(undefined, (tx) =>
        store.insertUpload(tx, tenantId, actor, row, MAX_OWN),
      );
      if (begun) return;
      const rule = `at most ${MAX_OWN} uploads of a caller may be under way: end or delete one, or wait until they expire`;
      throw new DomainError(ErrorReason.OVERLOADED, rule);
    },

    async read(id: string, context: CallContext) {
      // A client whose line broke asks at once where to go on.
      await ending.wait(id);
      return toUpload(await find(id, context));
    },

    async append(
      id: string,
      at: number,
      source: AsyncIterable<Uint8Array>,
      verify: (() => void) | undefined,
      context: CallContext,
    ): Promise<number | undefined> {
      const { tenantId } = callerFrom(context.principal);
      const row = await find(id, context);
      if (Number(row.stored) !== at) return undefined;
      if (row.piece_ids.length >= MAX_PIECES) {
        throw invalidField("body", `must not be one of more than ${MAX_PIECES} pieces`, "upload.pieces");
      }
      const rest = Number(row.length) - at;
      const room = quota === undefined ? rest : quota - (await store.readPending(database, tenantId));
      if (rest > room) throw noRoom(quota);
      const held = running.begin(tenantId);
      let size = 0;
      const count = (more: number) => {
        size += more;
        if (size > rest) throw fileTooLarge(Number(row.length));
        // What others bring at the same time takes room too.
        if (!held.take(more, quota === undefined ? Number.POSITIVE_INFINITY : room)) throw noRoom(quota);
      };
      try {
        return await storePiece(row, source, count, verify, context);
      } finally {
        held.leave();
      }
    },

    async *requests(id: string, context: CallContext): AsyncGenerator<CreateFileRequest> {
      const { tenantId } = callerFrom(context.principal);
      const {
        piece_ids: ids,
        piece_sizes: sizes,
        name,
        purpose,
        ttl,
        media_type: contentType,
      } = await find(id, context);
      const said = { name, purpose, ...(ttl !== null && { ttl: durationFromMs(Number(ttl)) }) };
      yield create(CreateFileRequestSchema, { ...said, requestId: `upload-${id}`, body: { contentType } });
      for (const [index, piece] of ids.entries()) {
        const range = { offset: 0, length: Number(sizes[index] ?? 0n) };
        for await (const data of bytes.read({ tenantId, id: piece }, range)) {
          yield create(CreateFileRequestSchema, { body: { data } });
        }
      }
    },

    async finished(id: string, fileId: string, context: CallContext): Promise<void> {
      const { piece_ids: ids } = await find(id, context);
      await store.finishUpload(database, callerFrom(context.principal).tenantId, id, fileId);
      await removePieces(ids, context);
    },

    async remove(id: string, context: CallContext): Promise<void> {
      const { tenantId, actor } = callerFrom(context.principal);
      const ids = isOurId(id) ? await store.deleteUpload(database, tenantId, actor, id) : undefined;
      if (ids === undefined) throw notFound("upload");
      await removePieces(ids, context);
    },
  };
}

/** @param onBroken told why no more comes, where that is not the end */
async function* untilBroken(source: AsyncIterable<Uint8Array>, onBroken: (error: unknown) => void) {
  try {
    yield* source;
  } catch (error) {
    onBroken(error);
  }
}

function toUpload(row: store.UploadRow) {
  return {
    id: row.id,
    name: row.name,
    mediaType: row.media_type,
    purpose: row.purpose,
    ttl: row.ttl === null ? undefined : `${Number(row.ttl) / 1000}s`,
    metadata: row.metadata ?? undefined,
    length: Number(row.length),
    stored: Number(row.stored),
    fileId: row.file_id ?? undefined,
    createTime: row.create_time,
  };
}
