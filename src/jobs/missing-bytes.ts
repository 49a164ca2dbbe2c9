// Notices that files of the database are not in this server's folder, as where servers do not share it, or after a
// restore without it.
import { Rounds } from "../domain/rounds.ts";
import type { ByteStore, FileKey } from "../files/byte-store.ts";
import type { Database } from "../store/database.ts";
import { tenantIds } from "../store/directory/tenants.ts";
import { newestFile } from "../store/files/newest.ts";

const EVERY_MS = 15 * 60_000;
/** Tenants that are looked at in a round. */
const TENANTS = 100;

export interface FolderWatchOptions {
  readonly database: Database;
  readonly bytes: ByteStore;
  /** Called once for each time that files begin to be missing, also at the start. */
  readonly onMissing: (key: FileKey) => void;
  /** Called when a round failed; the next one looks again. */
  readonly onError: (error: unknown) => void;
}

/** Looks at the start and every 15 minutes. */
export function watchFolder({ database, bytes, onMissing, onError }: FolderWatchOptions): Rounds {
  let told = false;
  const round = async (signal: AbortSignal) => {
    const missing = await findMissing(database, bytes, signal);
    if (missing !== undefined && !told) onMissing(missing);
    told = missing !== undefined;
    return undefined;
  };
  return new Rounds({ round, everyMs: EVERY_MS, onError });
}

/**
 * A file whose bytes are not there, of the newest ones of up to 100 tenants. Undefined: they all are, or the store is
 * not asked.
 */
export async function findMissing(
  database: Database,
  bytes: ByteStore,
  signal?: AbortSignal,
): Promise<FileKey | undefined> {
  if (bytes.has === undefined) return undefined;
  for (const tenantId of (await tenantIds(database, signal)).slice(0, TENANTS)) {
    const id = await newestFile(database, tenantId, signal);
    if (id === undefined || (await bytes.has({ tenantId, id }))) continue;
    // Another server may have erased it in between.
    if ((await newestFile(database, tenantId, signal)) === id) return { tenantId, id };
  }
  return undefined;
}
