// What a conversation is to one participant alone, and when it moved its read mark. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class MemberViewsMigration extends Migration {
  override up(): void {
    // view: null for most; see store/conversations/member-view.ts.
    this.addSql("alter table participant add column view jsonb, add column read_time timestamptz(3)");
  }
}
