// The latest attempts to send requests to endpoints, for administrators to look at.
import type { WebhookOutcome } from "../../../gen/colloquy/v1/webhook_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { firstIdAt } from "../../domain/ids/id.ts";
import type { Queryable, Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";

export interface AttemptRow {
  readonly id: string;
  readonly webhook_id: string;
  readonly outcome: WebhookOutcome;
  /** 0: there was no response. */
  readonly status: number;
  readonly duration_ms: number;
  readonly error: string;
  readonly response_body: string;
  readonly event_count: number;
  /** Of the first event; null: it is of no conversation. */
  readonly conversation_id: string | null;
  readonly seq: bigint | null;
  readonly next_attempt_time: Date | null;
  readonly create_time: Date;
}

/** An attempt of an endpoint. */
export interface NewAttempt extends AttemptRow {
  readonly endpoint_id: string;
}

/** Adds attempts of endpoints that exist. $1 tenant, $2 to $14 columns. */
const insertAttemptsStatement: Statement = {
  name: "webhook_attempt_insert",
  text: `
  insert into webhook_attempt (tenant_id, endpoint_id, id, webhook_id, outcome, status, duration_ms, error, response_body,
    event_count, conversation_id, seq, next_attempt_time, create_time)
  select $1, a.endpoint_id, a.id, a.webhook_id, a.outcome, a.status, a.duration_ms, a.error, a.response_body, a.event_count,
    a.conversation_id, a.seq, a.next_attempt_time, a.create_time
  from unnest($2::uuid[], $3::uuid[], $4::text[], $5::smallint[], $6::integer[], $7::integer[], $8::text[], $9::text[],
    $10::integer[], $11::uuid[], $12::bigint[], $13::timestamptz[], $14::timestamptz[]) as a(endpoint_id, id, webhook_id,
    outcome, status, duration_ms, error, response_body, event_count, conversation_id, seq, next_attempt_time, create_time)
  where exists (select from webhook_endpoint e where e.tenant_id = $1 and e.id = a.endpoint_id)`,
};

const COLUMNS = [
  "endpoint_id",
  "id",
  "webhook_id",
  "outcome",
  "status",
  "duration_ms",
  "error",
  "response_body",
  "event_count",
  "conversation_id",
  "seq",
  "next_attempt_time",
  "create_time",
] as const satisfies readonly (keyof NewAttempt)[];

export async function insertAttempts(on: Queryable, tenantId: string, attempts: readonly NewAttempt[]): Promise<void> {
  const columns = COLUMNS.map((name) => attempts.map((attempt) => attempt[name]));
  await on.query(insertAttemptsStatement, [tenantId, ...columns]);
}

/** How many attempts of an endpoint are kept, about. */
export const ATTEMPTS_KEPT = 1_000;

/** One lookup for each endpoint, however many of its attempts there are. $1 tenant, $2 endpoints. */
export const trimAttemptsStatement: Statement = {
  name: "webhook_attempt_trim",
  text: `
  delete from webhook_attempt a using (
    select e.id as endpoint_id, (
      select o.id from webhook_attempt o where o.tenant_id = $1 and o.endpoint_id = e.id
      order by o.id desc offset ${ATTEMPTS_KEPT} limit 1) as last
    from unnest($2::uuid[]) as e(id)
  ) old
  where a.tenant_id = $1 and a.endpoint_id = old.endpoint_id and a.id <= old.last`,
};

/** Deletes all but the latest. */
export async function trimAttempts(on: Queryable, tenantId: string, endpointIds: readonly string[]): Promise<void> {
  await on.query(trimAttemptsStatement, [tenantId, endpointIds]);
}

const ATTEMPT_MS = 7 * 24 * 3_600_000;
/** Old attempts that are deleted at once, of one endpoint and of all. */
const OLD_OF_ONE = 500;
const OLD_BATCH = 5_000;

/** Attempts that are too old. $1 tenant, $2 the first id that is kept. */
const deleteOldAttemptsStatement: Statement<{ count: bigint }> = {
  name: "webhook_attempt_delete_old",
  changes: true,
  text: `
  with old as (
    delete from webhook_attempt a where a.tenant_id = $1 and (a.endpoint_id, a.id) in (
      select e.id, o.id from webhook_endpoint e cross join lateral (
        select t.id from webhook_attempt t where t.tenant_id = $1 and t.endpoint_id = e.id and t.id < $2::uuid
        order by t.id limit ${OLD_OF_ONE}) o
      where e.tenant_id = $1 limit ${OLD_BATCH})
    returning 1
  ) select count(*) as count from old`,
};

/** Deletes attempts of more than 7 days ago, a bounded number at a time. Returns how many. */
export async function deleteOldAttempts(on: Queryable, tenantId: string, signal?: Interrupt): Promise<number> {
  const [row] = await on.query(deleteOldAttemptsStatement, [tenantId, firstIdAt(Date.now() - ATTEMPT_MS)], signal);
  return Number(row?.count ?? 0);
}

/**
 * The newest first. $1 tenant, $2 endpoint, $3 id of the last of the page before or null, $4 limit, $5 failures only,
 * $6 the first id that is kept.
 */
const listAttemptsStatement: Statement<AttemptRow> = {
  name: "webhook_attempt_list",
  text: `
  select a.id, a.webhook_id, a.outcome, a.status, a.duration_ms, a.error, a.response_body, a.event_count,
    a.conversation_id, a.seq, a.next_attempt_time, a.create_time
  from webhook_attempt a
  where a.tenant_id = $1 and a.endpoint_id = $2::uuid and ($3::uuid is null or a.id < $3::uuid)
    and a.id >= $6::uuid
    and (not $5::boolean or a.outcome <> 1)
  order by a.id desc limit $4`,
  maxBytes: PAGE_BYTES,
};

export function listAttempts(
  on: Queryable,
  tenantId: string,
  endpointId: string,
  { after, limit, failedOnly }: { after: string | undefined; limit: number; failedOnly: boolean },
  signal?: Interrupt,
): Promise<AttemptRow[]> {
  const kept = firstIdAt(Date.now() - ATTEMPT_MS);
  return on.query(listAttemptsStatement, [tenantId, endpointId, after ?? null, limit, failedOnly, kept], signal);
}
