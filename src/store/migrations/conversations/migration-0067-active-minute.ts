// The minute in which a conversation was last active, for lists by activity. The table of conversations is rewritten.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // It changes at most once a minute, so most sends leave the indexes as they are. Generated, so that it is right
  // whoever writes the row, also a server of an older release.
  `alter table conversation add column active_minute timestamptz(3) not null generated always as
    (date_bin('1 minute', update_time, timestamptz '2000-01-01 00:00:00+00')) stored`,
  "create index conversation_active_idx on conversation (tenant_id, active_minute)",
];

export class ActiveMinuteMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
