// FileService: stores files, gives them back, and erases them.
import { FileSchema } from "../../../gen/colloquy/v1/file_pb.ts";
import * as pb from "../../../gen/colloquy/v1/file_service_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { removeErased } from "../../jobs/files.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { audit } from "../../store/audit/audit.ts";
import type { Queryable } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { eraseFile, logFileDeleted } from "../../store/files/erasure.ts";
import * as store from "../../store/files/files.ts";
import { createMutations } from "../mutations.ts";
import { type Listing, paginate } from "../paginate.ts";
import { toFile } from "./convert.ts";
import { createFile, type FileParts } from "./create.ts";
import { type DownloadParts, downloadFile } from "./download.ts";
import { findFile } from "./find.ts";

export interface FileServiceOptions extends FileParts, DownloadParts {
  readonly secrets: TenantSecrets;
}

export function createFileService(options: FileServiceOptions): ServiceEntry {
  const { database, bytes, secrets } = options;
  const { mutation } = createMutations(database);
  const erase = mutation(pb.FileService.method.deleteFile, async (tx, caller, { fileId: id }, context) => {
    const row = isOurId(id) ? await store.readFile(tx, caller, id) : undefined;
    if (row === undefined) throw notFound("file");
    if (row.uploader !== caller.actor && caller.viewer.kind !== "tenant") {
      throw new DomainError(
        ErrorReason.PERMISSION_DENIED,
        "only the uploader of the file and administrators may do this",
      );
    }
    await logFileDeleted(tx, caller.tenantId, row.id, caller.actor);
    if (!(await eraseFile(tx, caller.tenantId, row.id))) throw notFound("file");
    const details = { size: Number(row.size), media_type: row.media_type };
    await audit(tx, caller, context, { action: "file.delete", resourceType: "file", resourceId: row.id, details });
    return {};
  });

  return serve(pb.FileService, {
    createFile: (requests, context) => createFile(options, requests, context),

    async getFile(request, { principal, interrupt }) {
      return { file: toFile(await findFile(database, callerFrom(principal), request, interrupt)) };
    },

    async listFiles(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { afterId } = request;
      if (afterId !== "" && !isOurId(afterId)) throw notFound("file");
      const listing = listingOf(database, caller, scopeOf(request), interrupt, afterId);
      const { items, ...page } = await paginate(secrets, caller, pb.ListFilesRequestSchema, request, listing);
      return { files: items, ...page };
    },

    async listMessageFiles(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { messageId: id, conversationId: shownIn } = request;
      const listing = listingOf(database, caller, { kind: "message", id, shownIn }, interrupt);
      const { items, ...page } = await paginate(secrets, caller, pb.ListMessageFilesRequestSchema, request, listing);
      return { files: items, ...page };
    },

    async deleteFile(request, context) {
      const response = await erase(request, context);
      // The file is gone already; if its bytes cannot be removed now, the sweeper does it.
      await removeErased(database, bytes, (callerFrom(context.principal) satisfies Caller).tenantId).catch(
        (error: unknown) => context.log.warn({ err: error }, "bytes of erased files were not removed"),
      );
      return response;
    },

    downloadFile: (request, context) => downloadFile(options, request, context),
  });
}

/** Throws INVALID_FIELD for what does not go with a conversation. */
function scopeOf({ conversationId: id, purpose, order, afterId }: pb.ListFilesRequest): store.FileScope {
  if (id === "") return { kind: "uploads", purpose, oldestFirst: order === pb.FileOrder.OLDEST_FIRST };
  const own = Object.entries({ purpose, order, after_id: afterId }).find(([, value]) => Boolean(value));
  if (own !== undefined) throw invalidField(own[0], "must be empty with a conversation", "file.own_uploads");
  return { kind: "conversation", id };
}

function listingOf(
  database: Queryable,
  caller: Caller,
  scope: store.FileScope,
  interrupt: Interrupt,
  afterId = "",
): Listing<store.FileRow, typeof FileSchema> {
  return {
    item: FileSchema,
    async read({ after: [edge = afterId || undefined] = [], limit }) {
      const ids =
        scope.kind === "uploads" ? [] : scope.kind === "message" ? [scope.id, scope.shownIn || scope.id] : [scope.id];
      const exists = ids.every(isOurId);
      const found = exists ? await store.listFiles(database, caller, scope, { edge, limit }, interrupt) : undefined;
      if (found === undefined) throw notFound(scope.kind);
      return found;
    },
    convert: toFile,
    key: ({ id }) => [id],
  };
}
