// What a file is for whose upload may go on later. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class UploadPurposesMigration extends Migration {
  override up(): void {
    this.addSql("alter table upload add column purpose text not null default ''");
  }
}
