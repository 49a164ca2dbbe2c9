// The tokens that a turn's calls of its model have written to a cache.
import { Migration } from "@mikro-orm/migrations";

export class CacheWritesMigration extends Migration {
  override up(): void {
    this.addSql("alter table turn add column cache_write_tokens bigint");
  }
}
