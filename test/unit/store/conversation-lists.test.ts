// Lists by latest activity, and counted ones, whichever way they are found: they are what a plain statement gives.
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readMoment } from "../../../src/store/changed-since.ts";
import type { ConversationFilters } from "../../../src/store/conversations/list-filters.ts";
import type { ListEdge } from "../../../src/store/conversations/list-order.ts";
import { type ConversationList, listConversations } from "../../../src/store/conversations/list-statement.ts";
import type { Database } from "../../../src/store/database.ts";
import type { ViewerKind } from "../../../src/store/visibility.ts";
import { openExplainer } from "../../support/postgres/plans.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

const RUNS = Number(process.env.CONVERSATION_LISTS_RUNS ?? 1);
const TENANT = "01890000-0000-7000-8000-000000000001";
/** So many that the tenant's latest are looked at first. */
const COUNT = 600;
const id = (n: number) => `01890000-0000-7000-9000-${n.toString(16).padStart(12, "0")}`;
const sqlId = "('01890000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid";
const at = (minutes: string) => `timestamptz '2026-01-01 00:00:00Z' + (${minutes}) * interval '1 minute'`;

let own: TestDatabase;
let database: Database;
let client: pg.Client;
beforeAll(async () => {
  own = await createTestDatabase();
  database = await own.open();
  client = new pg.Client({ connectionString: own.url });
  await client.connect();
  await sql(`
    insert into tenant (id, slug, secret) values ('${TENANT}', 't', '');
    insert into member (tenant_id, id, manager_id) values ('${TENANT}', 'boss', null), ('${TENANT}', 'ann', 'boss'),
      ('${TENANT}', 'bob', 'boss'), ('${TENANT}', 'eve', null)`);
});
afterAll(async () => {
  await client.end();
  await own.drop();
});

const sql = async (text: string): Promise<Record<string, unknown>[]> => (await client.query(text)).rows;

/** Times of a few minutes with several conversations each, and some that are equal. */
async function fill(): Promise<void> {
  await sql(`
    delete from conversation where tenant_id = '${TENANT}';
    insert into conversation (tenant_id, id, owner_id, creator, status, create_time, update_time)
      select '${TENANT}', ${sqlId}, (array['ann', 'bob', 'eve', null, 'ann'])[1 + n % 5], 'x', 1 + n % 2, ${at("n")},
        ${at(`${COUNT} + n * 7 % 150 + (n % 4) / 4.0`)}
      from generate_series(1, ${COUNT}) n;
    insert into participant (tenant_id, conversation_id, member_id, join_seq, conversation_time)
      select '${TENANT}', ${sqlId}, m, 1, ${at("n")} from generate_series(1, ${COUNT}) n, unnest(array['ann', 'eve']) m
      where n % 3 = length(m) % 2`);
}

type Step = readonly [kind: (typeof KINDS)[number], at: number];
const KINDS = [
  "send",
  "sends",
  "burst",
  "delete",
  "hide",
  "own",
  "join",
  "leave",
  "archive",
  "purge",
  "import",
] as const;

function change([kind, n]: Step): string {
  const which = (name: string) => ({
    one: `tenant_id = '${TENANT}' and ${name} = '${id(1 + (n % COUNT))}'`,
    some: `tenant_id = '${TENANT}' and right(${name}::text, 1) = '${(n % 16).toString(16)}'`,
  });
  const { one, some } = which("id");
  const parts = which("conversation_id").some;
  const moved = (minutes: string) =>
    `update_time = greatest(update_time, ${at(`${COUNT} + ${minutes}`)}), last_seq = last_seq + 1`;
  const changes: Record<(typeof KINDS)[number], string> = {
    send: `update conversation set ${moved(`150 + ${n / 50}`)} where ${one}`,
    sends: `update conversation set ${moved(`${n % 200} + random()`)} where ${some}`,
    burst: `update conversation set ${moved(String(150 + (n % 20)))} where tenant_id = '${TENANT}' and right(id::text, 1) < '9'`,
    delete: `update conversation set delete_time = case when delete_time is null then now() end where ${some}`,
    hide: `update conversation set unlisted = not unlisted where ${one}`,
    own: `update conversation set owner_id = 'eve' where ${some}`,
    join: `insert into participant (tenant_id, conversation_id, member_id, join_seq, conversation_time)
      select tenant_id, id, 'bob', 1, create_time from conversation where ${some} on conflict do nothing`,
    leave: `delete from participant where ${parts}`,
    archive: `update participant set view = '{"archived": true}' where ${parts}`,
    purge: `delete from conversation where ${one}`,
    import: `insert into conversation (tenant_id, id, owner_id, creator, origin_id, create_time, update_time)
      values ('${TENANT}', '${id(COUNT + n)}', 'ann', 'x', '${id(1)}', ${at("1")}, ${at(`${COUNT} + ${n % 160}`)}) on conflict do nothing`,
  };
  return changes[kind];
}

interface Asked {
  readonly caller: "ann" | "bob" | "eve" | "boss" | null;
  readonly filters: ConversationFilters;
  readonly limit: number;
}

const kindOf = (caller: Asked["caller"]): ViewerKind =>
  caller === null ? "tenant" : caller === "boss" ? "manager" : "member";

