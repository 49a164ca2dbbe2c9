// The send as a function, which distributed tables need, against the statement: the same random sends have the same
// outcomes and leave the same rows.
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database, Statement } from "../../../src/store/database.ts";
import { addTenant } from "../../../src/store/directory/tenants.ts";
import { sendFunctions } from "../../../src/store/log/send-function.ts";
import { send, sendWithFiles } from "../../../src/store/log/send-statement.ts";
import { sendManyFunctions } from "../../../src/store/messages/send-many-function.ts";
import { sendMany, sendManyNamed } from "../../../src/store/messages/send-many-statement.ts";
import type { ViewerKind } from "../../../src/store/visibility.ts";
import { createRandom } from "../../fault/stage/random.ts";
import { createTestDatabase, statementName, type TestDatabase } from "../../support/postgres/postgres.ts";

const ROUNDS = Number(process.env.TEST_CALLS || 100);
const MEMBERS = ["ada", "bob", "cy", "dee"];
const KINDS: readonly ViewerKind[] = ["tenant", "member", "manager"];

let own: TestDatabase;
let database: Database;
/** One for each form; what happens to one happens to the other. */
const tenants: [string, string] = [randomUUID(), randomUUID()];
const conversations = Array.from({ length: 4 }, () => randomUUID());
const files = Array.from({ length: 4 }, () => randomUUID());

beforeAll(async () => {
  own = await createTestDatabase();
  database = await own.open();
  for (const { name, create } of [...Object.values(sendFunctions), ...Object.values(sendManyFunctions)]) {
    await database.query({ name: `create_${name}`, text: create }, []);
  }
  for (const tenant of tenants) await furnish(tenant);
});
afterAll(() => own.drop());

async function run(text: string, values: readonly unknown[]): Promise<Record<string, unknown>[]> {
  return await database.query({ name: statementName(text), text }, values);
}

/** Conversations of ada's in which bob takes part, whom cy manages; dee sees none. The last two are closed and deleted. */
async function furnish(tenant: string): Promise<void> {
  await addTenant(database, { id: tenant, slug: tenant, name: "", secret: randomBytes(32) });
  for (const id of MEMBERS) await run("insert into member (tenant_id, id, role) values ($1, $2, 2)", [tenant, id]);
  await run("update member set manager_id = 'cy' where tenant_id = $1 and id = 'bob'", [tenant]);
  for (const [index, id] of conversations.entries()) {
    await run(
      `insert into conversation (tenant_id, id, owner_id, creator, status, delete_time)
       values ($1, $2, 'ada', 'ada', $3, case when $4::boolean then now() end)`,
      [tenant, id, index === 2 ? 3 : 1, index === 3],
    );
    await run("insert into participant (tenant_id, conversation_id, member_id, join_seq) values ($1, $2, 'bob', 0)", [
      tenant,
      id,
    ]);
  }
  for (const [index, id] of files.entries()) {
    await run(
      `insert into file (tenant_id, id, uploader, name, media_type, size, sha256, create_time)
       values ($1, $2, $3, 'a', 'text/plain', 1, '\\x00', now())`,
      [tenant, id, index < 3 ? "ada" : "bob"],
    );
  }
}

const { pick: any, chance } = createRandom(Number(process.env.TEST_SEED ?? 1));

interface Draft {
  readonly id: string;
  readonly role: number;
  readonly content: string;
  readonly metadata: string | null;
  readonly time: Date | null;
  readonly kind: number | null;
  readonly parts: string | null;
}

const anyDraft = (): Draft => ({
  id: randomUUID(),
  role: any([1, 2]),
  content: any(["", "a", "b'\\", "ä\n漢"]),
  metadata: any([null, "{}", '{"a": [1, null]}']),
  time: any([null, new Date(1_700_000_000_000)]),
  kind: any([null, null, null, 3]),
  parts: any([null, null, "[]"]),
});

const columnsOf = (drafts: readonly Draft[]) => [
  drafts.map(({ role }) => role),
  drafts.map(({ content }) => content),
  drafts.map(({ metadata }) => metadata),
  drafts.map(({ time }) => time),
];

/** Both forms of a statement, one in each tenant; times are left out, which only shows whether there are some. */
async function both(statement: Statement<object>, values: readonly unknown[]): Promise<[unknown, unknown]> {
  const { text, sharded = "" } = statement;
  const outcomes = [];
  for (const [index, form] of [text, sharded].entries()) {
    const rows = await run(form, [tenants[index], ...values]);
    outcomes.push(
      rows
        .map(
          ({ create_time, files: held, ...row }): Record<string, unknown> => ({
            ...row,
            timed: create_time !== null,
            files: [...((held as string[] | null) ?? [])].sort(),
          }),
        )
        // Left out or null, there are none; and of a conversation that the caller does not see nobody reads them.
        .map((row) => ({
          known: null,
          taken: null,
          ...row,
          ...(row.visible === false && { known: null, taken: null }),
        })),
    );
  }
  return outcomes as [unknown, unknown];
}

