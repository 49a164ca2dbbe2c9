// The statements about the chain of hashes over the audit log of a tenant. Hashes are hexadecimal.
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";

export interface ChainRow {
  /** Of the entry that was sealed last; 0: none. */
  readonly seq: bigint;
  readonly hash: string;
  /** Of the last entry that is not kept any more; 0: none. */
  readonly dropped_seq: bigint;
  readonly dropped_hash: string;
}

const ends = `c.seq, encode(c.hash, 'hex') as hash, c.dropped_seq, encode(c.dropped_hash, 'hex') as dropped_hash`;

/** The tenants with entries that are not sealed. */
export const tenantsToSeal: Statement<{ tenant_id: string }> = {
  name: "audit_unsealed_tenants",
  text: `
  select distinct a.tenant_id::text as tenant_id from tenant n join audit a on a.tenant_id = n.id where a.chain_seq is null`,
};

/**
 * Locks a chain, and begins it where there is none. No row: the log has no entries. $1 tenant, $2 the hash before the
 * first entry.
 */
export const lockChain: Statement<ChainRow> = {
  name: "audit_chain_lock",
  changes: true,
  text: `
  insert into audit_chain as c (tenant_id, hash, dropped_hash) select $1, decode($2, 'hex'), decode($2, 'hex')
  where exists (select from audit a where a.tenant_id = $1)
  on conflict (tenant_id) do update set seq = c.seq returning ${ends}`,
};

/**
 * The last entry past the end of a locked chain, or where that end is $2 or more, the last entry before $2. There is one
 * where the chain's row was deleted or changed, or where somebody has put an entry. $1 tenant, $2 a place that no chain
 * reaches.
 */
export const pastEnd: Statement<{ seq: bigint; hash: string | null }> = {
  name: "audit_chain_past_end",
  text: `
  select a.chain_seq as seq, encode(a.chain_hash, 'hex') as hash from audit_chain c join audit a on a.tenant_id = c.tenant_id
  where c.tenant_id = $1 and (a.chain_seq > c.seq or c.seq >= $2::bigint) and a.chain_seq < $2::bigint
  order by a.chain_seq desc limit 1`,
};

/** Moves the end of a locked chain. $1 tenant, $2 place, $3 hash. */
export const moveEnd: Statement = {
  name: "audit_chain_move_end",
  text: "update audit_chain c set seq = $2::bigint, hash = decode($3, 'hex') where c.tenant_id = $1",
};

/** $1 tenant. */
export const lockEnds: Statement = {
  name: "audit_chain_lock_ends",
  text: "select c.seq from audit_chain c where c.tenant_id = $1 for update",
};

export interface ChainEnds extends ChainRow {
  /** The first entry past the end, which nobody but a forger puts there. */
  readonly beyond: bigint | null;
  /** An entry before the first that is kept, which nobody but a forger puts there. */
  readonly before: bigint | null;
  /** Whether an entry says that the first ones are not kept any more. */
  readonly vouched: boolean;
}

/** $1 tenant. */
export const readChain: Statement<ChainEnds> = {
  name: "audit_chain_read",
  text: `
  select ${ends}, (
    select a.chain_seq from audit a where a.tenant_id = $1 and a.chain_seq > c.seq order by a.chain_seq limit 1) as beyond, (
    select a.chain_seq from audit a where a.tenant_id = $1 and a.chain_seq <= c.dropped_seq order by a.chain_seq limit 1) as before,
    c.dropped_seq = 0 or exists (select from audit a where a.tenant_id = $1 and a.id = c.drop_id and a.action = 'audit.drop'
      and a.details ->> 'last_sequence' = c.dropped_seq::text and a.details ->> 'last_hash' = encode(c.dropped_hash, 'hex')) as vouched
  from audit_chain c where c.tenant_id = $1`,
};

export interface EntryRow {
  readonly id: string;
  readonly actor: string;
  readonly action: string;
  readonly resource_type: string;
  readonly resource_id: string;
  readonly request_id: string;
  readonly address: string;
  readonly details: Record<string, unknown> | null;
  readonly create_time: Date;
}

const entry = `a.id::text as id, a.actor, a.action, a.resource_type, a.resource_id, a.request_id, a.address, a.details,
    a.create_time`;

