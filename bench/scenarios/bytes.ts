// What a message takes on disk, and what a search costs: the words stored in the row, as they are, and in an index
// alone.
import pg from "pg";
import { type Measured, spreadOf } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const MESSAGES = 20_000;
const SCHEMA = "bench_bytes";
const TENANT = "00000000-0000-7000-8000-000000000001";

/** Texts of about 147 ASCII characters, of which some words are common. */
const TEXTS = `create table ${SCHEMA}.source as
  select n, ('00000000-0000-7000-8000-' || lpad(to_hex(n / 100), 12, '0'))::uuid as conversation_id, gen_random_uuid() as id,
    (select string_agg('w' || substr(md5((1 + floor(20000 * power(random() + 0 * n, 3))::int)::text), 1, 3 + k % 6), ' ')
      from generate_series(1, 20) k) as content
  from generate_series(1, ${MESSAGES}) n`;

export async function bytes({ url, effort }: Stage): Promise<Row> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`drop schema if exists ${SCHEMA} cascade; create schema ${SCHEMA}`);
    const { rows } = await client.query(`select pg_get_expr(d.adbin, d.adrelid) as words from pg_attrdef d
      join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
      where d.adrelid = 'message'::regclass and a.attname = 'search'`);
    await client.query(TEXTS);
    const words = { stored: "search", index: `(${rows[0].words})` } as const;
    const measured: Measured[] = [];
    for (const [name, expression] of Object.entries(words)) {
      const column = name === "stored" ? `, search tsvector generated always as (${rows[0].words}) stored` : "";
      const table = `${SCHEMA}.${name}`;
      await client.query(`create table ${table} (tenant_id uuid not null, conversation_id uuid not null,
        seq bigint not null, id uuid not null, content text not null${column}, primary key (tenant_id, conversation_id, seq));
        create unique index on ${table} (tenant_id, id); create index ${name}_words on ${table} using gin (${expression});
        insert into ${table} select '${TENANT}', conversation_id, n, id, content from ${SCHEMA}.source`);
      await client.query(`vacuum analyze ${table}`);
      const sizes = await client.query(`select pg_relation_size('${table}')::int as heap,
        pg_relation_size('${SCHEMA}.${name}_words')::int as words, pg_total_relation_size('${table}')::int as total`);
      for (const [part, size] of Object.entries(sizes.rows[0] as Record<string, number>)) {
        measured.push({ name: `${name}: ${part}`, amount: spreadOf([size / MESSAGES]), unit: " B" });
      }
    }
    measured.push(...(await searches(client, words, effort.repeats)));
    return {
      goal: "bytes",
      work: `A message of 147 characters on disk, and the best 50 of a common word among ${MESSAGES}`,
      measured,
      verdicts: [],
      notes: ["why the words stay in the row: `docs/decisions/0038-words-stay-stored.md`"],
    };
  } finally {
    await client.query(`drop schema if exists ${SCHEMA} cascade`);
    await client.end();
  }
}

/** The two take turns. */
async function searches(client: pg.Client, words: Readonly<Record<string, string>>, repeats: number) {
  const { rows } = await client.query(
    `select word from ts_stat('select search from ${SCHEMA}.stored') where word like 'w%' order by ndoc desc limit 1`,
  );
  const found = new Map<string, number[]>(Object.keys(words).map((name) => [name, []]));
  for (let time = 0; time < repeats; time++) {
    for (const [name, expression] of Object.entries(words)) {
      const begun = performance.now();
      await client.query(`select id, ts_rank(${expression}, '${rows[0].word}'::tsquery) as rank from ${SCHEMA}.${name}
        where ${expression} @@ ('${rows[0].word}'::tsquery && '''tenant:${TENANT}'''::tsquery) order by rank desc limit 50`);
      found.get(name)?.push(performance.now() - begun);
    }
  }
  return [...found].map(
    ([name, times]): Measured => ({ name: `${name}: search`, amount: spreadOf(times), unit: " ms" }),
  );
}
