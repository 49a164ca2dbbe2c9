// Tells why a reply ends where it does, and whose part in the conversation a turn was asked by.
import { Migration } from "@mikro-orm/migrations";

export class TurnEndingsMigration extends Migration {
  override up(): void {
    this.addSql("alter table turn add column finish_reason smallint not null default 0");
    // Null: an administrator or an API key asked, who need no part in it.
    this.addSql('alter table turn add column member_id text collate "C"');
  }
}
