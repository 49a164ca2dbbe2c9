// The statements that keep drafts and scheduled messages.
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { isUnsentFree } from "../legal-holds/condition.ts";
import { forEachViewer, visible } from "../visibility.ts";

export interface DraftRow {
  readonly conversation_id: string;
  /** As Protobuf. */
  readonly message: Uint8Array;
  readonly update_time: Date;
}

const draftColumns = "d.conversation_id::text as conversation_id, d.message, d.update_time";

/** The bytes of an actor's rows. Their lengths are read without the messages. */
const bytesOf = (table: string, more: string) =>
  `(select coalesce(sum(octet_length(o.message)), 0) from ${table} o where o.tenant_id = $1 and o.actor = ${more})`;

/**
 * No row: the actor's drafts would have too many bytes. $1 tenant, $2 conversation, $3 actor, $4 message, $5 the files
 * that it names, $6 maximum. Two changes within a millisecond still differ in their time.
 */
export const setDraft: Statement<DraftRow> = {
  name: "draft_set",
  text: `
  insert into draft as d (tenant_id, conversation_id, actor, message, file_ids, update_time)
  select $1, $2::uuid, $3, $4::bytea, $5::uuid[], date_trunc('milliseconds', statement_timestamp())
  where ${bytesOf("draft", "$3 and o.conversation_id <> $2::uuid")} + octet_length($4::bytea) <= $6::integer
  on conflict (tenant_id, conversation_id, actor) do update set message = excluded.message, file_ids = excluded.file_ids,
    update_time = greatest(excluded.update_time,
      (d.update_time at time zone 'UTC' + interval '1 millisecond') at time zone 'UTC')
  returning ${draftColumns}`,
};

/** $1 tenant, $2 conversation, $3 actor. */
export const lockDraft: Statement<DraftRow> = {
  name: "draft_lock",
  text: `
  select ${draftColumns} from draft d
  where d.tenant_id = $1 and d.conversation_id = $2::uuid and d.actor = $3 for update`,
};

/** $1 tenant, $2 conversation, $3 actor. */
export const deleteDraft: Statement = {
  name: "draft_delete",
  text: "delete from draft d where d.tenant_id = $1 and d.conversation_id = $2::uuid and d.actor = $3",
};

/** $1 tenant, $2 caller, $3 conversation, $4 actor. */
export const getDraft = forEachViewer<DraftRow>(
  "draft_get",
  (kind) => `
  select ${draftColumns} from draft d join conversation c on c.tenant_id = $1 and c.id = d.conversation_id
  where d.tenant_id = $1 and d.conversation_id = $3::uuid and d.actor = $4 and c.delete_time is null and ${visible(kind)}`,
);

/**
 * Latest change first. $1 tenant, $2 caller, $3 actor, $4 time and $5 conversation before, or null, $6 limit, $7 the only
 * conversation or null.
 */
export const listDrafts = forEachViewer<DraftRow>(
  "draft_list",
  (kind) => `
  select ${draftColumns} from draft d join conversation c on c.tenant_id = $1 and c.id = d.conversation_id
  where d.tenant_id = $1 and d.actor = $3 and c.delete_time is null and ${visible(kind)}
    and ($7::uuid is null or d.conversation_id = $7::uuid)
    and ($4::timestamptz is null or (d.update_time, d.conversation_id) < ($4::timestamptz, $5::uuid))
  order by d.update_time desc, d.conversation_id desc limit $6`,
  { maxBytes: PAGE_BYTES },
);

export interface ScheduledRow {
  readonly id: string;
  readonly conversation_id: string;
  readonly actor: string;
  readonly scheduler: string;
  readonly message: Uint8Array;
  readonly send_time: Date;
  readonly state: number;
  readonly failure: string;
  readonly version: number;
  readonly create_time: Date;
  readonly update_time: Date;
}

const scheduledColumns = `s.id::text as id, s.conversation_id::text as conversation_id, s.actor, s.scheduler, s.message,
    s.send_time, s.state, s.failure, s.version, s.create_time, s.update_time`;

/**
 * No row: the caller has as many as it may, or as many bytes. $1 tenant, $2 id, $3 conversation, $4 actor, $5 caller,
 * $6 message, $7 time, $8 maximum, $9 the files that it names, $10 maximum bytes.
 */
export const schedule: Statement<ScheduledRow> = {
  name: "scheduled_insert",
  text: `
  insert into scheduled_message as s
    (tenant_id, id, conversation_id, actor, scheduler, message, send_time, create_time, update_time, file_ids)
  select $1, $2::uuid, $3::uuid, $4, $5, $6::bytea, $7::timestamptz, t.now, t.now, $9::uuid[]
  from (select date_trunc('milliseconds', statement_timestamp()) as now) t
  where (select count(*) from scheduled_message o where o.tenant_id = $1 and o.actor = $4) < $8::integer
    and ${bytesOf("scheduled_message", "$4")} + octet_length($6::bytea) <= $10::integer
  returning ${scheduledColumns}`,
};

/** $1 tenant, $2 id, $3 actor. */
export const getScheduled: Statement<ScheduledRow> = {
  name: "scheduled_get",
  text: `
  select ${scheduledColumns} from scheduled_message s
  where s.tenant_id = $1 and s.id = $2::uuid and s.actor = $3`,
};

