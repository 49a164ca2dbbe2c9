// Databases as older releases left them, with data, and a schema with a future migration.
import { randomUUID } from "node:crypto";
import { migrate } from "../../src/store/migrate.ts";
import { openDatabase } from "../../src/store/open-database.ts";
import { SCHEMA, type Schema } from "../../src/store/schema.ts";
import { administer, createTestDatabase, type TestDatabase } from "./postgres.ts";

/** The schema with its first `count` migrations alone. */
export function schemaUpTo(count: number): Schema {
  return {
    migrationNames: SCHEMA.migrationNames.slice(0, count),
    async load() {
      const tables = await SCHEMA.load();
      return { ...tables, migrations: tables.migrations.slice(0, count) };
    },
  };
}

/** The schema with one more migration, of a release that is still to come. */
export function schemaWith(name: string, statements: readonly string[]): Schema {
  return {
    migrationNames: [...SCHEMA.migrationNames, name],
    async load() {
      const { Migration } = await import("@mikro-orm/migrations");
      const tables = await SCHEMA.load();
      class Next extends Migration {
        override up(): void {
          for (const statement of statements) this.addSql(statement);
        }
      }
      return { ...tables, migrations: [...tables.migrations, { name, class: Next }] };
    },
  };
}

export interface OldDatabase extends AsyncDisposable {
  readonly url: string;
  readonly tenantId: string;
  readonly conversationIds: readonly string[];
}

export interface OldData {
  readonly conversations: number;
  /** Of each conversation. */
  readonly messages: number;
}

/** A database of the first `count` migrations, with what has been there since the first one: members and messages. */
export async function oldDatabase(count: number, { conversations, messages }: OldData): Promise<OldDatabase> {
  const own: TestDatabase = await createTestDatabase("template0");
  const database = await openDatabase({ url: own.url, schema: schemaUpTo(count), poolSize: 2 });
  await migrate(database);
  await database.close();
  const tenantId = randomUUID();
  const conversationIds = Array.from({ length: conversations }, () => randomUUID());
  const sql = (text: string, values: unknown[] = []) => administer(own.url, text, values);
  await sql(
    "insert into tenant (id, slug, name, secret) values ($1, 'default', 'Old', decode(repeat('00', 32), 'hex'))",
    [tenantId],
  );
  await sql("insert into member (tenant_id, id, display_name) values ($1, 'ada', 'Ada')", [tenantId]);
  await sql(
    `insert into conversation (tenant_id, id, title, owner_id, creator, last_seq, message_count, last_message_time)
     select $1, c, 'old ' || n, 'ada', 'member:ada', $3::bigint, $3::bigint, now()
     from unnest($2::uuid[]) with ordinality as o(c, n)`,
    [tenantId, conversationIds, messages],
  );
  await sql(
    `insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
     select $1, c, n, gen_random_uuid(), 1, 'member:ada', 'otter ' || n || ' of the old release'
     from unnest($2::uuid[]) c, generate_series(1, $3::bigint) n`,
    [tenantId, conversationIds, messages],
  );
  return { url: own.url, tenantId, conversationIds, [Symbol.asyncDispose]: () => own.drop() };
}
