// What lists of conversations are counted by, in the indexes that they go by. A part of the participants is written
// anew.
import { Migration } from "@mikro-orm/migrations";

/** Whether participant `p` counts conversation `c`: it is listed, and another's. Those of its own count as owned. */
const counts = (p: string, c: string) =>
  `(${c}.delete_time is null and not ${c}.unlisted and ${c}.owner_id is distinct from ${p}.member_id)`;

const statements = [
  // A send changes none of it, so its update of the row still leaves the indexes as they are.
  "drop index conversation_time_idx",
  "create index conversation_time_idx on conversation (tenant_id, create_time, id) include (delete_time, unlisted)",
  "drop index conversation_owner_idx",
  `create index conversation_owner_idx on conversation (tenant_id, owner_id, create_time, id)
    include (delete_time, unlisted)`,

  "alter table participant add column counted boolean not null default false",
  `update participant p set counted = true from conversation c
    where c.tenant_id = p.tenant_id and c.id = p.conversation_id and ${counts("p", "c")}`,
  "drop index participant_member_idx",
  `create index participant_member_idx on participant (tenant_id, member_id, conversation_time, conversation_id)
    include (counted)`,

  // Triggers, so that it is right whoever writes the rows, also a server of an older release. All who write them hold
  // the lock of the conversation.
  `create function participant_counted() returns trigger language plpgsql set search_path from current as $$
    begin
      new.counted := coalesce((select ${counts("new", "c")} from conversation c
        where c.tenant_id = new.tenant_id and c.id = new.conversation_id), false);
      return new;
    end $$`,
  `create trigger participant_counted before insert on participant
    for each row execute function participant_counted()`,
  `create function conversation_counted() returns trigger language plpgsql set search_path from current as $$
    begin
      update participant p set counted = not p.counted
        where p.tenant_id = new.tenant_id and p.conversation_id = new.id and p.counted <> ${counts("p", "new")};
      return null;
    end $$`,
  `create trigger conversation_counted after update of owner_id, delete_time, unlisted on conversation
    for each row when (old.owner_id is distinct from new.owner_id or old.unlisted <> new.unlisted
      or (old.delete_time is null) <> (new.delete_time is null))
    execute function conversation_counted()`,
];

export class CountedListsMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
