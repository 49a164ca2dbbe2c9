// Who may read without taking part. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class OutsideReadsMigration extends Migration {
  override up(): void {
    // 1 all who see the conversation, 2 the same, audited, 3 nobody.
    this.addSql("alter table tenant add column outside_reads smallint not null default 1");
  }
}
