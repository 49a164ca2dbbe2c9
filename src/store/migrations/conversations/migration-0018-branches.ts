// Branches of conversations. A conversation that never branched has no rows here, and its own rows are not rewritten.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  `alter table conversation add column segmented boolean not null default false,
    add column origin_id uuid, add column origin_seq bigint`,
  "alter table message add column parent_id uuid",
  // The tree: which stretch of the log follows which entry (parent_seq, 0: none). source_id is the conversation itself, or
  // the one whose log it inherits, as it was at as_of.
  `create table branch_run (
    tenant_id uuid not null,
    conversation_id uuid not null,
    from_seq bigint not null,
    to_seq bigint not null,
    parent_seq bigint not null,
    source_id uuid not null,
    as_of timestamptz(3),
    primary key (tenant_id, conversation_id, from_seq),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade
  )`,
  // The live path, which follows from the tree.
  `create table live_segment (
    tenant_id uuid not null,
    conversation_id uuid not null,
    from_seq bigint not null,
    to_seq bigint not null,
    source_id uuid not null,
    as_of timestamptz(3),
    primary key (tenant_id, conversation_id, from_seq),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade
  )`,
];

export class BranchesMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
