// The statements about retention policies and their runs.
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { holdsOver, matches } from "../legal-holds/condition.ts";
import type { MatchColumns } from "../legal-holds/statements.ts";

export interface PolicyRow extends MatchColumns {
  readonly id: string;
  readonly name: string;
  readonly priority: number;
  /** 1 keep, 2 delete, 3 purge, 4 erase the content. */
  readonly action: number;
  /** 1 the last message, 2 the creation, 3 the deletion. */
  readonly basis: number;
  readonly age_days: number;
  readonly next_run_time: Date | null;
  /** A text of audit entries. */
  readonly creator: string;
  readonly create_time: Date;
}

const columns = `p.id::text as id, p.name, p.priority, p.action, p.basis, p.age_days, p.entity_type, p.mode, p.call_type,
    p.agent, p.status, p.labels, p.owner_role, p.next_run_time, p.creator, p.create_time`;

/** Lets one at a time be made in a tenant. $1 tenant. */
export const lockPolicies: Statement = {
  name: "retention_policy_lock",
  text: "select pg_advisory_xact_lock(hashtextextended('retention ' || $1::uuid::text, 0))",
};

/**
 * No row: the tenant has as many as it may. $1 tenant, $2 id, $3 maximum, then name, priority, action, basis, age, the
 * match,
 * $16 the next run or null for 24 hours from now, $17 creator.
 */
export const insertPolicy: Statement<PolicyRow> = {
  name: "retention_policy_insert",
  text: `
  insert into retention_policy as p (tenant_id, id, name, priority, action, basis, age_days, entity_type, mode, call_type, agent,
    status, labels, owner_role, next_run_time, creator, create_time)
  select $1, $2::uuid, $4, $5::integer, $6::smallint, $7::smallint, $8::integer, $9, $10, $11::smallint, $12, $13::smallint,
    $14::jsonb, $15::smallint,
    case when $6::smallint > 1 then coalesce($16::timestamptz, date_trunc('milliseconds', statement_timestamp()) + interval '24 hours') end,
    $17, date_trunc('milliseconds', statement_timestamp())
  where (select count(*) from retention_policy o where o.tenant_id = $1) < $3::integer
  returning ${columns}`,
};

/** $1 tenant, $2 id. */
export const getPolicy: Statement<PolicyRow> = {
  name: "retention_policy_get",
  text: `select ${columns} from retention_policy p where p.tenant_id = $1 and p.id = $2::uuid`,
};

/** In the order in which they decide. $1 tenant, $2 priority and $3 id after, or null, $4 limit. */
export const listPolicies: Statement<PolicyRow> = {
  name: "retention_policy_list",
  text: `
  select ${columns} from retention_policy p
  where p.tenant_id = $1 and ($2::integer is null or (p.priority, p.id) > ($2::integer, $3::uuid))
  order by p.priority, p.id limit $4`,
  maxBytes: PAGE_BYTES,
};

/** $1 tenant, $2 id. */
export const deletePolicy: Statement<{ name: string }> = {
  name: "retention_policy_delete",
  text: "delete from retention_policy p where p.tenant_id = $1 and p.id = $2::uuid returning p.name",
};

/** The parameters of a rule, from $3 on: id, priority, action, basis, age, and the match. */
const RULE = `select $3::uuid as id, $4::integer as priority, $5::smallint as action, $6::smallint as basis,
    $7::integer as age_days, $8::text as entity_type, $9::text as mode, $10::smallint as call_type, $11::text as agent,
    $12::smallint as status, $13::jsonb as labels, $14::smallint as owner_role`;

/**
 * A condition: rule `r` is the first that matches conversation `c`, and `c` is old enough for it and not deleted or
 * emptied already.
 */
const DUE = `case when r.basis = 1 then coalesce(c.last_message_time, c.create_time) when r.basis = 2 then c.create_time
      else c.delete_time end < now() - r.age_days * interval '1 day'
    and (r.action = 3 or r.action = 2 and c.delete_time is null
      or r.action = 4 and c.content_erase_seq is distinct from c.last_seq) and ${matches("r", "c")}
    and not exists (select from retention_policy earlier
      where earlier.tenant_id = $1 and (earlier.priority, earlier.id) < (r.priority, r.id) and ${matches("earlier", "c")})`;

export interface WindowRow {
  /** The last conversation that was looked at; null: there was none. */
  readonly last_id: string | null;
  readonly looked: number;
  /** Conversations that are due and that no hold covers by what they are now, unordered. */
  readonly due: readonly string[] | null;
  readonly messages: bigint;
  /** Conversations that are due and that a hold covers by what they are now, unordered. */
  readonly held: readonly string[] | null;
  /** Whether holds on members are in force, which also cover what these wrote to. */
  readonly by_member: boolean;
}

/**
 * Which of the conversations after an id a rule is about now, of so many that are looked at. $1 tenant, $2 after id,
 * from $3 on the rule, $15 how many.
 */
