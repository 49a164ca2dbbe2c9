// The tables of agents and their turns.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // settings: what the connector needs, as JSON of the contract. credential: sealed, see agents/secrets/sealing.ts.
  `create table agent (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    name text collate "C" not null,
    description text not null default '',
    connector text not null,
    settings jsonb not null,
    credential bytea,
    idle_timeout_ms integer not null,
    timeout_ms integer not null,
    disabled boolean not null default false,
    metadata jsonb,
    version integer not null default 1,
    create_time timestamptz(3) not null default now(),
    update_time timestamptz(3) not null default now(),
    primary key (tenant_id, id)
  )`,
  `create unique index agent_name_idx on agent (tenant_id, name)`,

  // text holds the reply while the turn runs; when it ends the text becomes a message and is emptied here.
  // server and lease_time: which server runs it, and until when it is believed to live.
  `create table turn (
    tenant_id uuid not null,
    id uuid not null,
    conversation_id uuid not null,
    agent_id uuid not null,
    caller text collate "C" not null,
    message_seq bigint not null,
    message_id uuid not null,
    reply_id uuid not null,
    reply_seq bigint,
    state smallint not null,
    failure text not null default '',
    text text not null default '',
    cancel_time timestamptz(3),
    server uuid not null,
    lease_time timestamptz(3) not null,
    create_time timestamptz(3) not null default now(),
    start_time timestamptz(3),
    first_delta_time timestamptz(3),
    end_time timestamptz(3),
    primary key (tenant_id, id),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade
  ) with (fillfactor = 70)`,
  `create index turn_conversation_idx on turn (tenant_id, conversation_id, id)`,
  // At most one turn runs in a conversation, whatever two servers believe.
  `create unique index turn_running_idx on turn (tenant_id, conversation_id) where state = 2`,
  // Holds the open turns only, so those whose server is gone are found at once.
  `create index turn_open_idx on turn (tenant_id, conversation_id, id) where state in (1, 2)`,
];

export class AgentsMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
