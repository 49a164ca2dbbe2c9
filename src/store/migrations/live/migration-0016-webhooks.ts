// Webhook endpoints, how far each is, and notices: entries of the feed that are of no conversation's log.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // headers, secret, previous_secret: sealed, see agents/secrets/sealing.ts. state: see the contract.
  `create table webhook_endpoint (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    description text not null default '',
    url text not null,
    headers bytea,
    header_names text[] not null default '{}',
    event_types text[] not null default '{}',
    conversation_id uuid,
    owner_id text collate "C",
    agent text,
    entity_type text,
    mode text,
    ordered boolean not null default true,
    batch_size integer not null default 1,
    timeout_ms integer not null,
    secret bytea not null,
    previous_secret bytea,
    previous_secret_expire_time timestamptz(3),
    state smallint not null default 1,
    state_reason text not null default '',
    version integer not null default 1,
    create_time timestamptz(3) not null default now(),
    update_time timestamptz(3) not null default now(),
    primary key (tenant_id, id)
  )`,
  // position and seq: the place in the feed, everything before it was taken. replay_after: the place in the replay that
  // comes first; null: there is none. batch_end: where the batch ends that was begun. server and lease_time: which server
  // delivers, and until when it is believed to live; epoch: moves when another begins, so that the one before cannot write.
  `create table webhook_progress (
    tenant_id uuid not null,
    endpoint_id uuid not null,
    position bigint not null,
    seq bigint not null,
    replay_after text,
    replay_time timestamptz(3),
    batch_end text,
    server uuid,
    lease_time timestamptz(3) not null default '-infinity',
    epoch integer not null default 0,
    failures integer not null default 0,
    failing_since timestamptz(3),
    next_attempt_time timestamptz(3),
    last_success_time timestamptz(3),
    last_failure_time timestamptz(3),
    primary key (tenant_id, endpoint_id),
    foreign key (tenant_id, endpoint_id) references webhook_endpoint (tenant_id, id) on delete cascade
  ) with (fillfactor = 50)`,
  `create table webhook_attempt (
    tenant_id uuid not null,
    endpoint_id uuid not null,
    id uuid not null,
    webhook_id text not null,
    outcome smallint not null,
    status integer not null,
    duration_ms integer not null,
    error text not null,
    response_body text not null,
    event_count integer not null,
    conversation_id uuid,
    seq bigint,
    next_attempt_time timestamptz(3),
    create_time timestamptz(3) not null default now(),
    primary key (tenant_id, endpoint_id, id),
    foreign key (tenant_id, endpoint_id) references webhook_endpoint (tenant_id, id) on delete cascade
  )`,
  // A notice waits here until the feed is written next; it is written in the transaction of what it tells.
  `create table feed_notice (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    notice jsonb not null,
    primary key (tenant_id, id)
  )`,
  // Its row in the feed has no conversation, and so stays when that is purged.
  "alter table feed alter column conversation_id drop not null, add column notice jsonb",
];

export class WebhooksMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
