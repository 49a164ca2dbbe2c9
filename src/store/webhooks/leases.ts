// Which server delivers to which endpoints, and how far they are: written by the server that has the lease.
import type { Database, Queryable, Statement } from "../database.ts";
import { type EndpointWithProgress, endpointColumns, progressColumns } from "./endpoint-statements.ts";

export interface ClaimedRow extends EndpointWithProgress {
  readonly tenant_id: string;
}

const lease = (ms: string) => `statement_timestamp() + ${ms}::integer * interval '1 millisecond'`;

export interface TenantToServe {
  readonly tenant_id: string;
  /** Whether the server has leases there. */
  readonly held: boolean;
  /** Whether there are active endpoints whose lease is over. */
  readonly free: boolean;
}

/** Tenants in which a server has something to do; each is then served by itself. $1 server. */
const tenantsStatement: Statement<TenantToServe> = {
  name: "webhook_tenants",
  text: `
  select p.tenant_id, coalesce(bool_or(p.server = $1::uuid), false) as held,
    bool_or(e.state = 1 and p.lease_time < statement_timestamp()) as free
  from tenant n join webhook_progress p on p.tenant_id = n.id
    join webhook_endpoint e on e.tenant_id = n.id and e.id = p.endpoint_id
  where p.server = $1::uuid or (e.state = 1 and p.lease_time < statement_timestamp())
  group by p.tenant_id`,
};

export function tenantsToServe(on: Queryable, server: string): Promise<TenantToServe[]> {
  return on.query(tenantsStatement, [server]);
}

/**
 * Takes active endpoints whose lease is over. $1 tenant, $2 server, $3 the length of the lease in milliseconds, $4
 * limit, $5 those to leave to others.
 */
const claimStatement: Statement<ClaimedRow> = {
  name: "webhook_claim",
  text: `
  with free as materialized (
    select p.endpoint_id
    from webhook_progress p join webhook_endpoint e on e.tenant_id = $1 and e.id = p.endpoint_id
    where p.tenant_id = $1 and e.state = 1 and p.lease_time < statement_timestamp() and p.endpoint_id <> all($5::uuid[])
    limit $4 for update of p skip locked
  )
  update webhook_progress p set server = $2::uuid, lease_time = ${lease("$3")}, epoch = p.epoch + 1
  from free f join webhook_endpoint e on e.tenant_id = $1 and e.id = f.endpoint_id
  where p.tenant_id = $1 and p.endpoint_id = f.endpoint_id
  returning p.tenant_id, ${endpointColumns}, ${progressColumns}`,
};

export function claimEndpoints(
  on: Queryable,
  tenantId: string,
  server: string,
  leaseMs: number,
  limit: number,
  except: readonly string[],
): Promise<ClaimedRow[]> {
  return on.query(claimStatement, [tenantId, server, leaseMs, limit, except]);
}

export interface HeldRow {
  readonly endpoint_id: string;
  readonly epoch: number;
}

/** $1 tenant, $2 server, $3 the length of the lease in milliseconds. */
const renewStatement: Statement<HeldRow> = {
  name: "webhook_renew",
  text: `
  update webhook_progress p set lease_time = ${lease("$3")}
  where p.tenant_id = $1 and p.server = $2::uuid
  returning p.endpoint_id, p.epoch`,
};

/** Renews the leases of a server, and returns what it holds. */
export function renewLeases(on: Queryable, tenantId: string, server: string, leaseMs: number): Promise<HeldRow[]> {
  return on.query(renewStatement, [tenantId, server, leaseMs]);
}

/** $1 tenant, $2 server. */
const leaveStatement: Statement = {
  name: "webhook_leave",
  text: `
  update webhook_progress p set server = null, lease_time = '-infinity' where p.tenant_id = $1 and p.server = $2::uuid`,
};

/** Ends the leases of a server that stops. */
export async function leaveLeases(on: Queryable, tenantId: string, server: string): Promise<void> {
  await on.query(leaveStatement, [tenantId, server]);
}

/** $1 tenant, $2 server, $3 endpoint. */
const leaveOneStatement: Statement = {
  name: "webhook_leave_one",
  text: `
  update webhook_progress p set server = null, lease_time = '-infinity'
  where p.tenant_id = $1 and p.server = $2::uuid and p.endpoint_id = $3::uuid`,
};

