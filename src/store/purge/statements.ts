// The statements that erase conversations.
import type { Statement } from "../database.ts";
import { isFree } from "../legal-holds/condition.ts";

/** Deletes a locked conversation whose time has come now, if not before. $1 tenant, $2 id. */
export const beginPurge: Statement = {
  name: "purge_begin",
  // Notifies subscribers that it is gone.
  extendsLog: 1,
  changesAccess: () => true,
  text: `
  update conversation c set delete_time = coalesce(c.delete_time, t.now), purge_time = least(c.purge_time, t.now)
  from (select date_trunc('milliseconds', now()) as now) t
  where c.tenant_id = $1 and c.id = $2::uuid`,
};

/**
 * Erases the last entries of the log of a locked conversation, if its purge time has come, with their dependent rows,
 * and says which files its messages named, read first for what goes with them. From the end, so that a reader finds an
 * earlier end instead of a gap. $1 tenant, $2 id, $3 maximum entries of each kind.
 */
export const erasePiece: Statement<{ messages: bigint; events: bigint; files: readonly string[] | null }> = {
  name: "purge_piece",
  text: `
  with due as materialized (
    select c.id from conversation c where c.tenant_id = $1 and c.id = $2::uuid and c.purge_time <= now()
  ), first as materialized (
    select min(n.seq) as seq from (
      select l.seq from message l where l.tenant_id = $1 and l.conversation_id = $2::uuid order by l.seq desc limit $3) n
  ), named as materialized (
    select distinct u.file_id from file_use u
    where u.tenant_id = $1 and u.conversation_id = (select id from due) and u.seq >= (select seq from first)
  ), messages as (
    delete from message m
    where m.tenant_id = $1 and m.conversation_id = (select id from due) and m.seq >= (select seq from first)
    returning 1
  ), events as (
    delete from event e where e.tenant_id = $1 and e.conversation_id = (select id from due) and e.seq >= (
      select min(n.seq) from (
        select l.seq from event l where l.tenant_id = $1 and l.conversation_id = $2::uuid order by l.seq desc limit $3) n)
    returning 1
  )
  select (select count(*) from messages) as messages, (select count(*) from events) as events,
    (select array_agg(n.file_id) from named n) as files`,
};

/**
 * Deleted conversations whose purge time has come, and that no hold covers by what they are now. $1 tenant, $2 limit,
 * $3 conversations to skip.
 */
export const conversationsToPurge: Statement<{ id: string }> = {
  name: "conversation_to_purge",
  text: `
  select c.id from conversation c
  where c.tenant_id = $1 and c.purge_time <= now() and c.delete_time is not null and c.id <> all($3::uuid[])
    and ${isFree("c.id")}
  order by c.purge_time limit $2`,
};

/** Locks one of them; no row if it was restored or purged, or is locked. $1 tenant, $2 id. */
export const lockToPurge: Statement<{ id: string }> = {
  name: "conversation_lock_to_purge",
  text: `
  select c.id from conversation c
  where c.tenant_id = $1 and c.id = $2::uuid and c.purge_time <= now() and c.delete_time is not null
  for update of c skip locked`,
};

/** No row if the entry of a log is not there. Erasing begins with the last. $1 tenant, $2 id, $3 its place in the log. */
export const entryAt: Statement<{ seq: bigint }> = {
  name: "purge_entry_at",
  text: `
  select m.seq from message m where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = $3::bigint
  union all
  select e.seq from event e where e.tenant_id = $1 and e.conversation_id = $2::uuid and e.seq = $3::bigint`,
};
