// Tells which conversation a kept answer is about, so that a purge finds it.
import { Migration } from "@mikro-orm/migrations";

export class PurgedAnswersMigration extends Migration {
  override up(): void {
    this.addSql("alter table idempotency add column conversation_id uuid");
    // Most keys are those of sends, which keep no answer: they are not in it.
    this.addSql(
      "create index idempotency_conversation_idx on idempotency (tenant_id, conversation_id) where conversation_id is not null",
    );
  }
}
