// Jobs, and what is known of what was erased. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // A keyed hash of the id of a member that was erased, or of a conversation that went with it.
  `create table erased (
    tenant_id uuid not null references tenant (id),
    hash bytea not null,
    create_time timestamptz(3) not null,
    primary key (tenant_id, hash)
  )`,
  // kind: 1 erases a member. state: as in the contract. subject: the member's id, until the job ends. round: 1 all conversations,
  // 2 those that changed since, 3 all again. place: the conversation up to which the round has come. next_time: when it goes on;
  // a server that works on it moves it ahead, again and again; null: it has ended.
  `create table job (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    kind smallint not null,
    state smallint not null,
    subject text collate "C",
    subject_hash bytea not null,
    round smallint not null default 1,
    place uuid,
    looked bigint not null default 0,
    total bigint not null default 0,
    held bigint not null default 0,
    counts jsonb not null default '{}',
    failure text not null default '',
    creator text collate "C" not null,
    create_time timestamptz(3) not null,
    next_time timestamptz(3),
    end_time timestamptz(3),
    primary key (tenant_id, id)
  )`,
  "create index job_due_idx on job (next_time) where next_time is not null",
  "create index job_subject_idx on job (tenant_id, subject_hash, id)",
];

export class ErasureMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
