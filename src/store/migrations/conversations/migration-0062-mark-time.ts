// When a conversation got an entry last that is no activity, such as a read mark. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class MarkTimeMigration extends Migration {
  override up(): void {
    this.addSql("alter table conversation add column mark_time timestamptz(3)");
  }
}
