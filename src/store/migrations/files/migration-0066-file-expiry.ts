// When a file is erased by itself. Nothing is rewritten; the index is of none of the files that are there.
import { Migration } from "@mikro-orm/migrations";

export class FileExpiryMigration extends Migration {
  override up(): void {
    this.addSql("alter table file add column expire_time timestamptz(3)");
    // Of the file that it becomes, in milliseconds.
    this.addSql("alter table upload add column ttl bigint");
    this.addSql(
      "create index file_expire on file (tenant_id, expire_time) where expire_time is not null and erase_time is null",
    );
  }
}
