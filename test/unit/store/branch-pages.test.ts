// What pages of a conversation with branches cost, next to those of one without: by the blocks that PostgreSQL reads.
import { readFileSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listMessages } from "../../../src/store/messages/list-statements.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

const TENANT = "01890000-0000-7000-8000-0000000000aa";
const STRAIGHT = "01890000-0000-7000-9000-0000000000a1";
const BRANCHED = "01890000-0000-7000-9000-0000000000a2";
const MESSAGES = 10_000;
const FORKS = 50;
/** What each fork hides, beside as many that it shows. */
const STRETCH = MESSAGES / FORKS;
const PAGE = 50;

let own: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  own = await createTestDatabase();
  await (await own.open()).query({ name: "test_open", text: "select 1" }, []);
  client = new pg.Client({ connectionString: own.url });
  await client.connect();
  const message = (
    id: string,
    seq: string,
    n: string,
  ) => `insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
    select '${TENANT}', '${id}', ${seq}, gen_random_uuid(), 1, 'ann', 'message ' || lpad(n::text, 200, '.') from ${n};`;
  // Cleaned up meanwhile, or looked through for statistics, they would be read otherwise.
  for (const table of ["message", "conversation", "live_segment"]) {
    await client.query(`alter table ${table} set (autovacuum_enabled = false)`);
  }
  await client.query(`
    insert into tenant (id, slug, secret) values ('${TENANT}', 'pages', '');
    insert into conversation (tenant_id, id, creator, last_seq, message_count, segmented) values
      ('${TENANT}', '${STRAIGHT}', 'ann', ${MESSAGES}, ${MESSAGES}, false),
      ('${TENANT}', '${BRANCHED}', 'ann', ${2 * MESSAGES}, ${MESSAGES}, true);
    ${message(STRAIGHT, "n", `generate_series(1, ${MESSAGES}) n`)}
    ${message(BRANCHED, "n", `generate_series(1, ${2 * MESSAGES}) n`)}
    insert into live_segment (tenant_id, conversation_id, from_seq, to_seq, source_id)
      select '${TENANT}', '${BRANCHED}', n * ${2 * STRETCH} + 1, n * ${2 * STRETCH} + ${STRETCH}, '${BRANCHED}'
      from generate_series(0, ${FORKS - 1}) n;
    analyze;
    set plan_cache_mode = force_generic_plan`);
});
afterAll(async () => {
  await client?.end();
  await own?.drop();
});

const SHAPE = { viewer: "tenant", deleted: "exclude", filtered: false } as const;

/**
 * The pages of a conversation from one end to the other: how many messages, and what `each` tells of a page, added up.
 */
async function walk(id: string, newestFirst: boolean, each: (values: unknown[]) => Promise<number>) {
  const statement = listMessages({ ...SHAPE, newestFirst });
  let edge = newestFirst ? "9223372036854775807" : "0";
  let [count, sum] = [0, 0];
  for (;;) {
    const edges = newestFirst ? ["0", edge] : [edge, "9223372036854775807"];
    const values = [TENANT, null, id, ...edges, PAGE];
    const { rows } = await client.query({ name: statement.name, text: statement.text, values });
    const found = rows.filter((row) => row.id !== null);
    if (found.length === 0) return { count, sum };
    count += found.length;
    sum += await each(values);
    edge = found.at(-1).seq;
  }
}

async function blocksOf(id: string, newestFirst: boolean) {
  const { name } = listMessages({ ...SHAPE, newestFirst });
  return walk(id, newestFirst, async (values) => {
    const places = values.map((value) => (value === null ? "null" : `'${value}'`)).join(", ");
    const { rows } = await client.query(`explain (analyze, buffers, format json) execute ${name}(${places})`);
    const plan = rows[0]["QUERY PLAN"][0].Plan;
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
  });
}

test.each([false, true])(
  "10,000 messages over 50 forks are read in at most 1.25 times the blocks (newest first: %s)",
  async (newestFirst) => {
    const straight = await blocksOf(STRAIGHT, newestFirst);
    const branched = await blocksOf(BRANCHED, newestFirst);
    expect([straight.count, branched.count]).toEqual([MESSAGES, MESSAGES]);
    process.stderr.write(`blocks: ${straight.sum} straight, ${branched.sum} over ${FORKS} forks\n`);
    expect(branched.sum).toBeLessThanOrEqual(1.25 * straight.sum);
  },
);

test.skipIf(process.env.MEASURE === undefined)("measures the processor time of PostgreSQL", async () => {
  const { rows } = await client.query("select pg_backend_pid() as pid");
  const ticks = () => {
    const fields = readFileSync(`/proc/${rows[0].pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  for (let round = 0; round < 4; round++) {
    const spent: number[] = [];
    for (const id of [STRAIGHT, BRANCHED]) {
      const before = ticks();
      for (let n = 0; n < 3; n++) await walk(id, false, async () => 0);
      spent.push((ticks() - before) * 10);
    }
    process.stderr.write(`ms of processor for 3 walks: ${spent.join(" straight, ")} branched\n`);
  }
});