/** What a list shows, said independently of the statement. */
async function plainly({ caller, filters }: Asked, by = "update_time"): Promise<string[]> {
  const of = (members: string) => `(c.owner_id in (${members}) or c.id in
    (select conversation_id from participant where tenant_id = '${TENANT}' and member_id in (${members})))`;
  const { status, memberId, ownerId, archivedByMe } = filters;
  const watched = caller === "boss" ? "'boss', 'ann', 'bob'" : `'${caller}'`;
  const conditions = [
    ...(caller === null ? [] : [of(watched)]),
    ...(status === undefined ? [] : [`c.status = ${status}`]),
    ...(memberId === undefined ? [] : [of(`'${memberId}'`)]),
    ...(ownerId === undefined ? [] : [`c.owner_id = '${ownerId}'`]),
    ...(archivedByMe === undefined
      ? []
      : [
          `coalesce((select view ->> 'archived' = 'true' from participant p where p.conversation_id = c.id
          and p.tenant_id = c.tenant_id and p.member_id = '${caller}'), false) = ${archivedByMe}`,
        ]),
  ];
  const rows = await sql(`select c.id from conversation c where c.tenant_id = '${TENANT}' and c.delete_time is null
    and not c.unlisted ${conditions.map((one) => `and ${one}`).join(" ")} order by c.${by} desc, c.id desc`);
  return rows.map((row) => String(row.id));
}

function list({ caller, filters, limit }: Asked, more: Partial<ConversationList>) {
  const shape = { order: "activity", deleted: "exclude", skip: 0, count: false, ...more } as const;
  const { statement, values } = listConversations({ ...shape, viewer: kindOf(caller), filters, limit });
  return { statement, values: [TENANT, caller, ...values] };
}

async function page(asked: Asked, more: Partial<ConversationList>) {
  const { statement, values } = list(asked, more);
  return (await database.query(statement, values)).filter(({ id }) => id !== null);
}

/** All pages. `between` runs after the first. */
async function pages(asked: Asked, between: () => Promise<unknown> = async () => {}): Promise<string[]> {
  const seen: string[] = [];
  let after: ListEdge | undefined;
  for (let since: ListEdge["since"]; ; ) {
    const rows = await page(asked, after ? { after } : {});
    seen.push(...rows.map((row) => String(row.id)));
    const last = rows.at(-1);
    if (last === undefined || rows.length < asked.limit) return seen;
    if (since === undefined) await between();
    since ??= readMoment(last.moment ?? "");
    after = { id: String(last.id), time: last.update_time, late: last.late ?? false, since };
  }
}

const asked: fc.Arbitrary<Asked> = fc.record({
  caller: fc.constantFrom("ann", "bob", "eve", "boss", null),
  filters: fc.oneof(
    { arbitrary: fc.constant({}), weight: 3 },
    fc.constantFrom<ConversationFilters>(
      { status: 1 },
      { memberId: "ann" },
      { ownerId: "ann" },
      { archivedByMe: false },
    ),
  ),
  limit: fc.integer({ min: 20, max: 90 }),
});
const steps = fc.array(fc.tuple(fc.constantFrom(...KINDS), fc.nat(COUNT)), { maxLength: 6 });
/** Filters by the caller's own view are of members alone. */
const fitting = ({ caller, filters, ...rest }: Asked): Asked => ({
  ...rest,
  caller,
  filters: filters.archivedByMe !== undefined && caller === null ? {} : filters,
});

test("F-COUNT, F-ACTIVITY: are what a plain statement gives, whatever was changed before and between their pages", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(steps, asked, steps), { minLength: 3, maxLength: 3 }), async (rounds) => {
      await fill();
      for (const [before, wanted, during] of rounds) {
        const one = fitting(wanted);
        for (const step of before) await sql(change(step));
        const there = await plainly(one);
        expect(await pages(one)).toEqual(there);
        const skip = one.limit * 2;
        const skipped = await page(one, { skip });
        expect(skipped.map((row) => row.id)).toEqual(there.slice(skip, skip + one.limit));

        const counted = await page(one, { order: "newest", count: true, skip });
        const created = await plainly(one, "create_time");
        expect(counted.map((row) => row.id)).toEqual(created.slice(skip, skip + one.limit));
        if (created.length > skip) expect(Number(counted[0]?.total)).toBe(created.length);

        const seen = new Set(
          await pages(one, async () => {
            for (const step of during) await sql(change(step));
          }),
        );
        const left = new Set(await plainly(one));
        expect(there.filter((id) => left.has(id) && !seen.has(id))).toEqual([]);
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});

test("read a few rows where conversations were active at different times, and all where it was in one minute", async () => {
  await fill();
  await sql("analyze conversation, participant");
  await using explainer = await openExplainer(own.url);
  const ann: Asked = { caller: "ann", filters: {}, limit: 20 };
  const { statement, values } = list(ann, {});
  expect((await explainer.explain(statement, values)).rows).toBeLessThan(2 * COUNT);

  const crowd = 1_200;
  await sql(`insert into conversation (tenant_id, id, owner_id, creator, update_time)
    select '${TENANT}', ${sqlId}, 'ann', 'x', ${at("9000")} + n % 60 * interval '1 second'
    from generate_series(10001, 10000 + ${crowd}) n`);
  const there = await plainly(ann);
  expect((await page(ann, {})).map((row) => row.id)).toEqual(there.slice(0, ann.limit));
  expect((await explainer.explain(statement, values)).rows).toBeGreaterThan(2 * crowd);
});
