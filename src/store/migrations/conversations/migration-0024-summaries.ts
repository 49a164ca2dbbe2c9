// Finds the last summary of a conversation, of which there are few.
import { Migration } from "@mikro-orm/migrations";

export class SummariesMigration extends Migration {
  override up(): void {
    this.addSql("create index message_summary_idx on message (tenant_id, conversation_id, seq) where kind = 8");
  }
}
