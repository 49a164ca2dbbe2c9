// Reactions as functions, which distributed tables need, against the statements: the same random changes have the same
// outcomes and leave the same rows.
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../../src/store/database.ts";
import { addTenant } from "../../../src/store/directory/tenants.ts";
import { reactionFunctions } from "../../../src/store/reactions/functions.ts";
import { addReaction, removeReaction } from "../../../src/store/reactions/statements.ts";
import type { ViewerKind } from "../../../src/store/visibility.ts";
import { createRandom } from "../../fault/stage/random.ts";
import { createTestDatabase, statementName, type TestDatabase } from "../../support/postgres/postgres.ts";

const ROUNDS = Number(process.env.TEST_CALLS || 150);
const KINDS: readonly ViewerKind[] = ["tenant", "member", "manager"];
const NAMES = Array.from({ length: 4 }, (_, index) => `r${index}`);

let own: TestDatabase;
let database: Database;
/** One for each form; what happens to one happens to the other. */
const tenants = [randomUUID(), randomUUID()];
const conversation = randomUUID();
/** The last one is deleted; the one before has all kinds but one. */
const messages = Array.from({ length: 4 }, () => randomUUID());

const run = (text: string, values: readonly unknown[]) =>
  database.query<Record<string, unknown>>({ name: statementName(text), text }, values);

beforeAll(async () => {
  own = await createTestDatabase();
  database = await own.open();
  for (const { name, create } of Object.values(reactionFunctions).flatMap((kinds) => Object.values(kinds))) {
    await run(create, []).catch((error: unknown) => expect.fail(`${name}: ${String(error)}`));
  }
  for (const tenant of tenants) await furnish(tenant);
});
afterAll(() => own.drop());

/** A conversation of ada's, who is managed by cy; dee does not see it. */
async function furnish(tenant: string): Promise<void> {
  await addTenant(database, { id: tenant, slug: tenant, name: "", secret: randomBytes(32) });
  for (const id of ["ada", "cy", "dee"]) {
    await run("insert into member (tenant_id, id, role) values ($1, $2, 2)", [tenant, id]);
  }
  await run("update member set manager_id = 'cy' where tenant_id = $1 and id = 'ada'", [tenant]);
  const place = [tenant, conversation];
  await run(
    "insert into conversation (tenant_id, id, owner_id, creator, last_seq) values ($1, $2, 'ada', 'ada', 4)",
    place,
  );
  for (const [index, id] of messages.entries()) {
    await run(
      `insert into message (tenant_id, conversation_id, seq, id, role, sender, content, create_time, delete_time)
       values ($1, $2, $3, $4, 1, 'ada', 'a', now(), case when $3::bigint = 4 then now() end)`,
      [...place, index + 1, id],
    );
  }
  const many = JSON.stringify(Array.from({ length: 99 }, (_, index) => [`x${index}`, 1]));
  await run("insert into message_tally (tenant_id, conversation_id, seq, reactions) values ($1, $2, 3, $3::jsonb)", [
    ...place,
    many,
  ]);
}

const { pick: any, chance } = createRandom(Number(process.env.TEST_SEED ?? 1));

test("a reaction that is added or removed acts as the statement does", async () => {
  const seen = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const kind = any(KINDS);
    const caller = kind === "tenant" ? null : any(["ada", "cy", "dee"]);
    const values = [caller, any(messages), any(["ada", "cy", "key:1"]), any(NAMES)];
    const { text, sharded = "" } = (chance(0.6) ? addReaction : removeReaction)[kind];
    const [one, other] = await Promise.all(
      [text, sharded].map(async (form, index) => {
        const rows = await run(form, [tenants[index], ...values]);
        return rows.map(
          (row): Record<string, unknown> => ({ ...row, mine: [...((row.mine as string[] | null) ?? [])].sort() }),
        );
      }),
    );
    expect(other).toEqual(one);
    seen.add(JSON.stringify(one?.map(({ writable, full, mine }) => [writable, full, (mine as string[]).length])));
  }
  const read = (tenant: string | undefined) =>
    Promise.all(
      [
        "select seq, reactions from message_tally where tenant_id = $1 order by 1",
        "select seq, actor, name from reaction where tenant_id = $1 order by 1, 2, 3",
        "select seq, tallied from message where tenant_id = $1 order by 1",
        "select seq, type, actor, data from event where tenant_id = $1 order by 1",
        "select last_seq from conversation where tenant_id = $1",
      ].map((text) => run(text, [tenant])),
    );
  expect(await read(tenants[1])).toEqual(await read(tenants[0]));
  // Unseen, not writable, full, with none to some of its own.
  expect(seen.size).toBeGreaterThan(5);
});
