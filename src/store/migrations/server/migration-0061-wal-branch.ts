// The name of the history that the write-ahead log tells, which replicas have too. Nothing is rewritten.
import { Migration } from "@mikro-orm/migrations";

export class WalBranchMigration extends Migration {
  override up(): void {
    this.addSql(`create table wal_branch (
      one boolean primary key,
      id text not null,
      system text not null,
      timeline text not null
    )`);
  }
}
