// The deleted messages of one conversation, in their order: they are few among many.
import { Migration } from "@mikro-orm/migrations";

export class DeletedMessagesMigration extends Migration {
  override up(): void {
    this.addSql(
      `create index message_deleted_place_idx on message (tenant_id, conversation_id, seq) where delete_time is not null`,
    );
  }
}
