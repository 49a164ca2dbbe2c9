// Until where the content of a conversation was erased while its skeleton stayed. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class ContentErasureMigration extends Migration {
  override up(): void {
    // content_erase_time: when it was erased first. content_erase_seq: the end of the log then, or later.
    this.addSql(
      "alter table conversation add column content_erase_time timestamptz(3), add column content_erase_seq bigint",
    );
    // retention_policy.action gains 4 erase content.
    this.addSql("alter table retention_run add column erased bigint not null default 0");
  }
}
