// Turns that are kept as records: what their caller asked for and noted, how their text came, and what they follow.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // input_seq: the first of the entries that the turn replies to, if they are several. previous_id: the turn that it follows.
  // options: what is asked of the model, and note: what the caller keeps with it, JSON as text. deltas: the lengths of the
  // deltas, null if they are not recorded.
  `alter table turn
    add column input_seq bigint,
    add column previous_id uuid,
    add column options text,
    add column note text,
    add column deltas text,
    add column ends_with_calls boolean not null default false,
    add column discards boolean not null default false,
    add column ephemeral boolean not null default false,
    add column failure_status smallint not null default 0,
    add column failure_code text not null default '',
    add column delete_time timestamptz(3)`,
  "create index turn_previous_idx on turn (tenant_id, previous_id) where previous_id is not null",
  "create index turn_ephemeral_idx on turn (tenant_id, end_time) where ephemeral and delete_time is null",
  // A conversation that was made for a turn alone, and that lists leave out.
  "alter table conversation add column unlisted boolean not null default false",
];

export class RecordedTurnsMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
