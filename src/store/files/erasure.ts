// Erases files: marks those that nobody may see any more, so that their bytes can be removed, then forgets them.
import type { Interrupt } from "../../domain/cancellation.ts";
import { EventType } from "../../domain/event-type.ts";
import type { Queryable, Statement } from "../database.ts";
import { IS_HELD_FILE, isFree } from "../legal-holds/condition.ts";
import { SET_MARK_TIME } from "../messages/message-time.ts";

/** Locks files, in the order in which all lock them. $1 tenant, $2 ids. */
const lockFiles: Statement = {
  name: "file_lock",
  text: "select f.id from file f where f.tenant_id = $1 and f.id = any($2::uuid[]) order by f.id for no key update of f",
};

/** $1 tenant, $2 ids. */
const eraseUnused: Statement = {
  name: "file_erase_unused",
  changes: true,
  text: `
  update file f set erase_time = now()
  where f.tenant_id = $1 and f.id = any($2::uuid[]) and f.erase_time is null
    and not exists (select from file_use u where u.tenant_id = $1 and u.file_id = f.id)`,
};

/**
 * Erases those of some files that no message names any more, after messages that did were purged. In a statement of its
 * own after the lock: it must see a message that has named one meanwhile.
 */
export async function releaseFiles(tx: Queryable, tenantId: string, ids: readonly string[]): Promise<void> {
  await tx.query(lockFiles, [tenantId, ids]);
  await tx.query(eraseUnused, [tenantId, ids]);
}

/** Where no legal hold keeps them. $1 tenant, $2 conversation, $3 the seqs of its messages. */
const dropUses: Statement<{ file_id: string }> = {
  name: "file_drop_uses",
  text: `
  delete from file_use u where u.tenant_id = $1 and u.conversation_id = $2::uuid and u.seq = any($3::bigint[])
    and ${isFree("$2::uuid")}
  returning u.file_id`,
};

/** $1 tenant, $2 ids. */
const markUnnamed: Statement = {
  name: "file_mark_unnamed",
  text: `
  update file f set named = false
  where f.tenant_id = $1 and f.id = any($2::uuid[])
    and not exists (select from file_use u where u.tenant_id = $1 and u.file_id = f.id)`,
};

/** Takes back that deleted messages name files: of those that no other does, it is as if none ever had. */
export async function unnameFiles(
  tx: Queryable,
  tenantId: string,
  conversationId: string,
  seqs: readonly bigint[],
): Promise<void> {
  const uses = await tx.query(dropUses, [tenantId, conversationId, seqs]);
  const ids = uses.map(({ file_id }) => file_id);
  if (ids.length === 0) return;
  await tx.query(lockFiles, [tenantId, ids]);
  await tx.query(markUnnamed, [tenantId, ids]);
}

/** $1 tenant, $2 id. */
const eraseOne: Statement<{ id: string }> = {
  name: "file_erase",
  changes: true,
  text: "update file f set erase_time = now() where f.tenant_id = $1 and f.id = $2::uuid and f.erase_time is null returning f.id",
};

/**
 * Adds an entry to the logs of the conversations whose messages name a file, of at most so many. $1 tenant, $2 file, $3
 * actor, $4 limit.
 */
const logDeletion: Statement<{ conversation_id: string }> = {
  name: "file_log_deletion",
  changes: true,
  extendsLog: "conversation_id",
  text: `
  with place as materialized (
    select c.id from conversation c
    where c.tenant_id = $1 and c.delete_time is null and c.id in (
      select u.conversation_id from file_use u where u.tenant_id = $1 and u.file_id = $2::uuid)
    order by c.id limit $4 for no key update of c
  ), bump as (
    update conversation c set last_seq = c.last_seq + 1,
      ${SET_MARK_TIME}
    from place p where c.tenant_id = $1 and c.id = p.id
    returning c.id, c.last_seq, c.mark_time
  ), entry as (
    insert into event (tenant_id, conversation_id, seq, type, actor, create_time, data)
    select $1, b.id, b.last_seq, ${EventType.FILE_DELETED}, $3, b.mark_time, jsonb_build_object('file_id', $2::uuid) from bump b
  )
  select b.id as conversation_id from bump b`,
};

/** So many conversations are told. */
const MAX_TOLD = 1_000;

/**
 * Tells the conversations that name a file that it is deleted, and locks them: to be called before the file is locked,
 * as a send does.
 */
