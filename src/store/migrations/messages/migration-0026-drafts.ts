// What is written and not yet sent: drafts, and messages for a later time.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // message: as Protobuf, for it is never searched. actor: whose it is.
  `create table draft (
    tenant_id uuid not null,
    conversation_id uuid not null,
    actor text collate "C" not null,
    message bytea not null,
    update_time timestamptz(3) not null,
    primary key (tenant_id, conversation_id, actor),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade
  )`,
  "create index draft_actor_idx on draft (tenant_id, actor, update_time, conversation_id)",
  // state: 1 waits, 2 failed. scheduler: the caller, as idempotency names it.
  `create table scheduled_message (
    tenant_id uuid not null,
    id uuid not null,
    conversation_id uuid not null,
    actor text collate "C" not null,
    scheduler text collate "C" not null,
    message bytea not null,
    send_time timestamptz(3) not null,
    state smallint not null default 1,
    failure text not null default '',
    version integer not null default 0,
    create_time timestamptz(3) not null,
    update_time timestamptz(3) not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade
  )`,
  "create index scheduled_message_actor_idx on scheduled_message (tenant_id, actor, send_time, id)",
  "create index scheduled_message_conversation_idx on scheduled_message (tenant_id, conversation_id)",
  "create index scheduled_message_due_idx on scheduled_message (send_time) where state = 1",
];

export class DraftsMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
