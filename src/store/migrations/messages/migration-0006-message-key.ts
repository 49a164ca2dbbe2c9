// Messages are no longer checked one by one for a conversation that their statement has locked.
import { Migration } from "@mikro-orm/migrations";

export class MessageKeyMigration extends Migration {
  override up(): void {
    // Every statement that adds messages locks their conversation, or has just changed it, and a purge erases them with
    // it under the same lock: the foreign key never found anything, and took a fifth of what a message costs PostgreSQL.
    this.addSql("alter table message drop constraint message_tenant_id_conversation_id_fkey");
  }
}
