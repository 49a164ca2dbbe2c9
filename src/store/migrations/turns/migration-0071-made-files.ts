// In which conversation an agent made a file: who sees that sees the file before an entry names it. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class MadeFilesMigration extends Migration {
  override up(): void {
    this.addSql("alter table file add column conversation_id uuid");
  }
}
