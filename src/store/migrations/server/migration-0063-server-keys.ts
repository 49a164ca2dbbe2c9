// The keys that all servers share. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class ServerKeysMigration extends Migration {
  override up(): void {
    this.addSql(`create table server_key (
      purpose text primary key,
      value bytea not null,
      wrapped boolean not null,
      update_time timestamptz(3) not null default now()
    )`);
  }
}
