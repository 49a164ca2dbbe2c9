// All that the client of an upload said with it, which it is told when it asks where to go on. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class UploadMetadataMigration extends Migration {
  override up(): void {
    this.addSql("alter table upload add column metadata text");
  }
}
