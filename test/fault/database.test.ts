import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DomainError, ErrorReason } from "../../src/domain/errors.ts";
import type { Database, Statement } from "../../src/store/database.ts";
import { translate } from "../../src/store/driver/errors.ts";
import { administer, createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { type BreakingProxy, startProxy } from "../support/postgres/proxy.ts";

let fixture: TestDatabase;
let proxy: BreakingProxy;
let database: Database;

beforeAll(async () => {
  fixture = await createTestDatabase();
  await administer(fixture.url, "create table item (id int primary key)");
  proxy = await startProxy(fixture.url);
  database = await fixture.open({ url: proxy.url, poolSize: 2 });
});
afterAll(async () => {
  await fixture.drop();
  await proxy.close();
});

const insertItem: Statement = { name: "insert_item", text: "insert into item values ($1)" };
const countItems: Statement<{ n: bigint }> = { name: "count_items", text: "select count(*) as n from item" };
const sleep: Statement = { name: "sleep", text: "select pg_sleep($1)" };

async function failureOf(work: Promise<unknown>): Promise<DomainError> {
  try {
    await work;
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    return error as DomainError;
  }
  throw new Error("it did not fail");
}

const terminateOthers = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`;

/** How many sessions of this database, not of the others in the cluster, are in a state or run a statement. */
async function sessions(condition: string): Promise<number> {
  const text = `select from pg_stat_activity where datname = current_database() and ${condition}`;
  return (await administer(fixture.url, text)).length;
}

describe("a connection that breaks", () => {
  test("during the commit leaves the outcome unknown, and is not tried again", async () => {
    let attempts = 0;
    const work = database.transaction(undefined, async (tx) => {
      attempts++;
      await tx.query(insertItem, [1]);
      proxy.cutAnswerTo("commit");
    });
    const failure = await failureOf(work);
    expect(failure.reason).toBe(ErrorReason.DATABASE_UNAVAILABLE);
    expect(failure.details).toMatchObject({ metadata: { outcome: "unknown" }, retryAfterMs: 1_000 });
    expect(attempts).toBe(1);
    // Here it did take effect: which is why trying again would have been wrong.
    expect(await database.query(countItems, [])).toEqual([{ n: 1n }]);
  });

  test("before the commit leaves nothing, and says nothing of an unknown outcome", async () => {
    const work = database.transaction(undefined, async (tx) => {
      await tx.query(insertItem, [2]);
      proxy.cutAnswerTo("count(*)");
      await tx.query({ name: "count_again", text: "select count(*) from item" }, []);
    });
    const failure = await failureOf(work);
    expect(failure.reason).toBe(ErrorReason.DATABASE_UNAVAILABLE);
    expect(failure.details.metadata).toBeUndefined();
    expect(await database.query(countItems, [])).toEqual([{ n: 1n }]);
  });

  test("under a statement that changes something leaves the outcome unknown", async () => {
    proxy.cutAnswerTo("insert into item");
    const failure = await failureOf(database.query({ ...insertItem, name: "insert_cut", changes: true }, [4]));
    expect(failure.reason).toBe(ErrorReason.DATABASE_UNAVAILABLE);
    expect(failure.details.metadata).toEqual({ outcome: "unknown" });
    expect(await database.query(countItems, [])).toEqual([{ n: 2n }]);
    await administer(fixture.url, "delete from item where id = 4");
  });

  test("under a query says DATABASE_UNAVAILABLE, and the next query has another connection", async () => {
    const query = failureOf(database.query(sleep, [60]));
    while ((await sessions(`query = '${sleep.text}' and state = 'active'`)) === 0) await delay(5);
    await administer(fixture.url, terminateOthers);
    expect((await query).reason).toBe(ErrorReason.DATABASE_UNAVAILABLE);
    await database.ping();
  });

  test("while idle goes unnoticed", async () => {
    await Promise.all([database.ping(), database.ping()]);
    await administer(fixture.url, terminateOthers);
    while ((await sessions("true")) > 1) await delay(5);
    // The sockets' ends are read before the next turn of the event loop is over.
    await delay(20);
    await Promise.all([database.ping(), database.ping()]);
  });

  test("under MikroORM is told the same way once it is translated", async () => {
    const em = await database.fork();
    const query = em.execute("select pg_sleep(60)").catch(translate);
    while ((await sessions("query = 'select pg_sleep(60)'")) === 0) await delay(5);
    await administer(fixture.url, terminateOthers);
    expect(await query).toMatchObject({ reason: ErrorReason.DATABASE_UNAVAILABLE });
  });
});

test.each(["53100", "53200", "58030"])(
  "a database without room or memory (%s) says DATABASE_UNAVAILABLE",
  async (code) => {
    const raise = `do $$ begin raise exception using errcode = '${code}'; end $$`;
    const failure = await failureOf(database.query({ name: `raise_${code}`, text: raise }, []));
    expect(failure.reason).toBe(ErrorReason.DATABASE_UNAVAILABLE);
    expect(failure.details).toMatchObject({ retryAfterMs: 1_000 });
    expect(failure.details.metadata).toBeUndefined();
  },
);

test("a transaction that dawdles is ended by PostgreSQL, and its connection is given up", async () => {
  const strict = await fixture.open({ poolSize: 1, timeouts: { idleInTransaction: 20 } });
  const work = strict.transaction(undefined, async (tx) => {
    await tx.query(insertItem, [3]);
    while ((await sessions("state = 'idle in transaction'")) > 0) await delay(5);
    await tx.query(countItems, []);
  });
  expect((await failureOf(work)).reason).toBe(ErrorReason.DATABASE_UNAVAILABLE);
  expect(await strict.query(countItems, [])).toEqual([{ n: 1n }]);
});

test("an address where no database listens says DATABASE_UNAVAILABLE", async () => {
  const nowhere = await fixture.open({ url: "postgresql://u:p@127.0.0.1:1/d" });
  expect((await failureOf(nowhere.ping())).reason).toBe(ErrorReason.DATABASE_UNAVAILABLE);
});
