// The feed of a tenant: the changes of all its conversations in one order.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // position: the last row that was added, from 1 on, because a cursor of 0 would look like none.
  // trimmed: rows up to here are gone, and cursors before it with them.
  `create table feed_state (
    tenant_id uuid not null references tenant (id),
    position bigint not null default 1,
    trimmed bigint not null default 0,
    primary key (tenant_id)
  )`,
  // How much of each log is in the feed.
  `create table feed_head (
    tenant_id uuid not null,
    conversation_id uuid not null,
    seq bigint not null,
    primary key (tenant_id, conversation_id),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade
  )`,
  // One row stands for the entries of a log after after_seq and up to seq.
  `create table feed (
    tenant_id uuid not null,
    position bigint not null,
    conversation_id uuid not null,
    after_seq bigint not null,
    seq bigint not null,
    create_time timestamptz(3) not null default now(),
    primary key (tenant_id, position),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade
  )`,
  `create index feed_conversation_idx on feed (tenant_id, conversation_id)`,
];

export class FeedMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
