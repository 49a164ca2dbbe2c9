// Finds the deleted conversations whose time has come.
import { Migration } from "@mikro-orm/migrations";

export class PurgeMigration extends Migration {
  override up(): void {
    this.addSql(
      "create index conversation_purge_idx on conversation (tenant_id, purge_time) where purge_time is not null",
    );
  }
}
