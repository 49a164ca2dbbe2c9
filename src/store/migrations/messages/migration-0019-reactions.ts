// Reactions to messages. Rows of messages are not rewritten: most have none.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // Whether it has a row of counts: without, none is looked for.
  "alter table message add column tallied boolean",
  // reactions: [[name, count], …] in the order in which they first came, so that a list reads one row for each message,
  // however many have reacted.
  `create table message_tally (
    tenant_id uuid not null,
    conversation_id uuid not null,
    seq bigint not null,
    reactions jsonb not null default '[]',
    primary key (tenant_id, conversation_id, seq),
    foreign key (tenant_id, conversation_id, seq) references message (tenant_id, conversation_id, seq) on delete cascade
  ) with (fillfactor = 70)`,
  `create table reaction (
    tenant_id uuid not null,
    conversation_id uuid not null,
    seq bigint not null,
    actor text collate "C" not null,
    name text collate "C" not null,
    create_time timestamptz(3) not null,
    primary key (tenant_id, conversation_id, seq, actor, name),
    foreign key (tenant_id, conversation_id, seq) references message_tally (tenant_id, conversation_id, seq)
      on delete cascade
  )`,
  "create index reaction_time_idx on reaction (tenant_id, conversation_id, seq, create_time, actor, name)",
];

export class ReactionsMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
