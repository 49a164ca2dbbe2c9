// What a file was uploaded for. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class FilePurposesMigration extends Migration {
  override up(): void {
    this.addSql("alter table file add column purpose text not null default ''");
  }
}
