// Ids that clients give to conversations and messages. The indexes hold only those, so others cost nothing.
import { Migration } from "@mikro-orm/migrations";

const statements = [
  // create_hash: the request that created a conversation with a client id, to tell a repeat from another request.
  `alter table conversation add column client_id text collate "C", add column create_hash bytea`,
  `create unique index conversation_client_idx on conversation (tenant_id, client_id, coalesce(owner_id, ''))
    where client_id is not null`,
  `alter table message add column client_id text collate "C"`,
  `create unique index message_client_idx on message (tenant_id, conversation_id, client_id) where client_id is not null`,
];

export class ClientIdsMigration extends Migration {
  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
