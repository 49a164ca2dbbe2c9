// The statements of request ids.
import type { Statement } from "../database.ts";

/** How long a request id is kept. */
export const IDEMPOTENCY_HOURS = 24;

/** One lock for each request id. */
const LOCK = "hashtextextended($1::uuid::text || $2::text || $3::text || $4::text, 0)";

const claimWith = (name: string, takesLock: string): Statement<{ claimed: boolean }> => ({
  name,
  text: `
  with turn as materialized (
    select ${takesLock} as mine
  ), claim as (
    insert into idempotency (tenant_id, caller, method, key, fingerprint, create_time)
    select $1, $2, $3, $4, $5::bytea, now() where (select mine from turn)
    on conflict (tenant_id, caller, method, key) do update
      set fingerprint = excluded.fingerprint, message_ids = null, answer = null, conversation_id = null,
        create_time = excluded.create_time
      where excluded.create_time - idempotency.create_time > interval '${IDEMPOTENCY_HOURS} hours'
    returning 1
  )
  select exists (select from claim) as claimed from turn where turn.mine`,
});

/**
 * Locks a request id until the end of the transaction, and claims it. No row: another call holds the lock. `claimed`
 * false: the id was used before. A rollback also undoes the claim. $1 tenant, $2 caller, $3 method, $4 key, $5
 * fingerprint.
 */
export const claimKey = claimWith("idempotency_claim", `pg_try_advisory_xact_lock(${LOCK})`);

/** The same, once no other call holds the lock. */
export const claimKeyInTurn = claimWith("idempotency_claim_in_turn", `pg_advisory_xact_lock(${LOCK}) is not null`);

export interface ClaimRow {
  readonly fingerprint: Buffer;
  readonly answer: Buffer | null;
  readonly message_ids: readonly string[] | null;
}

/** $1 tenant, $2 caller, $3 method, $4 key. */
export const readClaim: Statement<ClaimRow> = {
  name: "idempotency_read",
  text: `
  select i.fingerprint, i.answer, i.message_ids from idempotency i
  where i.tenant_id = $1 and i.caller = $2 and i.method = $3 and i.key = $4`,
};

/** $1 tenant, $2 caller, $3 method, $4 key, $5 response, $6 its conversation, or null. */
export const keepAnswer: Statement = {
  name: "idempotency_answer",
  text: `
  update idempotency i set answer = $5::bytea, conversation_id = $6::uuid
  where i.tenant_id = $1 and i.caller = $2 and i.method = $3 and i.key = $4`,
};

/** How long an attempt can be continued by the client's next. */
const ATTEMPT_MINUTES = 10;

/**
 * The latest key of some first characters. $1 tenant, $2 caller, $3 method, $4 those characters, $5 what comes after
 * them.
 */
export const findAttempt: Statement<{ key: string }> = {
  name: "idempotency_attempt",
  text: `
  select i.key from idempotency i
  where i.tenant_id = $1 and i.caller = $2 and i.method = $3 and i.key >= $4 and i.key < $5
    and i.create_time > now() - interval '${ATTEMPT_MINUTES} minutes'
  order by i.create_time desc limit 1`,
};

/** Forgets keys. $1 tenant, $2 callers, $3 methods, $4 keys. */
export const forgetAttempts: Statement = {
  name: "idempotency_attempts_over",
  text: `
  delete from idempotency i using unnest($2::text[], $3::text[], $4::text[]) as over (caller, method, key)
  where i.tenant_id = $1 and i.caller = over.caller and i.method = over.method and i.key = over.key`,
};

/** Deletes expired ids, a bounded number at a time. $1 tenant. */
export const forgetKeys: Statement<{ count: bigint }> = {
  name: "idempotency_forget",
  text: `
  with old as (
    select i.caller, i.method, i.key from idempotency i
    where i.tenant_id = $1 and i.create_time < now() - interval '${IDEMPOTENCY_HOURS} hours' limit 5000
  ), gone as (
    delete from idempotency i using old
    where i.tenant_id = $1 and i.caller = old.caller and i.method = old.method and i.key = old.key
    returning 1
  ) select count(*) as count from gone`,
};