/** What happened, whichever number or file it was. */
const outlineOf = (rows: unknown) =>
  JSON.stringify(rows, (_, value) =>
    typeof value === "bigint" ? "n" : Array.isArray(value) && typeof value[0] === "string" ? [] : value,
  );

async function expectSameRows(): Promise<void> {
  const read = (tenant: string | undefined) =>
    Promise.all(
      [
        "select conversation_id, seq, id, role, sender, content, metadata, client_time, kind, parts, client_id from message where tenant_id = $1 order by 1, 2",
        `select id, last_seq, message_count, last_message_time is null as silent, last_message_time = update_time as spoken_last
         from conversation where tenant_id = $1 order by 1`,
        `select caller, method, key, fingerprint::text, message_ids, now() - create_time < interval '1 hour' as young
         from idempotency where tenant_id = $1 order by 1, 2, 3`,
        "select file_id, conversation_id, seq from file_use where tenant_id = $1 order by 1, 2, 3",
        "select id, named from file where tenant_id = $1 order by 1",
      ].map((text) => run(text, [tenant])),
    );
  expect(await read(tenants[1])).toEqual(await read(tenants[0]));
}

/** Few request ids, so that many were used before; some of these long ago. */
async function anyKey(): Promise<string | null> {
  if (chance(0.1)) {
    const text = "update idempotency set create_time = now() - interval '25 hours' where tenant_id = $1 and key = 'k1'";
    for (const tenant of tenants) await run(text, [tenant]);
  }
  return any([null, null, "k1", "k2", randomUUID()]);
}

/** Whether those read who take no part decides which files they may name, too. */
async function settleOutsideReads(): Promise<void> {
  const setting = any([1, 2, 3]);
  for (const tenant of tenants)
    await run("update tenant set outside_reads = $2::smallint where id = $1", [tenant, setting]);
}

test("a send, also of files, acts as the statement does", async () => {
  const seen = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 5 === 0) await settleOutsideReads();
    const drafts = Array.from({ length: any([1, 1, 2, 5]) }, anyDraft);
    const caller = any([...MEMBERS, null]);
    const kind = caller === null ? "tenant" : any(KINDS);
    const key = await anyKey();
    const values = [
      caller,
      any(conversations),
      caller ?? "key:1",
      drafts.map(({ id }) => id),
      ...columnsOf(drafts),
      any(MEMBERS),
      "Send",
      key,
      key === null ? null : randomBytes(4),
      chance(0.3),
      drafts.map((draft) => draft.kind),
      drafts.map((draft) => draft.parts),
    ];
    const named = [...new Set([any(files), any(files)])];
    const withFiles = chance(0.5);
    const [one, other] = withFiles
      ? await both(sendWithFiles[kind], [...values, named, named.map(() => any(drafts.map((_, i) => i + 1))), named])
      : await both(send[kind], values);
    expect(other).toEqual(one);
    seen.add(outlineOf(one));
  }
  await expectSameRows();
  // Sent, refused for each reason, unseen.
  expect(seen.size).toBeGreaterThan(6);
});

test("sends at once, also with client ids, act as the statement does", async () => {
  const earlier: (Draft & { clientId: string })[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const named = chance(0.6);
    const kind = any(KINDS);
    const ids = new Set<string>();
    const asks = await Promise.all(
      Array.from({ length: any([1, 2, 3]) }, async () => {
        const drafts = Array.from({ length: any([1, 1, 3]) }, () => {
          const repeated = chance(0.4) ? any(earlier) : undefined;
          const draft = { ...(repeated ?? anyDraft()), id: randomUUID() };
          const clientId = chance(0.7) ? (repeated?.clientId ?? randomUUID()) : null;
          if (clientId === null || ids.has(clientId)) return { ...draft, clientId: null };
          ids.add(clientId);
          if (named) earlier.push({ ...draft, clientId });
          return { ...draft, content: repeated && chance(0.2) ? "other" : draft.content, clientId };
        });
        const key: string | null = chance(0.4) ? randomUUID() : null;
        return { caller: any(MEMBERS), key, drafts, only: chance(0.2) };
      }),
    );
    // No two of one call have the same request id.
    const [first] = asks;
    if (first !== undefined) first.key = await anyKey();
    const drafts = asks.flatMap((ask) => ask.drafts);
    const values = [
      any(conversations),
      asks.map(({ caller }) => caller),
      asks.map(({ caller }) => caller),
      asks.map(({ caller }) => caller),
      asks.map(() => "Send"),
      asks.map(({ key }) => key),
      asks.map(({ key }) => (key === null ? null : Buffer.from("f"))),
      asks.map((ask) => ask.drafts.length),
      asks.map(({ only }) => only),
      asks.flatMap((ask, index) => ask.drafts.map(() => index + 1)),
      drafts.map(({ id }) => id),
      ...columnsOf(drafts),
      drafts.map((draft) => draft.kind),
      drafts.map((draft) => draft.parts),
      ...(named ? [drafts.map(({ clientId }) => clientId)] : []),
    ];
    const [one, other] = await both((named ? sendManyNamed : sendMany)[kind], values);
    expect(other).toEqual(one);
  }
  await expectSameRows();
});
