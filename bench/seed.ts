// Fills the database once: tenants, members, conversations and messages made by numbers, the same every time.
import pg from "pg";
import { migrate } from "../src/store/migrate.ts";
import { openDatabase } from "../src/store/open-database.ts";
import {
  CONTENT_BYTES,
  FEWEST_TENANTS,
  idOf,
  LARGE_TENANT,
  MEMBER,
  MESSAGES_EACH,
  type Sizes,
  SMALL,
  SMALL_TENANT,
  TENANT,
} from "./layout.ts";

/** Ids as `idOf` makes them, in SQL. */
const id = (kind: number, n: string) => `('01890000-0000-7000-8000-${kind}' || lpad(to_hex(${n}), 11, '0'))::uuid`;

/** Tenants 1 to `$1`. */
const TENANTS = `
  insert into tenant (id, slug, name, secret)
  select ${id(0, "t")}, 'tenant-' || t, 'Tenant ' || t, sha256(t::text::bytea) from generate_series(1, $1::bigint) t`;

/** Of tenants 1 to `$1`. */
const MEMBERS = `
  insert into member (tenant_id, id, display_name)
  select ${id(0, "t")}, m, m from generate_series(1, $1::bigint) t, unnest(array['${MEMBER}', 'bob', 'eve']) m`;

/** Messages numbered from 1 in conversations `$1` to `$2`, `$3` in each. */
const MESSAGES = (tenant: string) => `
  insert into message (tenant_id, conversation_id, seq, id, role, sender, content, create_time)
  select '${tenant}', ${id(1, "c")}, s,
    (lpad(to_hex(1000000000000 + c * 2000000::bigint + s), 12, '0') || '7000' || '8' || lpad(to_hex(s), 15, '0'))::uuid,
    1 + s % 2, '${MEMBER}',
    substr(repeat('message ' || s || ' of conversation ' || c || ' ', 5), 1, ${CONTENT_BYTES}),
    timestamptz '2026-01-01 00:00:00.123Z' + s * interval '1 second'
  from generate_series($1::bigint, $2::bigint) c, generate_series(1, $3::bigint) s`;

const CONVERSATIONS = (tenant: string, kind: number, owner: string) => `
  insert into conversation (tenant_id, id, title, owner_id, creator, participant_count, last_seq, message_count,
    last_message_time)
  select '${tenant}', ${id(kind, "c")}, 'Conversation ' || c, ${owner}, '${MEMBER}', 1, $3::bigint, $3::bigint, now()
  from generate_series($1::bigint, $2::bigint) c`;

const PARTICIPANTS = (tenant: string, kind: number, member: string) => `
  insert into participant (tenant_id, conversation_id, member_id, join_seq, conversation_time)
  select n.tenant_id, n.id, ${member}, 1, n.create_time from generate_series($1::bigint, $2::bigint) c
  join conversation n on n.tenant_id = '${tenant}' and n.id = ${id(kind, "c")}`;

/** Whether these sizes are there now: false where the database holds others, or a seeding that was broken off. */
export async function seed(url: string, sizes: Sizes, say: (line: string) => void): Promise<boolean> {
  const database = await openDatabase({ url });
  await migrate(database);
  await database.close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("create table if not exists bench_seeded (sizes text)");
    const { rows } = await client.query("select sizes from bench_seeded");
    const wanted = JSON.stringify(sizes);
    if (rows.length > 0) return rows[0]?.sizes === wanted;
    say(`seeding ${wanted} (once)`);
    await client.query("insert into bench_seeded values ('unfinished')");
    await fill(client, sizes);
    await client.query("vacuum analyze");
    await client.query("checkpoint");
    await client.query("update bench_seeded set sizes = $1", [wanted]);
    return true;
  } finally {
    await client.end();
  }
}

async function fill(client: pg.Client, sizes: Sizes): Promise<void> {
  // Built anew afterwards: far faster than entry by entry.
  const { rows: indexes } = await client.query(
    "select indexdef from pg_indexes where tablename = 'message' and indexname = 'message_search_idx'",
  );
  await client.query("drop index if exists message_search_idx");
  await client.query(TENANTS, [sizes.tenants]);
  await client.query(MEMBERS, [sizes.tenants]);
  await client.query(CONVERSATIONS(TENANT, 1, `'${MEMBER}'`), [0, 0, sizes.long]);
  await client.query(CONVERSATIONS(TENANT, 1, `'${MEMBER}'`), [1, sizes.conversations, MESSAGES_EACH]);
  await client.query(PARTICIPANTS(TENANT, 1, `'${MEMBER}'`), [0, sizes.conversations]);
  await client.query(MESSAGES(TENANT), [0, 0, sizes.long]);
  await client.query(MESSAGES(TENANT), [1, sizes.conversations, MESSAGES_EACH]);
  // A member that owns many in a large tenant, and one that owns the same page in a small one.
  const owner = `case when c <= ${sizes.owned} then '${MEMBER}' else 'bob' end`;
  await client.query(CONVERSATIONS(LARGE_TENANT, 2, owner), [1, sizes.large, 0]);
  await client.query(PARTICIPANTS(LARGE_TENANT, 2, owner), [1, sizes.large]);
  await client.query(CONVERSATIONS(SMALL_TENANT, 3, `'${MEMBER}'`), [1, SMALL, 0]);
  await client.query(PARTICIPANTS(SMALL_TENANT, 3, `'${MEMBER}'`), [1, SMALL]);
  for (const { indexdef } of indexes) await client.query(indexdef);
}

/** Conversations of each tenant of {@link seedTenants}. */
export const SPREAD_CONVERSATIONS = 20;

/** Fills a migrated database with as many tenants as the smallest sizes have, all alike. */
export async function seedTenants(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(TENANTS, [FEWEST_TENANTS]);
    await client.query(MEMBERS, [FEWEST_TENANTS]);
    for (let n = 1; n <= FEWEST_TENANTS; n++) {
      const tenant = idOf("tenant", n);
      await client.query(CONVERSATIONS(tenant, 1, `'${MEMBER}'`), [1, SPREAD_CONVERSATIONS, MESSAGES_EACH]);
      await client.query(PARTICIPANTS(tenant, 1, `'${MEMBER}'`), [1, SPREAD_CONVERSATIONS]);
      await client.query(MESSAGES(tenant), [1, SPREAD_CONVERSATIONS, MESSAGES_EACH]);
    }
    await client.query("vacuum analyze");
  } finally {
    await client.end();
  }
}
