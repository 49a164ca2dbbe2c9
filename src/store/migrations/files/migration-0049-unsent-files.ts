// Which files drafts and scheduled messages name: they keep them until they are sent or deleted. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class UnsentFilesMigration extends Migration {
  override up(): void {
    this.addSql("alter table draft add column file_ids uuid[] not null default '{}'");
    this.addSql("alter table scheduled_message add column file_ids uuid[] not null default '{}'");
  }
}
