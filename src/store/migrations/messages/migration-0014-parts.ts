// Messages made of parts, and entries of other kinds. Nothing is rewritten: columns without a value take no room.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // kind: null is a message. parts: the JSON form of the list, as text: jsonb takes no U+0000 and rewrites numbers.
  "alter table message add column kind smallint, add column parts text",
  "alter table message_revision add column parts text",
];

export class PartsMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
