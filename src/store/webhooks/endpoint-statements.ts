// The statements about webhook endpoints.
import type { WebhookState } from "../../../gen/colloquy/v1/webhook_pb.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";

/** What an administrator sets, as columns. */
export interface EndpointValues {
  readonly description: string;
  readonly url: string;
  /** Encrypted. */
  readonly headers: Buffer | null;
  readonly header_names: readonly string[];
  readonly event_types: readonly string[];
  /** The filter; null: any. */
  readonly conversation_id: string | null;
  readonly owner_id: string | null;
  readonly agent: string | null;
  readonly entity_type: string | null;
  readonly mode: string | null;
  readonly ordered: boolean;
  readonly batch_size: number;
  readonly timeout_ms: number;
}

export interface EndpointRow extends EndpointValues {
  readonly id: string;
  /** Encrypted. */
  readonly secret: Buffer;
  readonly previous_secret: Buffer | null;
  readonly previous_secret_expire_time: Date | null;
  readonly state: WebhookState;
  readonly state_reason: string;
  readonly version: number;
  readonly create_time: Date;
  readonly update_time: Date;
}

/** How far an endpoint is. */
export interface ProgressRow {
  readonly position: bigint;
  readonly seq: bigint;
  readonly replay_after: string | null;
  readonly replay_time: Date | null;
  readonly batch_end: string | null;
  readonly epoch: number;
  readonly failures: number;
  readonly failing_since: Date | null;
  readonly next_attempt_time: Date | null;
  readonly last_success_time: Date | null;
  readonly last_failure_time: Date | null;
}

export type EndpointWithProgress = EndpointRow & ProgressRow;

const VALUES = [
  "description",
  "url",
  "headers",
  "header_names",
  "event_types",
  "conversation_id",
  "owner_id",
  "agent",
  "entity_type",
  "mode",
  "ordered",
  "batch_size",
  "timeout_ms",
] as const satisfies readonly (keyof EndpointValues)[];

/** The values as parameters from `$3` on, in the order of the columns. */
export function endpointParameters(values: EndpointValues): unknown[] {
  return VALUES.map((name) => values[name]);
}

export const endpointColumns = `${VALUES.map((name) => `e.${name}`).join(", ")}, e.id, e.secret, e.previous_secret,
  e.previous_secret_expire_time, e.state, e.state_reason, e.version, e.create_time, e.update_time`;

export const progressColumns = `p.position, p.seq, p.replay_after, p.replay_time, p.batch_end, p.epoch, p.failures, p.failing_since,
  p.next_attempt_time, p.last_success_time, p.last_failure_time`;

const TOUCH =
  "version = e.version + 1, update_time = greatest(e.update_time, date_trunc('milliseconds', statement_timestamp()))";

/** Maximum endpoints of a tenant. */
export const MAX_ENDPOINTS = 1_000;

/** Adds an endpoint. No row: the tenant has too many. $1 tenant, $2 id, $3… values, then the secret. */
export const insertEndpoint: Statement<{ id: string }> = {
  name: "webhook_insert",
  text: `
  insert into webhook_endpoint (tenant_id, id, ${VALUES.join(", ")}, secret)
  select $1, $2::uuid, $3::text, $4::text, $5::bytea, $6::text[], $7::text[], $8::uuid, $9::text, $10::text, $11::text,
    $12::text, $13::boolean, $14::integer, $15::integer, $16::bytea
  where (select count(*) from webhook_endpoint e where e.tenant_id = $1) < ${MAX_ENDPOINTS}
  returning id`,
};

/** $1 tenant, $2 endpoint, $3 position, $4 seq, $5 place of the replay or null, $6 its time or null. */
export const insertProgress: Statement = {
  name: "webhook_insert_progress",
  text: `
  insert into webhook_progress (tenant_id, endpoint_id, position, seq, replay_after, replay_time)
  values ($1, $2::uuid, $3, $4, $5, $6)`,
};