/** Ends the lease of one endpoint, for other servers. */
export async function leaveLease(on: Queryable, tenantId: string, server: string, endpointId: string): Promise<void> {
  await on.query(leaveOneStatement, [tenantId, server, endpointId]);
}

/** What a server writes of an endpoint. */
export interface Progress {
  readonly endpoint_id: string;
  /** Of the lease: nothing is written if another has begun since. */
  readonly epoch: number;
  readonly position: bigint;
  readonly seq: bigint;
  readonly replay_after: string | null;
  readonly batch_end: string | null;
  readonly failures: number;
  readonly failing_since: Date | null;
  readonly next_attempt_time: Date | null;
  readonly last_success_time: Date | null;
  readonly last_failure_time: Date | null;
}

const COLUMNS = [
  ["endpoint_id", "uuid"],
  ["epoch", "integer"],
  ["position", "bigint"],
  ["seq", "bigint"],
  ["replay_after", "text"],
  ["batch_end", "text"],
  ["failures", "integer"],
  ["failing_since", "timestamptz"],
  ["next_attempt_time", "timestamptz"],
  ["last_success_time", "timestamptz"],
  ["last_failure_time", "timestamptz"],
] as const satisfies readonly (readonly [keyof Progress, string])[];

/** $1 tenant, $2 to $12 columns. */
const saveStatement: Statement<{ endpoint_id: string }> = {
  name: "webhook_save",
  changes: true,
  text: `
  update webhook_progress p set ${COLUMNS.slice(2)
    .map(([name]) => `${name} = u.${name}`)
    .join(", ")}
  from unnest(${COLUMNS.map(([, type], index) => `$${index + 2}::${type}[]`).join(", ")})
    as u(${COLUMNS.map(([name]) => name).join(", ")})
  where p.tenant_id = $1 and p.endpoint_id = u.endpoint_id and p.epoch = u.epoch
  returning p.endpoint_id`,
};

/** Writes how far endpoints of a tenant are. Returns those that were still the writer's own. */
export async function saveProgress(
  on: Queryable,
  tenantId: string,
  endpoints: readonly Progress[],
): Promise<ReadonlySet<string>> {
  const columns = COLUMNS.map(([name]) => endpoints.map((endpoint) => endpoint[name]));
  const rows = await on.query(saveStatement, [tenantId, ...columns]);
  return new Set(rows.map(({ endpoint_id }) => endpoint_id));
}

/** How many rows of the feed are counted for one endpoint. */
export const MAX_COUNTED = 10_000;

export interface BacklogRow {
  readonly endpoint_id: string;
  readonly entries: bigint;
  /** When the oldest entry that was not taken came into the feed; null: there is none. */
  readonly since: Date | null;
}

/** Of how many endpoints of a tenant the rows are counted: the rest is nearer to the end. */
const MAX_MEASURED = 100;

/** $1 tenant, $2 endpoints. */
const backlogStatement: Statement<BacklogRow> = {
  name: "webhook_backlog",
  text: `
  with p as materialized (
    select w.endpoint_id, w.position, w.seq, row_number() over (order by w.position, w.seq) <= ${MAX_MEASURED} as measured
    from webhook_progress w where w.tenant_id = $1 and w.endpoint_id = any($2::uuid[])
  )
  select p.endpoint_id, coalesce(b.entries, 0)::bigint as entries, b.since
  from p left join lateral (
    select sum(f.seq - f.after_seq) as entries, min(f.create_time) as since from (
      select o.seq, case when o.position = p.position then greatest(o.after_seq, p.seq) else o.after_seq end as after_seq,
        o.create_time
      from feed o
      where p.measured and o.tenant_id = $1 and o.position >= p.position and (o.position > p.position or o.seq > p.seq)
      order by o.position limit ${MAX_COUNTED}) f
  ) b on true`,
};

/**
 * What endpoints have still to take, as far as the feed was written. Counts at most {@link MAX_COUNTED} rows of the
 * feed for each of the {@link MAX_MEASURED} that are furthest behind, and none for the others.
 */
export function readBacklog(on: Database, tenantId: string, endpointIds: readonly string[]): Promise<BacklogRow[]> {
  return on.query(backlogStatement, [tenantId, endpointIds]);
}
