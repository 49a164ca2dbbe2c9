// Files, the messages that name them, and how much room those of a tenant take. The bytes lie elsewhere.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // named: a message has named it, be it purged since. erase_time: it is gone for everybody, and its bytes are to be removed.
  `create table file (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    uploader text collate "C" not null,
    name text not null,
    media_type text not null,
    size bigint not null,
    sha256 bytea not null,
    width integer,
    height integer,
    create_time timestamptz(3) not null,
    named boolean not null default false,
    erase_time timestamptz(3),
    primary key (tenant_id, id)
  )`,
  "create index file_uploader_idx on file (tenant_id, uploader, id desc)",
  "create index file_unnamed_idx on file (tenant_id, create_time) where not named and erase_time is null",
  "create index file_erase_idx on file (tenant_id, erase_time) where erase_time is not null",
  // A message that names a file, or has named it before an edit. create_time: when it first did.
  `create table file_use (
    tenant_id uuid not null,
    file_id uuid not null,
    conversation_id uuid not null,
    seq bigint not null,
    create_time timestamptz(3) not null,
    primary key (tenant_id, file_id, conversation_id, seq),
    foreign key (tenant_id, file_id) references file (tenant_id, id) on delete cascade,
    foreign key (tenant_id, conversation_id, seq) references message (tenant_id, conversation_id, seq) on delete cascade
  )`,
  "create index file_use_message_idx on file_use (tenant_id, conversation_id, seq)",
  "create index file_use_conversation_idx on file_use (tenant_id, conversation_id, file_id desc)",
  `create table file_usage (
    tenant_id uuid primary key references tenant (id),
    bytes bigint not null,
    files bigint not null
  ) with (fillfactor = 70)`,
  // Who shows what another conversation says.
  "create index branch_run_source_idx on branch_run (tenant_id, source_id, from_seq) where source_id <> conversation_id",
];

export class FilesMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
