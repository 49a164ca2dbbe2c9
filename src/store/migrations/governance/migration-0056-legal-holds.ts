// Legal holds. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // kind: 1 the whole tenant, 2 a member, 3 a conversation, 4 the conversations that match the columns from entity_type on,
  // of which those that are null match any.
  `create table legal_hold (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    name text not null,
    reason text not null,
    kind smallint not null,
    member_id text collate "C",
    conversation_id uuid,
    entity_type text,
    mode text,
    call_type smallint,
    agent text,
    status smallint,
    labels jsonb,
    owner_role smallint,
    two_person boolean not null,
    creator text collate "C" not null,
    create_time timestamptz(3) not null,
    lifter text collate "C",
    lift_time timestamptz(3),
    lift_reason text,
    primary key (tenant_id, id)
  )`,
  "create index legal_hold_active_idx on legal_hold (tenant_id, id) where lift_time is null",
];

export class LegalHoldsMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
