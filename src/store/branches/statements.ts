// The statements of the trees of conversations.
import type { Statement } from "../database.ts";

export interface RunRow {
  readonly from_seq: bigint;
  readonly to_seq: bigint;
  readonly parent_seq: bigint;
  readonly source_id: string;
  readonly as_of: Date | null;
}

/** The runs of a conversation, in order. $1 tenant, $2 conversation. */
export const readRuns: Statement<RunRow> = {
  name: "branch_runs",
  text: `
  select r.from_seq, r.to_seq, r.parent_seq, r.source_id, r.as_of from branch_run r
  where r.tenant_id = $1 and r.conversation_id = $2::uuid order by r.from_seq`,
};

/** The last entry of each stretch that holds a message. $1 tenant, then arrays: sources, first seqs, last seqs. */
export const readTips: Statement<{ from_seq: bigint; seq: bigint }> = {
  name: "branch_tips",
  text: `
  select r.from_seq, m.seq
  from unnest($2::uuid[], $3::bigint[], $4::bigint[]) as r(source_id, from_seq, to_seq)
  cross join lateral (
    select l.seq from message l
    where l.tenant_id = $1 and l.conversation_id = r.source_id and l.seq >= r.from_seq and l.seq <= r.to_seq
    order by l.seq desc limit 1
  ) m`,
};

/** The first entry of each stretch, likewise. */
export const readFirsts: Statement<{ from_seq: bigint; id: string }> = {
  name: "branch_firsts",
  text: `
  select r.from_seq, m.id
  from unnest($2::uuid[], $3::bigint[], $4::bigint[]) as r(source_id, from_seq, to_seq)
  cross join lateral (
    select l.id from message l
    where l.tenant_id = $1 and l.conversation_id = r.source_id and l.seq >= r.from_seq and l.seq <= r.to_seq
    order by l.seq limit 1
  ) m`,
};

/** $1 tenant, then arrays: conversations, seqs. */
export const readIdsAt: Statement<{ seq: bigint; id: string }> = {
  name: "branch_ids_at",
  text: `
  select m.seq, m.id from unnest($2::uuid[], $3::bigint[]) as a(source_id, seq)
  join message m on m.tenant_id = $1 and m.conversation_id = a.source_id and m.seq = a.seq`,
};

/** Adds runs. $1 tenant, $2 conversation, then arrays: first seqs, last seqs, parents, sources, times. */
export const addRuns: Statement = {
  name: "branch_add_runs",
  text: `
  insert into branch_run (tenant_id, conversation_id, from_seq, to_seq, parent_seq, source_id, as_of)
  select $1, $2::uuid, r.* from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::uuid[], $7::timestamptz[]) as r`,
};

/**
 * Ends a run, or removes it if it ends before it begins. $1 tenant, $2 conversation, $3 first seq, $4 last seq or null.
 */
export const endRun: Statement = {
  name: "branch_end_run",
  text: `
  with gone as (
    delete from branch_run r
    where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.from_seq = $3::bigint and $4::bigint is null
  )
  update branch_run r set to_seq = $4::bigint
  where r.tenant_id = $1 and r.conversation_id = $2::uuid and r.from_seq = $3::bigint and $4::bigint is not null`,
};

/** Takes the segments of the live path away from a place on. $1 tenant, $2 conversation, $3 first seq. */
export const cutLive: Statement = {
  name: "branch_cut_live",
  text: "delete from live_segment s where s.tenant_id = $1 and s.conversation_id = $2::uuid and s.from_seq >= $3::bigint",
};

/** Adds segments to the live path. $1 tenant, $2 conversation, then arrays: first seqs, last seqs, sources, times. */
export const addLive: Statement = {
  name: "branch_add_live",
  text: `
  insert into live_segment (tenant_id, conversation_id, from_seq, to_seq, source_id, as_of)
  select $1, $2::uuid, s.* from unnest($3::bigint[], $4::bigint[], $5::uuid[], $6::timestamptz[]) as s`,
};

/** Counts messages that are not deleted. $1 tenant, $2 conversation, then arrays: first seqs, last seqs. */
export const countMessages: Statement<{ count: bigint }> = {
  name: "branch_count",
  text: `
  select count(*) as count from unnest($3::bigint[], $4::bigint[]) as s(from_seq, to_seq)
  join message m on m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq >= s.from_seq and m.seq <= s.to_seq
  where m.delete_time is null and m.kind is null`,
};

/** $1 tenant, $2 conversation, $3 the change in the number of messages. */
export const markSegmented: Statement = {
  name: "branch_mark_segmented",
  text: `
  update conversation set segmented = true, message_count = message_count + $3::bigint
  where tenant_id = $1 and id = $2::uuid`,
};

/**
 * Makes a conversation a fork; its log goes on after that of the origin. $1 tenant, $2 conversation, $3 origin, $4 seq.
 */
export const markForked: Statement = {
  name: "branch_mark_forked",
  text: `
  update conversation set segmented = true, origin_id = $3::uuid, origin_seq = $4::bigint, last_seq = greatest(last_seq, $4)
  where tenant_id = $1 and id = $2::uuid`,
};

/** A moment after which every change has a later time. The conversation that must not change meanwhile is locked. */
export const readMomentApart: Statement<{ now: Date }> = {
  name: "branch_moment",
  text: `
  select m.now from (select date_trunc('milliseconds', clock_timestamp()) as now) m cross join lateral pg_sleep(0.0011)`,
};

/** Where an entry is. $1 tenant, $2 id. */
export const placeOf: Statement<{ conversation_id: string; seq: bigint; deleted: boolean }> = {
  name: "branch_place_of",
  text: `
  select m.conversation_id, m.seq, m.delete_time is not null as deleted from message m
  where m.tenant_id = $1 and m.id = $2::uuid`,
};