/** $1 tenant, $2 id, $3 actor. */
export const lockScheduled: Statement<ScheduledRow> = {
  name: "scheduled_lock",
  text: `
  select ${scheduledColumns} from scheduled_message s
  where s.tenant_id = $1 and s.id = $2::uuid and s.actor = $3 for update`,
};

/** $1 tenant, $2 id. */
export const deleteScheduled: Statement = {
  name: "scheduled_delete",
  text: "delete from scheduled_message s where s.tenant_id = $1 and s.id = $2::uuid",
};

/**
 * By time. $1 tenant, $2 actor, $3 conversation or null, $4 state or null, $5 time and $6 id after, or null, $7 limit.
 */
export const listScheduled: Statement<ScheduledRow> = {
  name: "scheduled_list",
  text: `
  select ${scheduledColumns} from scheduled_message s
  where s.tenant_id = $1 and s.actor = $2 and ($3::uuid is null or s.conversation_id = $3::uuid)
    and ($4::smallint is null or s.state = $4::smallint)
    and ($5::timestamptz is null or (s.send_time, s.id) > ($5::timestamptz, $6::uuid))
  order by s.send_time, s.id limit $7`,
  maxBytes: PAGE_BYTES,
};

/**
 * The next to be sent, of all tenants: which, and in how many milliseconds. $1 limit, $2 those to leave to later, $3
 * tenants and
 * $4 actors to leave out.
 */
export const nextScheduled: Statement<{ tenant_id: string; id: string; actor: string; due_in: number }> = {
  name: "scheduled_next",
  text: `
  select s.tenant_id::text as tenant_id, s.id::text as id, s.actor,
    (extract(epoch from s.send_time - statement_timestamp()) * 1000)::float8 as due_in
  from tenant n join scheduled_message s on s.tenant_id = n.id
  where s.state = 1 and s.id <> all ($2::uuid[])
    and not exists (select from unnest($3::uuid[], $4::text[]) o (tenant_id, actor)
      where o.tenant_id = s.tenant_id and o.actor = s.actor)
  order by s.send_time limit $1`,
};

/** One that is due. $1 tenant, $2 id. */
export const getDue: Statement<ScheduledRow> = {
  name: "scheduled_due",
  text: `
  select ${scheduledColumns} from scheduled_message s
  where s.tenant_id = $1 and s.id = $2::uuid and s.state = 1 and s.send_time <= statement_timestamp()`,
};

/** Takes one that is due off the schedule. No row: another server has, or it was cancelled. $1 tenant, $2 id. */
export const takeDue: Statement<{ id: string }> = {
  name: "scheduled_take",
  text: `
  delete from scheduled_message s
  where s.tenant_id = $1 and s.id = $2::uuid and s.state = 1 and s.send_time <= statement_timestamp()
  returning s.id::text as id`,
};

/** Marks one that is due as failed. $1 tenant, $2 id, $3 why. */
export const failDue: Statement = {
  name: "scheduled_fail",
  text: `
  update scheduled_message s set state = 2, failure = $3, version = s.version + 1,
    update_time = date_trunc('milliseconds', statement_timestamp())
  where s.tenant_id = $1 and s.id = $2::uuid and s.state = 1 and s.send_time <= statement_timestamp()`,
};

/**
 * Erases all that a member has written and not sent, but for what a legal hold keeps, and its views. $1 tenant, $2
 * member.
 */
export const eraseUnsent: Statement = {
  name: "draft_erase",
  text: `
  with drafts as (
      delete from draft d where d.tenant_id = $1 and d.actor = $2 and ${isUnsentFree("d.actor", "d.conversation_id")}),
    views as (
      update participant p set view = null where p.tenant_id = $1 and p.member_id = $2 and p.view is not null)
  delete from scheduled_message s
  where s.tenant_id = $1 and s.actor = $2 and ${isUnsentFree("s.actor", "s.conversation_id")}`,
};

/**
 * Erases what API keys have written that can never be used again, and members that were deleted while a legal hold kept
 * it: nobody else sees it. At most 500 rows of each kind. $1 tenant.
 */
export const sweepUnsent: Statement<{ count: number }> = {
  name: "draft_sweep",
  text: `
  with gone as (
    select 'key:' || k.id::text as actor from api_key k
    where k.tenant_id = $1 and (k.revoke_time <= now() or k.expire_time <= now())
    union all
    select m.id from member m where m.tenant_id = $1 and m.delete_time is not null
  ), drafts as (
    delete from draft d where d.tenant_id = $1 and (d.conversation_id, d.actor) in (
      select o.conversation_id, o.actor from draft o join gone g on g.actor = o.actor where o.tenant_id = $1
        and ${isUnsentFree("o.actor", "o.conversation_id")} limit 500)
    returning 1
  ), scheduled as (
    delete from scheduled_message s where s.tenant_id = $1 and s.id in (
      select o.id from scheduled_message o join gone g on g.actor = o.actor where o.tenant_id = $1
        and ${isUnsentFree("o.actor", "o.conversation_id")} limit 500)
    returning 1
  )
  select (select count(*) from drafts)::integer + (select count(*) from scheduled)::integer as count`,
};
