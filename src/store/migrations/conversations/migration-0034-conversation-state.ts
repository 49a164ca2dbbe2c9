// The state that agents and front ends share in a conversation. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class ConversationStateMigration extends Migration {
  override up(): void {
    // JSON as text, which keeps its numbers; null for most.
    this.addSql("alter table conversation add column state_json text");
  }
}
