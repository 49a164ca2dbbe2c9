// The place of each participant, where several joined at one place of the log, or before it.
import { Migration } from "@mikro-orm/migrations";

export class ParticipantPlaceMigration extends Migration {
  override up(): void {
    this.addSql("drop index participant_order_idx");
    // Imports let many join with one entry, or with none: the member makes the place its own. The condition is true of
    // every row, as before: only a statement that states it goes by this index.
    this.addSql(
      `create index participant_order_idx on participant (tenant_id, conversation_id, join_seq, member_id)
        where join_seq >= -1000000000`,
    );
  }
}
