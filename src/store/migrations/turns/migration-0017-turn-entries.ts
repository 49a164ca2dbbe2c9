// Turns that call tools: the entries that they add, and what they wait for. Columns without a value take no room.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  "alter table message add column turn_id uuid, add column step smallint",
  // entry_count, first_seq, last_seq: the entries of the turn in the log. said: how many code points of text they have.
  // open_entry: what text belongs to, where it is not a plain message. pending: the calls without a result. tools: those
  // that the caller brought. All three are JSON as text.
  `alter table turn
    add column step smallint not null default 1,
    add column entry_count integer not null default 0,
    add column first_seq bigint,
    add column last_seq bigint,
    add column said integer not null default 0,
    add column open_entry text,
    add column pending text,
    add column tools text,
    add column input_tokens bigint,
    add column output_tokens bigint,
    add column cached_tokens bigint,
    add column reasoning_tokens bigint,
    add column model text`,
  // How an agent's calls are run, as JSON of the contract, and how long they wait for whoever answers them.
  "alter table agent add column tools jsonb, add column input_timeout_ms integer not null default 600000",
  // One that waits for input is open, and the next one does not begin.
  "drop index turn_running_idx",
  "create unique index turn_running_idx on turn (tenant_id, conversation_id) where state in (2, 6)",
  "drop index turn_open_idx",
  "create index turn_open_idx on turn (tenant_id, conversation_id, id) where state in (1, 2, 6)",
];

export class TurnEntriesMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
