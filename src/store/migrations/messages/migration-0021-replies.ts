// Replies to messages, and mentions of members. Nothing is rewritten: columns without a value take no room.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // mentions: the ids as given, as a list.
  "alter table message add column reply_to uuid, add column mentions jsonb",
  `create index message_reply_idx on message (tenant_id, conversation_id, reply_to, seq) where reply_to is not null`,
  `alter table message_tally add column reply_count integer not null default 0,
    add column last_reply_time timestamptz(3)`,
  // Whether a message mentions somebody: without, none is looked for.
  "alter table conversation add column mentioned boolean not null default false",
  // A row for each member that a message mentions, "@all" written out.
  `create table mention (
    tenant_id uuid not null,
    conversation_id uuid not null,
    member_id text collate "C" not null,
    seq bigint not null,
    message_id uuid not null,
    create_time timestamptz(3) not null,
    primary key (tenant_id, conversation_id, member_id, seq),
    foreign key (tenant_id, conversation_id, seq) references message_tally (tenant_id, conversation_id, seq)
      on delete cascade
  )`,
  "create index mention_member_idx on mention (tenant_id, member_id, create_time, message_id)",
  "create index mention_message_idx on mention (tenant_id, conversation_id, seq)",
];

export class RepliesMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
