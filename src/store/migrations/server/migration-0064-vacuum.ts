// When the tables that grow without end are vacuumed. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

/**
 * By default a table is vacuumed when a fifth of it is dead, or a fifth new: at 100 million messages 20 million rows, in one
 * pass of minutes. A fiftieth makes it ten times as often, each time a tenth as long.
 */
const OFTEN = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05";
const STATISTICS = "autovacuum_analyze_scale_factor = 0.02";

/** Those that have a row for each message, event or call. */
const TABLES = ["message", "message_revision", "event", "participant", "idempotency", "audit"];

export class VacuumMigration extends Migration {
  override up(): void {
    for (const table of TABLES) this.addSql(`alter table ${table} set (${OFTEN}, ${STATISTICS})`);
  }
}