/** Locks the next entries to seal, without those that somebody else has locked. $1 tenant, $2 limit. */
export const lockUnsealed: Statement<EntryRow> = {
  name: "audit_unsealed",
  text: `
  select ${entry} from audit a where a.tenant_id = $1 and a.chain_seq is null order by a.id limit $2 for update skip locked`,
  maxBytes: PAGE_BYTES,
};

/**
 * Seals entries, and moves the end of the locked chain to the last. $1 tenant, $2 ids, $3 salts, $4 digests, $5 hashes.
 */
export const seal: Statement = {
  name: "audit_seal",
  changes: true,
  text: `
  with chain as materialized (select c.seq from audit_chain c where c.tenant_id = $1), sealed as (
    update audit a set chain_seq = chain.seq + s.place, chain_salt = decode(s.salt, 'hex'),
      chain_digest = decode(s.digest, 'hex'), chain_hash = decode(s.hash, 'hex')
    from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) with ordinality s (id, salt, digest, hash, place) cross join chain
    where a.tenant_id = $1 and a.id = s.id and a.chain_seq is null
  )
  update audit_chain c set seq = c.seq + cardinality($2::uuid[]), hash = decode(($5::text[])[cardinality($2::uuid[])], 'hex')
  where c.tenant_id = $1`,
};

export interface SealedRow extends EntryRow {
  readonly seq: bigint;
  /** Null: the erasure of a person has changed the entry since. */
  readonly salt: string | null;
  readonly digest: string;
  readonly hash: string;
}

/** Entries in the order of the chain. $1 tenant, $2 after place, $3 up to place, $4 limit. */
export const chainPage: Statement<SealedRow> = {
  name: "audit_chain_page",
  text: `
  select ${entry}, a.chain_seq as seq, encode(a.chain_salt, 'hex') as salt, encode(a.chain_digest, 'hex') as digest,
    encode(a.chain_hash, 'hex') as hash
  from audit a where a.tenant_id = $1 and a.chain_seq > $2::bigint and a.chain_seq <= $3::bigint
  order by a.chain_seq limit $4`,
  maxBytes: PAGE_BYTES,
};

/**
 * Removes the first entries of a locked chain that are older than the tenant keeps them, and notes the last of them.
 * Nothing while a legal hold covers the tenant. $1 tenant, $2 limit, $3 how much older the first must be, in days.
 */
export const dropOld: Statement<{ count: bigint; seq: bigint | null; hash: string | null }> = {
  name: "audit_drop",
  changes: true,
  text: `
  with first as materialized (
    select a.id, a.chain_seq, a.chain_hash, a.create_time < now() - n.audit_retention_days * interval '1 day' as old,
      a.create_time < now() - (n.audit_retention_days + $3::integer) * interval '1 day' as overdue
    from audit_chain c join tenant n on n.id = c.tenant_id join audit a on a.tenant_id = c.tenant_id
    where c.tenant_id = $1 and n.audit_retention_days > 0 and a.chain_seq > c.dropped_seq
      and not exists (select from legal_hold h where h.tenant_id = $1 and h.lift_time is null and h.kind = 1)
    order by a.chain_seq limit $2
  ), gone as (
    delete from audit a using first f
    where a.tenant_id = $1 and a.id = f.id and exists (select from first o where o.overdue)
      and f.chain_seq < coalesce((select min(y.chain_seq) from first y where not y.old), f.chain_seq + 1)
    returning f.chain_seq, f.chain_hash
  ), last as (select g.chain_seq, g.chain_hash from gone g order by g.chain_seq desc limit 1), noted as (
    update audit_chain c set dropped_seq = l.chain_seq, dropped_hash = l.chain_hash from last l where c.tenant_id = $1
  )
  select (select count(*) from gone) as count, (select l.chain_seq from last l) as seq,
    (select encode(l.chain_hash, 'hex') from last l) as hash`,
};

/** $1 tenant, $2 the entry that says what was removed. */
export const noteDrop: Statement = {
  name: "audit_drop_note",
  text: "update audit_chain c set drop_id = $2::uuid where c.tenant_id = $1",
};
