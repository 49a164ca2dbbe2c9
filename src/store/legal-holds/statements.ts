// The statements about legal holds.
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { holdsOver } from "./condition.ts";

/** The columns that say which conversations a rule is about; null: any. */
export interface MatchColumns {
  readonly entity_type: string | null;
  readonly mode: string | null;
  readonly call_type: number | null;
  readonly agent: string | null;
  readonly status: number | null;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly owner_role: number | null;
}

export interface LegalHoldRow extends MatchColumns {
  readonly id: string;
  readonly name: string;
  readonly reason: string;
  /** 1 the whole tenant, 2 a member, 3 a conversation, 4 what matches. */
  readonly kind: number;
  readonly member_id: string | null;
  readonly conversation_id: string | null;
  readonly two_person: boolean;
  /** Texts of audit entries. */
  readonly creator: string;
  readonly create_time: Date;
  readonly lifter: string | null;
  readonly lift_time: Date | null;
  readonly lift_reason: string | null;
}

const columns = `h.id::text as id, h.name, h.reason, h.kind, h.member_id, h.conversation_id::text as conversation_id,
    h.entity_type, h.mode, h.call_type, h.agent, h.status, h.labels, h.owner_role, h.two_person, h.creator, h.create_time,
    h.lifter, h.lift_time, h.lift_reason`;

const lockText = "hashtextextended('holds ' || $1::uuid::text, 0)";

/**
 * Held by whoever erases, until the end of its transaction: a hold waits for it, and it sees all holds from then on. $1
 * tenant.
 */
export const readHolds: Statement = {
  name: "legal_hold_lock_shared",
  text: `select pg_advisory_xact_lock_shared(${lockText})`,
};

/** Waits for whoever erases, until its transaction has ended. $1 tenant. */
export const changeHolds: Statement = {
  name: "legal_hold_lock",
  text: `select pg_advisory_xact_lock(${lockText})`,
};

/** No row: the tenant has as many as it may. $1 tenant, $2 id, $3 maximum, then the values. */
export const insertHold: Statement<LegalHoldRow> = {
  name: "legal_hold_insert",
  text: `
  insert into legal_hold as h (tenant_id, id, name, reason, kind, member_id, conversation_id, entity_type, mode, call_type,
    agent, status, labels, owner_role, two_person, creator, create_time)
  select $1, $2::uuid, $4, $5, $6::smallint, $7, $8::uuid, $9, $10, $11::smallint, $12, $13::smallint, $14::jsonb,
    $15::smallint, $16::boolean, $17, date_trunc('milliseconds', statement_timestamp())
  where (select count(*) from legal_hold o where o.tenant_id = $1 and o.lift_time is null) < $3::integer
  returning ${columns}`,
};

/** $1 tenant, $2 id. */
export const getHold: Statement<LegalHoldRow> = {
  name: "legal_hold_get",
  text: `select ${columns} from legal_hold h where h.tenant_id = $1 and h.id = $2::uuid`,
};

/** $1 tenant, $2 id. */
export const lockHold: Statement<LegalHoldRow> = {
  name: "legal_hold_lock_row",
  text: `select ${columns} from legal_hold h where h.tenant_id = $1 and h.id = $2::uuid for update`,
};

/** $1 tenant, $2 id, $3 who, $4 why. */
export const liftHold: Statement<LegalHoldRow> = {
  name: "legal_hold_lift",
  text: `
  update legal_hold h set lifter = $3, lift_reason = $4, lift_time = date_trunc('milliseconds', statement_timestamp())
  where h.tenant_id = $1 and h.id = $2::uuid and h.lift_time is null returning ${columns}`,
};

/** Newest first. $1 tenant, $2 whether lifted ones too, $3 member or null, $4 id before or null, $5 limit. */
export const listHolds: Statement<LegalHoldRow> = {
  name: "legal_hold_list",
  text: `
  select ${columns} from legal_hold h
  where h.tenant_id = $1 and ($2::boolean or h.lift_time is null) and ($3::text is null or h.member_id = $3::text)
    and ($4::uuid is null or h.id < $4::uuid)
  order by h.id desc limit $5`,
  maxBytes: PAGE_BYTES,
};

/**
 * Those in force that cover a conversation. $1 tenant, $2 conversation, $3 member or null, $4 id before or null, $5
 * limit.
 */
export const listHoldsOver: Statement<LegalHoldRow> = {
  name: "legal_hold_list_over",
  text: `
  select ${columns} from legal_hold h
  where h.tenant_id = $1 and h.lift_time is null and ($3::text is null or h.member_id = $3::text)
    and ($4::uuid is null or h.id < $4::uuid) and h.id in (${holdsOver("$2::uuid", "0")})
  order by h.id desc limit $5`,
  maxBytes: PAGE_BYTES,
};

/** One hold that covers a conversation or has to do with its log. $1 tenant, $2 conversation. */
export const holdOver: Statement<{ id: string }> = {
  name: "legal_hold_over",
  text: `select h.id::text as id from (${holdsOver("$2::uuid", "0")}) h limit 1`,
};

/** Which holds are in force, as one text. $1 tenant. */
export const holdsInForce: Statement<{ holds: string }> = {
  name: "legal_hold_in_force",
  text: `
  select md5(coalesce(string_agg(h.id::text, ' ' order by h.id), '')) as holds from legal_hold h
  where h.tenant_id = $1 and h.lift_time is null`,
};

/** One hold that covers a conversation by what it is now. $1 tenant, $2 conversation. */
export const holdNow: Statement<{ id: string }> = {
  name: "legal_hold_now",
  text: `select h.id::text as id from (${holdsOver("$2::uuid")}) h limit 1`,
};

/** The same, of the log the last entries alone. $1 tenant, $2 conversation, $3 how many entries of each kind. */
export const holdOverEnd: Statement<{ id: string }> = {
  name: "legal_hold_over_end",
  text: `
  with first as materialized (
    select least(
      (select min(n.seq) from (select l.seq from message l where l.tenant_id = $1 and l.conversation_id = $2::uuid
        order by l.seq desc limit $3) n),
      (select min(n.seq) from (select l.seq from event l where l.tenant_id = $1 and l.conversation_id = $2::uuid
        order by l.seq desc limit $3) n)) as seq
  )
  select h.id::text as id from (${holdsOver("$2::uuid", "(select f.seq from first f)")}) h limit 1`,
};
