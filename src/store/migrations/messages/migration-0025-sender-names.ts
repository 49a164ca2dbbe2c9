// The names under which messages were sent, where several speak through one actor. A column without a value takes no room.
import { Migration } from "@mikro-orm/migrations";

export class SenderNamesMigration extends Migration {
  override up(): void {
    this.addSql("alter table message add column sender_name text");
  }
}
