// The tables of the first release.
import { Migration } from "@mikro-orm/migrations";

// Every key begins with tenant_id: it is the wall between tenants, and the column by which a sharded database
// distributes the rows. Ids that outside systems choose are compared by byte (collate "C").
const statements = [
  `create table tenant (
    id uuid not null primary key,
    slug text not null unique,
    name text not null default '',
    secret bytea not null,
    last_conversation_number bigint not null default 0,
    create_time timestamptz(3) not null default now(),
    update_time timestamptz(3) not null default now()
  )`,

  `create table member (
    tenant_id uuid not null references tenant (id),
    id text collate "C" not null,
    kind smallint not null default 1,
    role smallint not null default 2,
    manager_id text collate "C",
    display_name text not null default '',
    metadata jsonb,
    version integer not null default 1,
    create_time timestamptz(3) not null default now(),
    update_time timestamptz(3) not null default now(),
    delete_time timestamptz(3),
    primary key (tenant_id, id),
    foreign key (tenant_id, manager_id) references member (tenant_id, id)
  )`,
  `create index member_manager_idx on member (tenant_id, manager_id) where manager_id is not null`,

  `create table api_key (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    name text not null default '',
    scopes text[] not null,
    secret_hash bytea not null,
    previous_secret_hash bytea,
    previous_expire_time timestamptz(3),
    creator text not null,
    create_time timestamptz(3) not null default now(),
    expire_time timestamptz(3),
    revoke_time timestamptz(3),
    last_use_time timestamptz(3),
    primary key (tenant_id, id)
  )`,

  `create table conversation (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    number bigint,
    title text not null default '',
    status smallint not null default 1,
    owner_id text collate "C",
    creator text collate "C" not null,
    agent text not null default '',
    mode text not null default '',
    call_type smallint not null default 0,
    entity_type text not null default '',
    entity_id text not null default '',
    pinned boolean not null default false,
    metadata jsonb,
    persona jsonb,
    profile_info jsonb,
    max_context_length integer not null default 20,
    participant_count integer not null default 0,
    last_seq bigint not null default 0,
    message_count bigint not null default 0,
    last_message_time timestamptz(3),
    version integer not null default 1,
    create_time timestamptz(3) not null default now(),
    update_time timestamptz(3) not null default now(),
    delete_time timestamptz(3),
    purge_time timestamptz(3),
    primary key (tenant_id, id),
    foreign key (tenant_id, owner_id) references member (tenant_id, id)
  ) with (fillfactor = 85)`,
  `create unique index conversation_number_idx on conversation (tenant_id, number) where number is not null`,
  `create index conversation_owner_idx on conversation (tenant_id, owner_id, id)`,
  `create index conversation_creator_idx on conversation (tenant_id, creator, id)`,
  `create index conversation_entity_idx on conversation (tenant_id, entity_type, entity_id, id) where entity_type <> ''`,
  `create index conversation_deleted_idx on conversation (tenant_id, id) where delete_time is not null`,

  `create table participant (
    tenant_id uuid not null,
    conversation_id uuid not null,
    member_id text collate "C" not null,
    join_seq bigint not null,
    join_time timestamptz(3) not null default now(),
    read_seq bigint not null default 0,
    primary key (tenant_id, conversation_id, member_id),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade,
    foreign key (tenant_id, member_id) references member (tenant_id, id)
  )`,
  `create index participant_member_idx on participant (tenant_id, member_id, conversation_id)`,
  `create index participant_join_idx on participant (tenant_id, conversation_id, join_seq)`,

  // In writing without spaces each character is a word of its own, so that a run of them is found as a phrase. The two
  // last words narrow the index to a tenant and to a conversation, for which GIN has no columns of its own.
  `create table message (
    tenant_id uuid not null,
    conversation_id uuid not null,
    seq bigint not null,
    id uuid not null,
    role smallint not null,
    sender text collate "C" not null,
    content text not null,
    metadata jsonb,
    state smallint not null default 1,
    client_time timestamptz(3),
    create_time timestamptz(3) not null default now(),
    edit_time timestamptz(3),
    delete_time timestamptz(3),
    revision integer not null default 0,
    version integer not null default 1,
    search tsvector generated always as (
      to_tsvector('simple'::regconfig, regexp_replace(content,
        '([\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7af\\uf900-\\ufaff])',
        ' \\1 ', 'g'))
      || array_to_tsvector(array['tenant:' || tenant_id::text, 'conversation:' || conversation_id::text])
    ) stored,
    primary key (tenant_id, conversation_id, seq),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade
  )`,
  `create unique index message_id_idx on message (tenant_id, id)`,
  `create index message_deleted_idx on message (tenant_id, id) where delete_time is not null`,
  `create index message_search_idx on message using gin (search)`,

  `create table message_revision (
    tenant_id uuid not null,
    conversation_id uuid not null,
    seq bigint not null,
    revision integer not null,
    role smallint not null,
    content text not null,
    metadata jsonb,
    client_time timestamptz(3),
    create_time timestamptz(3) not null,
    editor text collate "C" not null,
    primary key (tenant_id, conversation_id, seq, revision),
    foreign key (tenant_id, conversation_id, seq) references message (tenant_id, conversation_id, seq) on delete cascade
  )`,

  `create table event (
    tenant_id uuid not null,
    conversation_id uuid not null,
    seq bigint not null,
    type smallint not null,
    actor text collate "C" not null,
    create_time timestamptz(3) not null default now(),
    data jsonb not null default '{}',
    primary key (tenant_id, conversation_id, seq),
    foreign key (tenant_id, conversation_id) references conversation (tenant_id, id) on delete cascade
  )`,

  // answer: the whole first answer. message_ids: for sends, whose answer follows from the request and these rows.
  `create table idempotency (
    tenant_id uuid not null references tenant (id),
    caller text collate "C" not null,
    method text collate "C" not null,
    key text collate "C" not null,
    fingerprint bytea not null,
    answer bytea,
    message_ids uuid[],
    create_time timestamptz(3) not null default now(),
    primary key (tenant_id, caller, method, key)
  )`,
  `create index idempotency_age_idx on idempotency (tenant_id, create_time)`,

  `create table audit (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    actor text collate "C" not null,
    action text not null,
    resource_type text not null,
    resource_id text collate "C" not null,
    request_id text not null,
    address text not null,
    details jsonb,
    create_time timestamptz(3) not null default now(),
    primary key (tenant_id, id)
  )`,
];

export class InitialMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
