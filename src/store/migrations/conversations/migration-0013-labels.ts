// Labels of conversations, and by each the conversations that have it, in their order. Nothing is rewritten: there are none yet.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  "alter table conversation add column labels jsonb",
  `create table conversation_label (
    tenant_id uuid not null,
    conversation_id uuid not null,
    name text collate "C" not null,
    value text collate "C" not null,
    conversation_time timestamptz(3) not null,
    primary key (tenant_id, conversation_id, name),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade
  )`,
  `create index conversation_label_idx
    on conversation_label (tenant_id, name, value, conversation_time, conversation_id)`,
];

export class LabelsMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
