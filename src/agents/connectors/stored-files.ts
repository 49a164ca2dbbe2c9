// Gives agents the bytes of the files that messages name: an id of this store tells a model nothing.
import { type FileBytes, filesIn, withBytes } from "../../domain/files/named.ts";
import type { ByteStore } from "../../files/byte-store.ts";
import type { Queryable } from "../../store/database.ts";
import { type NamedFileRow, readNamed } from "../../store/files/named-files.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import type { ReplyRequest } from "./connector.ts";
import type { Connectors } from "./connectors.ts";

/** The bytes of all files of one call. Of larger histories the agent gets the latest files. */
const MAX_BYTES = 8 * 1024 * 1024;

export interface StoredFilesOptions {
  readonly database: Queryable;
  readonly bytes: ByteStore;
}

/** The same connectors, of which each gets files in place: their bytes, or no more than their names where there are too many. */
export function connectorsWithFiles(connectors: Connectors, options: StoredFilesOptions): Connectors {
  return {
    ...connectors,
    connectorOf(tenantId, agent) {
      const connector = connectors.connectorOf(tenantId, agent);
      return async function* (request, signal) {
        return yield* connector(await inPlace(request, options, signal), signal);
      };
    },
  };
}

async function inPlace(request: ReplyRequest, options: StoredFilesOptions, signal: AbortSignal): Promise<ReplyRequest> {
  const named = request.messages.map(({ parts }) => filesIn(parts).map(({ id }) => id));
  if (named.every((ids) => ids.length === 0)) return request;
  const places = request.messages.flatMap(({ conversation_id: conversationId, seq }, index) =>
    (named[index] ?? []).map((fileId) => ({ fileId, conversationId, seq })),
  );
  const rows = await readNamed(options.database, request.tenantId, places, signal);
  const chosen = await read(
    rows,
    places.map(({ fileId }) => fileId).reverse(),
    request.tenantId,
    options.bytes,
    signal,
  );
  return {
    ...request,
    messages: request.messages.map((row, index) => (named[index]?.length ? filled(row, chosen) : row)),
  };
}

function filled(row: MessageRow, files: ReadonlyMap<string, FileBytes>): MessageRow {
  return { ...row, parts: withBytes(row.parts ?? "[]", files) };
}

/** Reads the files in this order, as many as there is room for. */
async function read(
  rows: readonly NamedFileRow[],
  order: readonly string[],
  tenantId: string,
  bytes: ByteStore,
  signal: AbortSignal,
): Promise<Map<string, FileBytes>> {
  const files = new Map<string, FileBytes>();
  let room = MAX_BYTES;
  for (const id of new Set(order)) {
    const row = rows.find((one) => one.id === id);
    if (row === undefined) continue;
    const { name, media_type: mediaType } = row;
    const length = Number(row.size);
    if (length > room) {
      files.set(id, { name, mediaType, base64: undefined });
      continue;
    }
    room -= length;
    const pieces: Uint8Array[] = [];
    if (length > 0) for await (const piece of bytes.read({ tenantId, id }, { offset: 0, length })) pieces.push(piece);
    signal.throwIfAborted();
    files.set(id, { name, mediaType, base64: Buffer.concat(pieces).toString("base64") });
  }
  return files;
}
