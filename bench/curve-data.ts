// What the curves are measured on: tenants of the seeded database, one for each size, filled once.
import pg from "pg";
import { idOf, MEMBER } from "./layout.ts";

/** Numbers of tenants that no other scenario fills. */
const FIRST_TENANT = 5;
const SIZES = [10, 100, 1_000, 10_000];

/** A size, and the tenant that has as many of each thing. */
export interface Point {
  readonly size: number;
  /** Its number: see `Stage.tokenOf`. */
  readonly tenant: number;
  /** A conversation with as many messages. */
  readonly long: string;
  /** One with as many participants. */
  readonly crowded: string;
}

export const POINTS: readonly Point[] = SIZES.map((size, index) => ({
  size,
  tenant: FIRST_TENANT + index,
  long: idOf("small", 1_000 + index),
  crowded: idOf("small", 2_000 + index),
}));

/** Fills the tenants, unless that was done before. Each has as many conversations of the member as its size. */
export async function fill(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const { size, tenant, long, crowded } of POINTS) {
      const tenantId = idOf("tenant", tenant);
      const { rows } = await client.query("select from conversation where tenant_id = $1 and id = $2", [
        tenantId,
        long,
      ]);
      if (rows.length > 0) continue;
      await client.query("begin");
      await client.query(CONVERSATIONS, [tenantId, [long, crowded], size]);
      await client.query(MESSAGES, [tenantId, long, size]);
      await client.query(MEMBERS, [tenantId, size]);
      await client.query(PARTICIPANTS, [tenantId, crowded, size]);
      await client.query("commit");
    }
    await client.query("vacuum analyze conversation, participant, message");
  } finally {
    await client.end();
  }
}

const CONVERSATIONS = `
  insert into conversation (tenant_id, id, title, owner_id, creator, create_time, update_time, last_seq, message_count,
    participant_count)
  select $1, coalesce(($2::uuid[])[n], gen_random_uuid()), 'Conversation ' || n, '${MEMBER}', '${MEMBER}', t, t,
    case when n = 1 then $3::bigint else 0 end, case when n = 1 then $3::bigint else 0 end,
    case when n = 2 then $3::bigint else 0 end
  from generate_series(1, $3::bigint) n, lateral (select timestamptz '2026-01-01' + n * interval '1 minute') time(t)`;

const MESSAGES = `
  insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
  select $1, $2, s, gen_random_uuid(), 1 + s % 2, '${MEMBER}', repeat('message ' || s || ' ', 8)
  from generate_series(1, $3::bigint) s`;

const MEMBERS = `
  insert into member (tenant_id, id, display_name) select $1, 'member-' || n, 'Member ' || n
  from generate_series(1, $2::bigint) n on conflict do nothing`;

const PARTICIPANTS = `
  insert into participant (tenant_id, conversation_id, member_id, join_seq, conversation_time)
  select $1, c.id, 'member-' || n, 1, c.create_time
  from generate_series(1, $3::bigint) n join conversation c on c.tenant_id = $1 and c.id = $2`;
