// The feed of a tenant, where all of its logs are looked up: whoever begins to follow, and a new webhook endpoint.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { newId } from "../../../src/domain/ids/id.ts";
import type { Database } from "../../../src/store/database.ts";
import { advanceFeed, grownLogs } from "../../../src/store/feed/feed.ts";
import { MAX_GROWN } from "../../../src/store/feed/statements.ts";
import { lockWaits } from "../../support/postgres/lock-waits.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

let own: TestDatabase;
let database: Database;
let tenantId: string;
let begun: bigint;
let statements = 0;
beforeAll(async () => {
  own = await createTestDatabase();
  database = await own.open();
});
afterAll(() => own.drop());
beforeEach(async () => {
  tenantId = newId();
  await run("insert into tenant (id, slug, secret) values ($1, $2, $3)", [tenantId, tenantId, randomBytes(32)]);
  begun = await advanceFeed(database, tenantId, undefined);
});

function run(text: string, values: unknown[], on: Pick<Database, "query"> = database) {
  return on.query({ name: `feed_test_${statements++}`, text }, values);
}

async function grow(count: number): Promise<void> {
  const text = `insert into conversation (tenant_id, id, creator, last_seq)
    select $1::uuid, gen_random_uuid(), 'ann', 1 from generate_series(1, $2::int)`;
  await run(text, [tenantId, count]);
}

test("more logs than are looked up at once are all in the feed before its position is told", async () => {
  await grow(MAX_GROWN + 1);
  expect(await advanceFeed(database, tenantId, undefined)).toBe(begun + BigInt(MAX_GROWN + 1));
  expect(await grownLogs(database, tenantId)).toEqual([]);
});

test("while all logs are looked up, which takes long where they are many, the feed is not locked", async () => {
  await grow(1);
  const other = await own.open();
  let advancing: Promise<bigint> | undefined;
  await database.transaction(undefined, async (tx) => {
    await run("lock table conversation", [], tx);
    advancing = advanceFeed(other, tenantId, undefined);
    await expect.poll(() => lockWaits(database, "%conversation%")).toHaveLength(1);
    const state = "select position from feed_state where tenant_id = $1 for update nowait";
    expect(await run(state, [tenantId], tx)).toHaveLength(1);
  });
  expect(await advancing).toBe(begun + 1n);
});