export async function logFileDeleted(tx: Queryable, tenantId: string, id: string, actor: string): Promise<void> {
  await tx.query(logDeletion, [tenantId, id, actor, MAX_TOLD]);
}

/** False: it was erased before. */
export async function eraseFile(tx: Queryable, tenantId: string, id: string): Promise<boolean> {
  return (await tx.query(eraseOne, [tenantId, id])).length > 0;
}

/**
 * Erases files that no message named in time, some at a time. What its uploader is yet to send keeps a file, and so
 * does a time to live. $1 tenant,
 * $2 milliseconds, $3 limit.
 */
const eraseUnnamed: Statement<{ id: string }> = {
  name: "file_erase_unnamed",
  changes: true,
  text: `
  update file f set erase_time = now()
  where f.tenant_id = $1 and not f.named and f.erase_time is null and f.id in (
    select n.id from file n
    where n.tenant_id = $1 and not n.named and n.erase_time is null and n.expire_time is null and n.create_time < now() - $2 * interval '1 millisecond'
      and not exists (
        select from scheduled_message s where s.tenant_id = $1 and s.actor = n.uploader and n.id = any(s.file_ids))
      and not exists (select from draft d where d.tenant_id = $1 and d.actor = n.uploader and n.id = any(d.file_ids))
    order by n.create_time limit $3 for update skip locked)
  returning f.id`,
};

/** Returns how many. */
export async function eraseUnnamedFiles(
  on: Queryable,
  tenantId: string,
  ageMs: number,
  limit: number,
  signal?: Interrupt,
): Promise<number> {
  return (await on.query(eraseUnnamed, [tenantId, ageMs, limit], signal)).length;
}

/** Erases files whose time has come and that no legal hold covers, some at a time. $1 tenant, $2 limit. */
const eraseExpired: Statement<{ id: string }> = {
  name: "file_erase_expired",
  changes: true,
  text: `
  update file e set erase_time = now()
  where e.tenant_id = $1 and e.erase_time is null and e.id in (
    select f.id from file f
    where f.tenant_id = $1 and f.expire_time <= now() and f.erase_time is null and not ${IS_HELD_FILE}
    order by f.expire_time limit $2 for update of f skip locked)
  returning e.id`,
};

/** Returns how many. */
export async function eraseExpiredFiles(
  on: Queryable,
  tenantId: string,
  limit: number,
  signal?: Interrupt,
): Promise<number> {
  return (await on.query(eraseExpired, [tenantId, limit], signal)).length;
}

/** Those that a legal hold covers stay until it is lifted. $1 tenant, $2 limit. */
const erasedFiles: Statement<{ id: string }> = {
  name: "file_erased",
  text: `
  select f.id from file f where f.tenant_id = $1 and f.erase_time is not null and not ${IS_HELD_FILE}
  order by f.erase_time limit $2`,
};

/** The ids of erased files whose bytes may still be there, and that no legal hold keeps. */
export async function findErased(
  on: Queryable,
  tenantId: string,
  limit: number,
  signal?: Interrupt,
): Promise<string[]> {
  return (await on.query(erasedFiles, [tenantId, limit], signal)).map(({ id }) => id);
}

/** $1 tenant, $2 ids. */
const forget: Statement = {
  name: "file_forget",
  changes: true,
  text: `
  with gone as (
    delete from file f where f.tenant_id = $1 and f.id = any($2::uuid[]) and f.erase_time is not null returning f.size
  )
  update file_usage u set bytes = u.bytes - g.bytes, files = u.files - g.files
  from (select sum(size)::bigint as bytes, count(*) as files from gone) g
  where u.tenant_id = $1 and g.files > 0`,
};

/** Forgets erased files whose bytes were removed. */
export async function forgetFiles(on: Queryable, tenantId: string, ids: readonly string[]): Promise<void> {
  await on.query(forget, [tenantId, ids]);
}

/** $1 tenant, $2 ids. */
const existing: Statement<{ id: string }> = {
  name: "file_existing",
  text: "select f.id from file f where f.tenant_id = $1 and f.id = any($2::uuid[])",
};

/** Which of some files the tenant has, erased ones too. */
export async function existingFiles(
  on: Queryable,
  tenantId: string,
  ids: readonly string[],
  signal?: Interrupt,
): Promise<Set<string>> {
  return new Set((await on.query(existing, [tenantId, ids], signal)).map(({ id }) => id));
}
