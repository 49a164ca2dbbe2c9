// The statements about jobs.
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { hashOf } from "../erasure/tombstones.ts";

export interface JobRow {
  readonly id: string;
  readonly kind: number;
  readonly state: number;
  /** Null: it has ended. */
  readonly subject: string | null;
  readonly subject_hash: string;
  readonly round: number;
  readonly place: string | null;
  readonly looked: bigint;
  readonly total: bigint;
  readonly held: bigint;
  readonly counts: Readonly<Record<string, number>>;
  readonly failure: string;
  readonly creator: string;
  readonly create_time: Date;
  readonly next_time: Date | null;
  readonly end_time: Date | null;
}

const columns = `j.id::text as id, j.kind, j.state, j.subject, encode(j.subject_hash, 'hex') as subject_hash, j.round,
    j.place::text as place, j.looked, j.total, j.held, j.counts, j.failure, j.creator, j.create_time, j.next_time, j.end_time`;

/** How long a server has a job that it does not note anything of. */
const LEASE = "interval '2 minutes'";

const subjectHash = hashOf("'member:' || $3::text");

/** $1 tenant, $2 id, $3 member, $4 conversations, $5 creator. */
export const insertJob: Statement<JobRow> = {
  name: "job_insert",
  text: `
  insert into job as j (tenant_id, id, kind, state, subject, subject_hash, total, creator, create_time, next_time)
  select $1, $2::uuid, 1, 1, $3::text, ${subjectHash}, $4::bigint, $5, date_trunc('milliseconds', statement_timestamp()),
    date_trunc('milliseconds', statement_timestamp())
  returning ${columns}`,
};

/** The job that erases a member, if it goes on. $1 tenant, $2 ignored, $3 member. */
export const openJobOf: Statement<JobRow> = {
  name: "job_open",
  text: `
  select ${columns} from job j
  where j.tenant_id = $1 and $2::uuid is null and j.subject_hash = ${subjectHash} and j.end_time is null limit 1`,
};

/** $1 tenant, $2 id. */
export const getJob: Statement<JobRow> = {
  name: "job_get",
  text: `select ${columns} from job j where j.tenant_id = $1 and j.id = $2::uuid`,
};

/** Newest first. $1 tenant, $2 id before or null, $3 member or null, $4 state or 0, $5 limit. */
export const listJobs: Statement<JobRow> = {
  name: "job_list",
  text: `
  select ${columns} from job j
  where j.tenant_id = $1 and ($2::uuid is null or j.id < $2::uuid)
    and ($3::text is null or j.subject_hash = ${subjectHash}) and ($4::smallint = 0 or j.state = $4::smallint)
  order by j.id desc limit $5`,
  maxBytes: PAGE_BYTES,
};

/** Takes a job that is due. No row: another server has it, or it has ended. $1 tenant. */
export const takeJob: Statement<JobRow> = {
  name: "job_take",
  changes: true,
  text: `
  update job j set state = 2, next_time = date_trunc('milliseconds', statement_timestamp()) + ${LEASE}
  where j.tenant_id = $1 and j.id = (
    select o.id from job o where o.tenant_id = $1 and o.next_time <= statement_timestamp() order by o.next_time limit 1
    for update skip locked)
  returning ${columns}`,
};

/**
 * Notes what was done, and keeps the job. No row: it was cancelled. $1 tenant, $2 id, $3 counts to add (JSON text), $4
 * place or null, $5 conversations looked at, $6 held ones.
 */
export const noteJob: Statement<{ id: string }> = {
  name: "job_note",
  text: `
  update job j set next_time = date_trunc('milliseconds', statement_timestamp()) + ${LEASE}, failure = '',
    place = coalesce($4::uuid, j.place), looked = j.looked + $5::bigint, held = j.held + $6::bigint,
    counts = j.counts || (
      select coalesce(jsonb_object_agg(a.key, coalesce((j.counts ->> a.key)::bigint, 0) + a.value::bigint), '{}')
      from jsonb_each_text($3::jsonb) a where a.value <> '0')
  where j.tenant_id = $1 and j.id = $2::uuid and j.state = 2 returning j.id::text as id`,
};

/** Lets a job wait. $1 tenant, $2 id, $3 milliseconds, $4 next round, $5 whether that begins, $6 why it failed. */
export const pauseJob: Statement = {
  name: "job_pause",
  text: `
  update job j set state = 1, next_time = date_trunc('milliseconds', statement_timestamp()) + $3::bigint * interval '1 millisecond',
    round = $4::smallint, place = case when $5::boolean then null else j.place end, failure = $6
  where j.tenant_id = $1 and j.id = $2::uuid and j.state = 2`,
};

/** Before a round that looks at all conversations. $1 tenant, $2 id. */
export const beginRound: Statement = {
  name: "job_begin_round",
  text: "update job j set held = 0, looked = 0 where j.tenant_id = $1 and j.id = $2::uuid and j.state = 2",
};

/** Those in their third round wait for nothing else. $1 tenant. */
export const wakeHeld: Statement = {
  name: "job_wake_held",
  text: `
  update job j set next_time = date_trunc('milliseconds', statement_timestamp())
  where j.tenant_id = $1 and j.state = 1 and j.round = 3 and j.next_time > statement_timestamp()`,
};

/** Ends a job; no row: it has ended. $1 tenant, $2 id, $3 state. */
export const endJob: Statement<JobRow> = {
  name: "job_end",
  text: `
  update job j set state = $3::smallint, subject = null, next_time = null, failure = '',
    end_time = date_trunc('milliseconds', statement_timestamp())
  where j.tenant_id = $1 and j.id = $2::uuid and j.end_time is null returning ${columns}`,
};

/** $1 tenant, $2 id. */
export const lockJob: Statement<JobRow> = {
  name: "job_lock",
  text: `select ${columns} from job j where j.tenant_id = $1 and j.id = $2::uuid for update`,
};

/** The tenants with a job that is due. */
export const tenantsWithJobs: Statement<{ tenant_id: string }> = {
  name: "job_tenants",
  text: `
  select distinct j.tenant_id::text as tenant_id from tenant n join job j on j.tenant_id = n.id
  where j.next_time <= statement_timestamp()`,
};