export const nextWindow: Statement<WindowRow> = {
  name: "retention_window",
  text: `
  with r as materialized (${RULE}), looked as materialized (
    select c.id from conversation c where c.tenant_id = $1 and c.id > $2::uuid order by c.id limit $15
  ), due as materialized (
    select c.id, c.message_count, exists (${holdsOver("c.id")}) as held
    from looked l join conversation c on c.tenant_id = $1 and c.id = l.id cross join r
    where ${DUE}
  )
  select (select max(l.id::text collate "C") from looked l) as last_id, (select count(*)::integer from looked) as looked,
    (select array_agg(d.id::text) from due d where not d.held) as due,
    (select coalesce(sum(d.message_count), 0)::bigint from due d where not d.held) as messages,
    (select array_agg(d.id::text) from due d where d.held) as held,
    exists (select from legal_hold h where h.tenant_id = $1 and h.lift_time is null and h.kind = 2) as by_member`,
};

/** Which of some conversations a hold covers by who wrote to them, too; it reads their logs. $1 tenant, $2 ids. */
export const heldByLog: Statement<{ id: string; messages: bigint }> = {
  name: "retention_held_by_log",
  text: `
  select c.id::text as id, c.message_count::bigint as messages from conversation c
  where c.tenant_id = $1 and c.id = any($2::uuid[]) and exists (${holdsOver("c.id", "0")})`,
};

/**
 * Locks a conversation that a rule is about still; no row otherwise, or if it is locked. $1 tenant, $2 id, from $3 on
 * the rule.
 */
export const lockDue: Statement<{ id: string }> = {
  name: "retention_lock_due",
  text: `
  select c.id::text as id from conversation c cross join (${RULE}) r
  where c.tenant_id = $1 and c.id = $2::uuid and ${DUE} for update of c skip locked`,
};

/** Whether a rule is about a conversation now. $1 tenant, $2 id, from $3 on the rule. */
export const isDue: Statement<{ id: string }> = {
  name: "retention_is_due",
  text: `
  select c.id::text as id from conversation c cross join (${RULE}) r
  where c.tenant_id = $1 and c.id = $2::uuid and ${DUE}`,
};

export interface RunRow {
  readonly id: string;
  readonly policy_id: string;
  readonly name: string;
  readonly start_time: Date;
  readonly end_time: Date | null;
  readonly last_id: string | null;
  readonly deleted: bigint;
  readonly purged: bigint;
  readonly erased: bigint;
  readonly held: bigint;
  readonly failed: bigint;
}

const runColumns = `n.id::text as id, n.policy_id::text as policy_id, n.name, n.start_time, n.end_time,
    n.last_id::text as last_id, n.deleted, n.purged, n.erased, n.held, n.failed`;

/** Begins the run of a policy that is due, and forgets old runs. No row: none is due. $1 tenant, $2 id of the run. */
export const beginRun: Statement<RunRow> = {
  name: "retention_run_begin",
  changes: true,
  text: `
  with due as (
    update retention_policy p set next_run_time = date_trunc('milliseconds', now()) + interval '24 hours'
    where p.tenant_id = $1 and p.id = (
      select o.id from retention_policy o where o.tenant_id = $1 and o.next_run_time <= now()
      order by o.priority, o.id limit 1 for update skip locked)
    returning p.id, p.name
  ), old as (
    delete from retention_run n using due where n.tenant_id = $1 and n.start_time < now() - interval '1 year'
  )
  insert into retention_run as n (tenant_id, id, policy_id, name, start_time, renew_time)
  select $1, $2::uuid, d.id, d.name, date_trunc('milliseconds', now()), now() from due d
  returning ${runColumns}`,
};

/** Takes over a run whose server has stopped. $1 tenant. */
export const resumeRun: Statement<RunRow> = {
  name: "retention_run_resume",
  changes: true,
  text: `
  update retention_run n set renew_time = now()
  where n.tenant_id = $1 and n.id = (
    select o.id from retention_run o where o.tenant_id = $1 and o.end_time is null and o.renew_time < now() - interval '30 minutes'
    order by o.id limit 1 for update skip locked)
  returning ${runColumns}`,
};

/**
 * Notes how far a run is. No row: its policy is gone. $1 tenant, $2 id, $3 last id, $4 deleted, $5 purged, $6 erased,
 * $7 held, $8 failed.
 */
export const renewRun: Statement<{ id: string }> = {
  name: "retention_run_renew",
  text: `
  update retention_run n set renew_time = now(), last_id = coalesce($3::uuid, n.last_id), deleted = n.deleted + $4::bigint,
    purged = n.purged + $5::bigint, erased = n.erased + $6::bigint, held = n.held + $7::bigint, failed = n.failed + $8::bigint
  where n.tenant_id = $1 and n.id = $2::uuid
    and exists (select from retention_policy p where p.tenant_id = $1 and p.id = n.policy_id)
  returning n.id::text as id`,
};

/** $1 tenant, $2 id. */
export const endRun: Statement<RunRow> = {
  name: "retention_run_end",
  text: `
  update retention_run n set end_time = date_trunc('milliseconds', now()) where n.tenant_id = $1 and n.id = $2::uuid
  returning ${runColumns}`,
};

/** Newest first. $1 tenant, $2 policy or null, $3 id before or null, $4 limit. */
export const listRuns: Statement<RunRow> = {
  name: "retention_run_list",
  text: `
  select ${runColumns} from retention_run n
  where n.tenant_id = $1 and ($2::uuid is null or n.policy_id = $2::uuid) and ($3::uuid is null or n.id < $3::uuid)
  order by n.id desc limit $4`,
  maxBytes: PAGE_BYTES,
};
