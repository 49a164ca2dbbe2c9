// Retention policies and their runs. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // action: 1 keep, 2 delete, 3 purge. basis: 1 the last message, 2 the creation, 3 the deletion. The columns from entity_type
  // to owner_role say what matches; null: any.
  `create table retention_policy (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    name text not null,
    priority integer not null,
    action smallint not null,
    basis smallint not null,
    age_days integer not null,
    entity_type text,
    mode text,
    call_type smallint,
    agent text,
    status smallint,
    labels jsonb,
    owner_role smallint,
    next_run_time timestamptz(3),
    creator text collate "C" not null,
    create_time timestamptz(3) not null,
    primary key (tenant_id, id)
  )`,
  // last_id: the conversation up to which it has come. renew_time: when it was last seen to go on.
  `create table retention_run (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    policy_id uuid not null,
    name text not null,
    start_time timestamptz(3) not null,
    renew_time timestamptz(3) not null,
    end_time timestamptz(3),
    last_id uuid,
    deleted bigint not null default 0,
    purged bigint not null default 0,
    held bigint not null default 0,
    failed bigint not null default 0,
    primary key (tenant_id, id)
  )`,
  "create index retention_run_open_idx on retention_run (tenant_id, renew_time) where end_time is null",
];

export class RetentionMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
