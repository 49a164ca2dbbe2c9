// Uploads that go on where they stopped: which pieces have come of each.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Queryable, Statement } from "../database.ts";
import { type Uploader, uploaderStays } from "./uploader.ts";

export interface UploadRow {
  readonly id: string;
  readonly name: string;
  readonly media_type: string;
  /** Empty: none was said. */
  readonly purpose: string;
  /** In milliseconds. */
  readonly ttl: bigint | null;
  /** All that its client said with it, as it said it. */
  readonly metadata: string | null;
  readonly length: bigint;
  /** How many bytes have come. */
  readonly stored: bigint;
  readonly piece_ids: readonly string[];
  readonly piece_sizes: readonly bigint[];
  /** What it became. */
  readonly file_id: string | null;
  readonly create_time: Date;
}

const columns =
  "u.id, u.name, u.media_type, u.purpose, u.ttl, u.metadata, u.length, u.stored, u.piece_ids, u.piece_sizes, u.file_id, u.create_time";

/** How much room files and what has come of unfinished uploads take. $1 tenant. */
const pending: Statement<{ bytes: bigint }> = {
  name: "upload_pending",
  text: `
  select (coalesce(sum(u.stored), 0) + coalesce((select f.bytes from file_usage f where f.tenant_id = $1), 0))::bigint as bytes
  from upload u where u.tenant_id = $1 and u.file_id is null`,
};

/** Lets a caller begin one at a time: those that begin together are counted too. $1 tenant, $2 actor. */
const lockOwn: Statement = {
  name: "upload_lock",
  text: "select pg_advisory_xact_lock(hashtextextended('uploads ' || $1::uuid::text || ' ' || $2::text, 0))",
};

/**
 * No row: the caller has as many as it may. $1 tenant, $2 id, $3 actor, $4 name, $5 media type, $6 length, $7 purpose,
 * $8 time to live or null, $9 metadata or null, $10 maximum.
 */
const insert: Statement<{ id: string }> = {
  name: "upload_insert",
  changes: true,
  text: `
  insert into upload (tenant_id, id, actor, name, media_type, length, stored, piece_ids, piece_sizes, create_time, purpose, ttl, metadata)
  select $1, $2::uuid, $3, $4, $5, $6::bigint, 0, '{}', '{}', date_trunc('milliseconds', statement_timestamp()), $7, $8::bigint, $9
  where (select count(*) from upload u where u.tenant_id = $1 and u.actor = $3 and u.file_id is null) < $10::bigint
  returning id::text as id`,
};

/** $1 tenant, $2 id, $3 actor. */
const read: Statement<UploadRow> = {
  name: "upload_read",
  text: `select ${columns} from upload u where u.tenant_id = $1 and u.id = $2::uuid and u.actor = $3`,
};

/**
 * Only where it stands as the writer took it to, and who writes may still call. $1 tenant, $2 id, $3 bytes before, $4
 * piece, $5 its size,
 * $6 the caller as an actor, $7 the member that uploads or null, $8 the key or null.
 */
const append: Statement<{ stored: bigint }> = {
  name: "upload_append",
  changes: true,
  text: `
  update upload u set stored = u.stored + $5::bigint, piece_ids = u.piece_ids || $4::uuid, piece_sizes = u.piece_sizes || $5::bigint
  where u.tenant_id = $1 and u.id = $2::uuid and u.stored = $3::bigint and u.stored + $5::bigint <= u.length
    and u.actor = $6::text collate "C" and ${uploaderStays("$7", "$8")}
  returning u.stored`,
};

/** $1 tenant, $2 id, $3 file. */
const finish: Statement = {
  name: "upload_finish",
  changes: true,
  text: `
  update upload u set file_id = $3::uuid, piece_ids = '{}', piece_sizes = '{}' where u.tenant_id = $1 and u.id = $2::uuid`,
};

/** $1 tenant, $2 id, $3 actor. */
const remove: Statement<{ piece_ids: readonly string[] }> = {
  name: "upload_delete",
  changes: true,
  text: "delete from upload u where u.tenant_id = $1 and u.id = $2::uuid and u.actor = $3 returning u.piece_ids",
};

/** $1 tenant, $2 milliseconds, $3 limit. */
const expire: Statement<{ piece_ids: readonly string[] }> = {
  name: "upload_expire",
  changes: true,
  text: `
  delete from upload u where u.tenant_id = $1 and u.id in (
    select o.id from upload o where o.tenant_id = $1 and o.create_time < now() - $2 * interval '1 millisecond'
    order by o.create_time limit $3 for update skip locked)
  returning u.piece_ids`,
};

/** How many bytes files and what has come of unfinished uploads take together. */
export async function readPending(on: Queryable, tenantId: string, signal?: Interrupt): Promise<number> {
  const [row] = await on.query(pending, [tenantId], signal);
  return Number(row?.bytes ?? 0n);
}

/** In a transaction. False: the caller has begun as many as it may, and not ended them. */
export async function insertUpload(
  tx: Queryable,
  tenantId: string,
  actor: string,
  {
    id,
    name,
    media_type,
    length,
    purpose,
    ttl,
    metadata,
  }: Pick<UploadRow, "id" | "name" | "media_type" | "length" | "purpose" | "ttl" | "metadata">,
  maxOwn: number,
): Promise<boolean> {
  await tx.query(lockOwn, [tenantId, actor]);
  const values = [tenantId, id, actor, name, media_type, length, purpose, ttl, metadata, maxOwn];
  return (await tx.query(insert, values)).length > 0;
}

/** Undefined: the caller has no such upload. */
export async function readUpload(
  on: Queryable,
  tenantId: string,
  actor: string,
  id: string,
  signal?: Interrupt,
): Promise<UploadRow | undefined> {
  return (await on.query(read, [tenantId, id, actor], signal))[0];
}

/** False: another piece came first, the upload is gone, or its uploader may not call any more. */
export async function appendPiece(
  on: Queryable,
  tenantId: string,
  id: string,
  before: bigint,
  piece: { readonly id: string; readonly size: number },
  actor: string,
  { memberId, keyId }: Uploader,
): Promise<boolean> {
  const values = [tenantId, id, before, piece.id, piece.size, actor, memberId, keyId];
  return (await on.query(append, values)).length > 0;
}

export async function finishUpload(on: Queryable, tenantId: string, id: string, fileId: string): Promise<void> {
  await on.query(finish, [tenantId, id, fileId]);
}

/** The pieces whose bytes are to be removed; undefined: there was none. */
export async function deleteUpload(
  on: Queryable,
  tenantId: string,
  actor: string,
  id: string,
): Promise<readonly string[] | undefined> {
  return (await on.query(remove, [tenantId, id, actor]))[0]?.piece_ids;
}

/** The pieces of each upload that was deleted. */
export async function deleteOldUploads(
  on: Queryable,
  tenantId: string,
  ageMs: number,
  limit: number,
  signal?: Interrupt,
): Promise<(readonly string[])[]> {
  return (await on.query(expire, [tenantId, ageMs, limit], signal)).map((row) => row.piece_ids);
}
