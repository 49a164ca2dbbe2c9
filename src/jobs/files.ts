// Removes the bytes of erased files, files that no message named in time, and bytes that no file has.
import type { Interrupt } from "../domain/cancellation.ts";
import type { ByteStore, FileKey } from "../files/byte-store.ts";
import type { Database } from "../store/database.ts";
import {
  eraseExpiredFiles,
  eraseUnnamedFiles,
  existingFiles,
  findErased,
  forgetFiles,
} from "../store/files/erasure.ts";
import { deleteOldUploads } from "../store/files/uploads.ts";

/** How long a file waits for a message that names it. */
const UNNAMED_MS = 24 * 3_600_000;
/** Bytes that are younger may be those of an upload whose row is not there yet. */
const LOST_MS = 24 * 3_600_000;
/** So many at a time. */
const BATCH = 500;

/**
 * Removes the bytes of the erased files of a tenant, then forgets them. Returns how many. Several servers may do this
 * at once.
 */
export async function removeErased(
  database: Database,
  bytes: ByteStore,
  tenantId: string,
  signal?: Interrupt,
): Promise<number> {
  let removed = 0;
  while (!signal?.aborted) {
    const ids = await findErased(database, tenantId, BATCH, signal);
    if (ids.length === 0) break;
    for (const id of ids) await bytes.remove({ tenantId, id });
    await forgetFiles(database, tenantId, ids);
    removed += ids.length;
  }
  return removed;
}

/** How long an upload may go on. */
export const UPLOAD_MS = 24 * 3_600_000;

/**
 * Forgets uploads that did not end in time, and those that became files, with what has come of them. Returns how many.
 */
export async function sweepUploads(
  database: Database,
  bytes: ByteStore,
  tenantId: string,
  signal?: Interrupt,
  ageMs = UPLOAD_MS,
): Promise<number> {
  let swept = 0;
  while (!signal?.aborted) {
    const uploads = await deleteOldUploads(database, tenantId, ageMs, BATCH, signal);
    if (uploads.length === 0) break;
    for (const id of uploads.flat()) await bytes.remove({ tenantId, id });
    swept += uploads.length;
  }
  return swept;
}

/** Erases the files of a tenant that no message has named in time or whose time has come, and removes all erased ones. Returns how many. */
export async function sweepFiles(
  database: Database,
  bytes: ByteStore,
  tenantId: string,
  signal?: AbortSignal,
  unnamedMs = UNNAMED_MS,
): Promise<number> {
  while (!signal?.aborted && (await eraseUnnamedFiles(database, tenantId, unnamedMs, BATCH, signal)) > 0);
  while (!signal?.aborted && (await eraseExpiredFiles(database, tenantId, BATCH, signal)) > 0);
  return removeErased(database, bytes, tenantId, signal);
}

/** Removes bytes of uploads that never became files, of all tenants. Returns how many there were. */
export async function sweepLostBytes(
  database: Database,
  bytes: ByteStore,
  signal?: AbortSignal,
  lostMs = LOST_MS,
): Promise<number> {
  const before = new Date(Date.now() - lostMs);
  let removed = await bytes.removeUnfinished(before);
  let batch: FileKey[] = [];
  const look = async () => {
    for (const [tenantId, keys] of Map.groupBy(batch, (key) => key.tenantId)) {
      const ids = keys.map(({ id }) => id);
      const known = await existingFiles(database, tenantId, ids, signal);
      for (const id of ids.filter((one) => !known.has(one))) {
        await bytes.remove({ tenantId, id });
        removed++;
      }
    }
    batch = [];
  };
  for await (const key of bytes.list(before)) {
    if (signal?.aborted) return removed;
    batch.push(key);
    if (batch.length === BATCH) await look();
  }
  await look();
  return removed;
}
