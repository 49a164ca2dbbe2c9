// Uploads in pieces that go on where they stopped. Each piece is stored as it comes; all of them become a file at the end.
import { create } from "@bufbuild/protobuf";
import { type CreateFileRequest, CreateFileRequestSchema } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { nameFault } from "../../domain/files/name.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId, newId } from "../../domain/ids/id.ts";
import { UPLOAD_MS } from "../../jobs/files.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { readUsage } from "../../store/files/files.ts";
import * as store from "../../store/files/uploads.ts";
import { type FileParts, fileTooLarge, noRoom } from "../files/create.ts";
import { refuseWithinConversation } from "../within-conversation.ts";

interface NewUpload {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly length: number;
}

/** So many uploads one caller may have begun and not ended. */
const MAX_OWN = 100;
/** In so many pieces an upload may come: each is a stored object. */
const MAX_PIECES = 1_000;

export function createUploads({ database, bytes, maxBytes, quota }: FileParts) {
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

  return {
    maxBytes,
    ageMs: UPLOAD_MS,

    async begin({ id, name, mediaType, length }: NewUpload, context: CallContext): Promise<void> {
      refuseWithinConversation(context);
      const { principal, interrupt } = context;
      const { tenantId, actor } = callerFrom(principal);
      const fault = nameFault(name);
      if (fault !== undefined) throw invalidField("filename", fault, "file.name");
      if (length > maxBytes) throw fileTooLarge(maxBytes);
      const pending = await store.readPending(database, tenantId, actor, interrupt);
      if (pending.own >= MAX_OWN) {
        const rule = `at most ${MAX_OWN} uploads of a caller may be under way: end or delete one, or wait until they expire`;
        throw new DomainError(ErrorReason.OVERLOADED, rule);
      }
      if (quota !== undefined) {
        const used = await readUsage(database, tenantId, interrupt);
        if (used + pending.bytes + length > quota) throw noRoom(quota);
      }
      const row = { id, name, media_type: mediaType, length: BigInt(length) };
      await store.insertUpload(database, tenantId, actor, row);
    },

    read: async (id: string, context: CallContext) => toUpload(await find(id, context)),

    async append(
      id: string,
      at: number,
      source: AsyncIterable<Uint8Array>,
      context: CallContext,
    ): Promise<number | undefined> {
      const { tenantId } = callerFrom(context.principal);
      const row = await find(id, context);
      if (Number(row.stored) !== at) return undefined;
      if (row.piece_ids.length >= MAX_PIECES) {
        throw invalidField("body", `must not be one of more than ${MAX_PIECES} pieces`, "upload.pieces");
      }
      const piece = { tenantId, id: newId() };
      const writer = await bytes.create(piece);
      let size = 0;
      let broken: { readonly error: unknown } | undefined;
      try {
        for await (const chunk of source) {
          if (at + size + chunk.byteLength > Number(row.length)) throw fileTooLarge(Number(row.length));
          await writer.write(chunk);
          size += chunk.byteLength;
        }
      } catch (error) {
        broken = { error };
      }
      // One that stalled counts as a line that broke.
      const refused = broken?.error instanceof DomainError && broken.error.reason !== ErrorReason.DEADLINE_EXCEEDED;
      if (size === 0 || refused) {
        await writer.abort();
        if (broken !== undefined) throw broken.error;
        return at;
      }
      // Of a line that broke, what came counts.
      await writer.commit();
      const appended = await store.appendPiece(database, tenantId, id, row.stored, { id: piece.id, size });
      if (!appended) await removePieces([piece.id], context);
      if (broken !== undefined) throw broken.error;
      return appended ? at + size : undefined;
    },

    async *requests(id: string, context: CallContext): AsyncGenerator<CreateFileRequest> {
      const { tenantId } = callerFrom(context.principal);
      const { piece_ids: ids, piece_sizes: sizes, name, media_type: contentType } = await find(id, context);
      yield create(CreateFileRequestSchema, { name, requestId: `upload-${id}`, body: { contentType } });
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

function toUpload(row: store.UploadRow) {
  return {
    id: row.id,
    name: row.name,
    mediaType: row.media_type,
    length: Number(row.length),
    stored: Number(row.stored),
    fileId: row.file_id ?? undefined,
    createTime: row.create_time,
  };
}
