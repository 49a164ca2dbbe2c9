// The chain of hashes over the audit log of each tenant, and how long it is kept. Nothing is rewritten: servers seal what there is.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // chain_seq: the place in the chain; null: not sealed yet. chain_salt: null also once an erasure has changed the entry.
  `alter table audit add column chain_seq bigint, add column chain_salt bytea, add column chain_digest bytea,
    add column chain_hash bytea`,
  "create unique index audit_chain_idx on audit (tenant_id, chain_seq) where chain_seq is not null",
  "create index audit_unsealed_idx on audit (tenant_id, id) where chain_seq is null",
  // seq, hash: of the entry that was sealed last. dropped_seq, dropped_hash: of the last one that is not kept any more. drop_id: the entry that
  // says so.
  `create table audit_chain (
    tenant_id uuid primary key references tenant (id),
    seq bigint not null default 0,
    hash bytea not null,
    dropped_seq bigint not null default 0,
    dropped_hash bytea not null,
    drop_id uuid
  )`,
  "alter table tenant add column audit_retention_days integer not null default 0",
];

export class AuditChainMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
