// Uploads that go on where they stopped: what has come of them so far. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class UploadsMigration extends Migration {
  override up(): void {
    this.addSql(`create table upload (
      tenant_id uuid not null references tenant (id),
      id uuid not null,
      actor text collate "C" not null,
      name text not null,
      media_type text not null,
      length bigint not null,
      stored bigint not null,
      piece_ids uuid[] not null,
      piece_sizes bigint[] not null,
      file_id uuid,
      create_time timestamptz(3) not null,
      primary key (tenant_id, id)
    )`);
    this.addSql("create index upload_time_idx on upload (tenant_id, create_time)");
  }
}
