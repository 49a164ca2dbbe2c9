// Who is here: a row for each member and server that it subscribes to, and what lasts of it.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // Without the default written into each row.
  "alter table tenant add column presence_off boolean not null default false",
  // mode: 1 automatic, 2 away, 3 hidden.
  `create table presence (
    tenant_id uuid not null,
    member_id text collate "C" not null,
    mode smallint not null default 1,
    last_seen_time timestamptz(3),
    primary key (tenant_id, member_id)
  )`,
  // What a server says of a tenant holds until its lease is over. seen_time: when it was renewed last.
  `create table presence_lease (
    tenant_id uuid not null,
    server uuid not null,
    seen_time timestamptz(3) not null,
    expire_time timestamptz(3) not null,
    primary key (tenant_id, server)
  )`,
  `create table presence_session (
    tenant_id uuid not null,
    member_id text collate "C" not null,
    server uuid not null,
    primary key (tenant_id, member_id, server),
    foreign key (tenant_id, server) references presence_lease (tenant_id, server)
  )`,
  "create index presence_session_server_idx on presence_session (tenant_id, server)",
];

export class PresenceMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
