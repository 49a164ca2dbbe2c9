// The order of participants, in an index that no lookup of one of them can take: it would read all who joined before.
import { Migration } from "@mikro-orm/migrations";

export class ParticipantOrderMigration extends Migration {
  override up(): void {
    this.addSql("drop index participant_join_idx");
    // Its condition is true of every row: only a statement that states it goes by this index, all others by the key.
    this.addSql(
      "create index participant_order_idx on participant (tenant_id, conversation_id, join_seq) where join_seq > 0",
    );
  }
}
