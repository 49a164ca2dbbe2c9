// Lists by creation go by the time of creation: ids that came with an import tell nothing of it.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  "create index conversation_time_idx on conversation (tenant_id, create_time, id)",
  "drop index conversation_owner_idx",
  "create index conversation_owner_idx on conversation (tenant_id, owner_id, create_time, id)",
  "drop index conversation_creator_idx",
  "create index conversation_creator_idx on conversation (tenant_id, creator, create_time, id)",
  "drop index conversation_entity_idx",
  `create index conversation_entity_idx on conversation (tenant_id, entity_type, entity_id, create_time, id)
    where entity_type <> ''`,
  "drop index conversation_deleted_idx",
  "create index conversation_deleted_idx on conversation (tenant_id, create_time, id) where delete_time is not null",

  // A member's conversations in their order, from one index: the time of creation never changes.
  "alter table participant add column conversation_time timestamptz(3) not null default now()",
  `update participant p set conversation_time = c.create_time from conversation c
    where c.tenant_id = p.tenant_id and c.id = p.conversation_id`,
  "drop index participant_member_idx",
  `create index participant_member_idx on participant (tenant_id, member_id, conversation_time, conversation_id)`,

  "drop index message_deleted_idx",
  "create index message_deleted_idx on message (tenant_id, create_time, id) where delete_time is not null",
  // For what came on a day.
  "create index message_time_idx on message (tenant_id, create_time)",
];

export class CreationOrderMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