const withProgress = `
  select ${endpointColumns}, ${progressColumns}
  from webhook_endpoint e join webhook_progress p on p.tenant_id = $1 and p.endpoint_id = e.id
  where e.tenant_id = $1`;

/** $1 tenant, $2 id. */
export const findEndpoint: Statement<EndpointWithProgress> = {
  name: "webhook_find",
  text: `${withProgress} and e.id = $2::uuid`,
};

/** The same, locked until the transaction ends. */
export const lockEndpoint: Statement<EndpointWithProgress> = {
  name: "webhook_lock",
  text: `${findEndpoint.text} for update of e, p`,
};

/** $1 tenant, $2 limit, $3 id of the last of the page before, or null. */
export const listEndpoints: Statement<EndpointWithProgress> = {
  name: "webhook_list",
  text: `${withProgress} and ($3::uuid is null or e.id > $3::uuid) order by e.id limit $2`,
  maxBytes: PAGE_BYTES,
};

/** $1 tenant, $2 id, $3… values. */
export const updateEndpoint: Statement = {
  name: "webhook_update",
  text: `
  update webhook_endpoint e set ${VALUES.map((name, index) => `${name} = $${index + 3}`).join(", ")}, ${TOUCH}
  where e.tenant_id = $1 and e.id = $2::uuid`,
};

/** $1 tenant, $2 id, $3 state, $4 reason. */
export const setState: Statement = {
  name: "webhook_set_state",
  text: `
  update webhook_endpoint e set state = $3::smallint, state_reason = $4, ${TOUCH}
  where e.tenant_id = $1 and e.id = $2::uuid`,
};

/** $1 tenant, $2 id, $3 new secret, $4 milliseconds for which the old one still signs. */
export const rotateSecret: Statement = {
  name: "webhook_rotate_secret",
  text: `
  update webhook_endpoint e set secret = $3, previous_secret = e.secret,
    previous_secret_expire_time = date_trunc('milliseconds', statement_timestamp()) + $4::bigint * interval '1 millisecond',
    ${TOUCH}
  where e.tenant_id = $1 and e.id = $2::uuid`,
};

/**
 * Takes an endpoint from the server that delivers. What that server has still to write counts until another begins,
 * unless the place is moved or what failed is forgotten. A batch that was begun stays the same unless the place is
 * moved.
 * $1 tenant, $2 id, $3 whether the place is moved, $4 whether what failed is forgotten.
 */
export const releaseEndpoint: Statement = {
  name: "webhook_release",
  text: `
  update webhook_progress p set server = null, lease_time = '-infinity', epoch = p.epoch + ($3::boolean or $4::boolean)::integer,
    batch_end = case when not $3::boolean then p.batch_end end,
    failures = case when $4::boolean then 0 else p.failures end,
    failing_since = case when not $4::boolean then p.failing_since end,
    next_attempt_time = case when not $4::boolean then p.next_attempt_time end
  where p.tenant_id = $1 and p.endpoint_id = $2::uuid`,
};

/** $1 tenant, $2 id, $3 position, $4 seq. */
export const moveCursor: Statement = {
  name: "webhook_move_cursor",
  text: "update webhook_progress p set position = $3, seq = $4 where p.tenant_id = $1 and p.endpoint_id = $2::uuid",
};

/** Begins a replay. $1 tenant, $2 id, $3 the place after which it begins, $4 the time from which on, or null. */
export const beginReplay: Statement = {
  name: "webhook_begin_replay",
  text: `
  update webhook_progress p set replay_after = $3, replay_time = $4
  where p.tenant_id = $1 and p.endpoint_id = $2::uuid`,
};

/** $1 tenant, $2 id. */
export const deleteEndpoint: Statement = {
  name: "webhook_delete",
  text: "delete from webhook_endpoint e where e.tenant_id = $1 and e.id = $2::uuid",
};
