// Older schemas, with data as their releases left it, and a schema with a future migration.
import { randomUUID } from "node:crypto";
import pg from "pg";
import { migrate } from "../../../src/store/migrate.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import { SCHEMA, type Schema } from "../../../src/store/schema.ts";

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

/**
 * Brings a database, of whatever older schema or none, to the first `count` migrations; returns the names of the
 * applied ones.
 */
export async function migrateTo(url: string, count: number): Promise<string[]> {
  const database = await openDatabase({ url, schema: schemaUpTo(count), poolSize: 2 });
  try {
    return await migrate(database);
  } finally {
    await database.close();
  }
}

export interface OldTenant {
  readonly id: string;
  readonly conversationIds: readonly string[];
}

export interface OldData {
  readonly slug: string;
  readonly conversations: number;
  /** Of each conversation. */
  readonly messages: number;
}

/**
 * A tenant as a release of the database's schema leaves it, with what has been there since the first: `ada`, whom `max`
 * manages, with conversations in which `bob` takes part, who has read one message; of their messages the first was edited.
 */
export async function addOldTenant(url: string, { slug, conversations, messages }: OldData): Promise<OldTenant> {
  const id = randomUUID();
  const conversationIds = Array.from({ length: conversations }, () => randomUUID());
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(
      "insert into tenant (id, slug, name, secret) values ($1, $2, 'Old', decode(repeat('00', 32), 'hex'))",
      [id, slug],
    );
    await client.query(
      `insert into member (tenant_id, id, display_name, role, manager_id)
       values ($1, 'max', 'Max', 3, null), ($1, 'ada', 'Ada', 2, 'max'), ($1, 'bob', 'Bob', 1, null)`,
      [id],
    );
    await client.query(
      `insert into conversation (tenant_id, id, title, owner_id, creator, participant_count, last_seq, message_count,
         last_message_time)
       select $1, c, 'old ' || n, 'ada', 'member:ada', 1, $3::bigint, $3::bigint, now()
       from unnest($2::uuid[]) with ordinality as o(c, n)`,
      [id, conversationIds, messages],
    );
    await client.query(
      `insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
       select $1, c, n, gen_random_uuid(), 1, 'member:ada', 'otter ' || n || ' of the old release'
       from unnest($2::uuid[]) c, generate_series(1, $3::bigint) n`,
      [id, conversationIds, messages],
    );
    await client.query(
      `insert into participant (tenant_id, conversation_id, member_id, join_seq, read_seq)
       select $1, c, 'bob', 1, 1 from unnest($2::uuid[]) c`,
      [id, conversationIds],
    );
    await client.query(
      `insert into message_revision (tenant_id, conversation_id, seq, revision, role, content, create_time, editor)
       select $1, c, 1, 0, 1, 'written wrong', now(), 'member:ada' from unnest($2::uuid[]) c`,
      [id, conversationIds],
    );
    await client.query(
      "update message set revision = 1, edit_time = now() where tenant_id = $1 and conversation_id = any($2) and seq = 1",
      [id, conversationIds],
    );
  } finally {
    await client.end();
  }
  return { id, conversationIds };
}
