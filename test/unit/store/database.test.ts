import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import type { Database, Statement } from "../../../src/store/database.ts";
import { translate } from "../../../src/store/driver/errors.ts";
import { administer, createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

let fixture: TestDatabase;
let database: Database;
const sent: string[] = [];
let roundTrips = 0;

beforeAll(async () => {
  fixture = await createTestDatabase();
  await administer(fixture.url, "create table item (id int primary key, name text not null)");
  database = await fixture.open({
    applicationName: "under test",
    observer: { onStatement: (text) => sent.push(text), onRoundTrip: () => roundTrips++ },
  });
});
afterAll(() => fixture.drop());
beforeEach(async () => {
  await administer(fixture.url, "truncate item");
  sent.length = 0;
  roundTrips = 0;
});

const insertItem: Statement = { name: "insert_item", text: "insert into item values ($1, $2)" };
const countItems: Statement<{ n: bigint }> = { name: "count_items", text: "select count(*) as n from item" };
const renameItem: Statement = { name: "rename_item", text: "update item set name = $2 where id = $1" };
const backend: Statement<{ pid: number; xid: bigint }> = {
  name: "backend",
  text: "select pg_backend_pid() as pid, txid_current() as xid",
};
const sleep: Statement = { name: "sleep", text: "select pg_sleep($1)" };

/** Resolves once a session of the database under test runs `text`, or waits for a lock with it. */
async function untilRunning(text: string): Promise<void> {
  while ((await running(text)) === 0) await delay(5);
}

async function running(text: string): Promise<number> {
  const rows = await administer(
    fixture.url,
    "select from pg_stat_activity where datname = current_database() and application_name = 'under test' and state = 'active' and query = $1",
    [text],
  );
  return rows.length;
}

async function sessionsInTransaction(): Promise<number> {
  const [row] = await administer(
    fixture.url,
    "select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'under test' and state like 'idle in transaction%'",
  );
  return row?.n as number;
}

const overloaded = (error: unknown) => error instanceof DomainError && error.reason === ErrorReason.OVERLOADED;

describe("a statement", () => {
  test("takes exactly one round trip, prepared or not", async () => {
    await database.query(countItems, []);
    await database.query(countItems, []);
    expect(roundTrips).toBe(2);
    expect(sent).toEqual([countItems.text, countItems.text]);
  });

  test("is prepared under its name", async () => {
    await database.query(countItems, []);
    const prepared: Statement<{ name: string }> = { name: "prepared", text: "select name from pg_prepared_statements" };
    expect((await database.query(prepared, [])).map(({ name }) => name)).toContain("count_items");
  });

  test("reads int8 as bigint, timestamptz as Date, jsonb as its value, numeric as text", async () => {
    const values: Statement = {
      name: "values",
      text: `select 9007199254740993::int8 as big, '{1,null}'::int8[] as bigs, '2026-01-02T03:04:05.678Z'::timestamptz as time,
        '{"a":[1]}'::jsonb as json, 1.10::numeric as number, '\\x00ff'::bytea as bytes, 7::int4 as small`,
    };
    expect(await database.query(values, [])).toEqual([
      {
        big: 9007199254740993n,
        bigs: [1n, null],
        time: new Date("2026-01-02T03:04:05.678Z"),
        json: { a: [1] },
        number: "1.10",
        bytes: Buffer.from([0, 255]),
        small: 7,
      },
    ]);
  });

  test("passes its own failures on, with PostgreSQL's code", async () => {
    await database.query(insertItem, [1, "a"]);
    await expect(database.query(insertItem, [1, "b"])).rejects.toMatchObject({ code: "23505" });
  });

  test("survives a change of the table under its plan", async () => {
    const all: Statement = { name: "all_items", text: "select * from item" };
    const one = await fixture.open({ poolSize: 1 });
    await one.query(insertItem, [1, "a"]);
    await one.query(all, []);
    await administer(fixture.url, "alter table item add column extra int default 5");
    expect(await one.query(all, [])).toEqual([{ id: 1, name: "a", extra: 5 }]);
    await administer(fixture.url, "alter table item drop column extra");
    expect(await one.transaction(undefined, (tx) => tx.query(all, []))).toEqual([{ id: 1, name: "a" }]);
  });
});

describe("a transaction", () => {
  test("commits what MikroORM and native statements did on one connection", async () => {
    const [native, orm] = await database.transaction(undefined, async (tx) => {
      await tx.query(insertItem, [1, "a"]);
      const seen = await (await tx.orm()).execute(
        "select pg_backend_pid() as pid, txid_current()::text as xid, count(*)::int as n from item",
      );
      return [(await tx.query(backend, []))[0], seen[0]] as const;
    });
    expect(orm).toEqual({ pid: native?.pid, xid: String(native?.xid), n: 1 });
    expect(await database.query(countItems, [])).toEqual([{ n: 1n }]);
    expect(sent.slice(0, 2)).toEqual(["begin", insertItem.text]);
  });

  test("costs nothing of MikroORM when it is not used", async () => {
    await database.transaction(undefined, (tx) => tx.query(countItems, []));
    expect(sent).toEqual(["begin", countItems.text, "commit"]);
  });

  test("rolls back when its work throws, and its locks are gone by then", async () => {
    const failure = new Error("no");
    const work = database.transaction(undefined, async (tx) => {
      await tx.query(insertItem, [1, "a"]);
      await (await tx.orm()).execute("insert into item values (2, 'b')");
      throw failure;
    });
    await expect(work).rejects.toBe(failure);
    expect(await sessionsInTransaction()).toBe(0);
    expect(await database.query(countItems, [])).toEqual([{ n: 0n }]);
  });

  test("rolls back only the inner part when a nested MikroORM transaction fails", async () => {
    await database.transaction(undefined, async (tx) => {
      await tx.query(insertItem, [1, "a"]);
      const inner = (await tx.orm()).transactional(async (em) => {
        await em.execute("insert into item values (2, 'b')");
        throw new Error("inner");
      });
      await expect(inner).rejects.toThrow("inner");
    });
    expect(await database.query(countItems, [])).toEqual([{ n: 1n }]);
  });

  test("does not pretend to have committed when an error was swallowed", async () => {
    const work = database.transaction(undefined, async (tx) => {
      await tx.query(insertItem, [1, "a"]);
      await tx.query(insertItem, [1, "b"]).catch(() => {});
    });
    await expect(work).rejects.toThrow("the transaction had failed");
  });

  test("is over for whoever kept it", async () => {
    const kept = await database.transaction(undefined, async (tx) => tx);
    await expect(kept.query(countItems, [])).rejects.toThrow("the transaction has ended");
  });

  test("starts anew after a deadlock", async () => {
    await database.query(insertItem, [1, "a"]);
    await database.query(insertItem, [2, "b"]);
    let attempts = 0;
    const meet = Promise.withResolvers<void>();
    const both = [
      [1, 2],
      [2, 1],
    ].map(([first, second], index) =>
      database.transaction(undefined, async (tx) => {
        attempts++;
        await tx.query(renameItem, [first, `by ${index}`]);
        if (attempts === 2) meet.resolve();
        await meet.promise;
        await tx.query(renameItem, [second, `by ${index}`]);
      }),
    );
    await Promise.all(both);
    // Who starts anew may be first at a row that the other waits for, and then one starts anew once more.
    expect(attempts).toBeGreaterThanOrEqual(3);
    const rows = await administer(fixture.url, "select distinct name from item");
    expect(rows).toHaveLength(1);
  });

  test("gives up as OVERLOADED when it never gets its lock", async () => {
    await database.query(insertItem, [1, "a"]);
    const impatient = await fixture.open({ timeouts: { lock: 20 } });
    let attempts = 0;
    await database.transaction(undefined, async (tx) => {
      await tx.query(renameItem, [1, "held"]);
      const blocked = impatient.transaction(undefined, (other) => {
        attempts++;
        return other.query(renameItem, [1, "blocked"]);
      });
      await expect(blocked).rejects.toSatisfy(overloaded);
    });
    expect(attempts).toBe(4);
  });
});

describe("an abort", () => {
  test("rejects at once and cancels the query in PostgreSQL", async () => {
    const abort = new AbortController();
    const query = database.query(sleep, [60], abort.signal);
    await untilRunning(sleep.text);
    const reason = new Error("deadline");
    const seen = query.catch((error: unknown) => error);
    abort.abort(reason);
    // Before anything that PostgreSQL sends can be read.
    const before = new Promise((resolve) => setImmediate(resolve, "it waited"));
    expect(await Promise.race([seen, before])).toBe(reason);
    while ((await running(sleep.text)) > 0) await delay(5);
  });

  test("before the query sends nothing", async () => {
    await expect(database.query(sleep, [60], AbortSignal.abort("gone"))).rejects.toBe("gone");
    await expect(database.transaction(AbortSignal.abort("gone"), async () => {})).rejects.toBe("gone");
    expect(roundTrips).toBe(0);
  });

  test("never hits the next user of the connection", async () => {
    const one = await fixture.open({ poolSize: 1, maxWaiting: 1_000 });
    for (let round = 0; round < 100; round++) {
      const abort = new AbortController();
      const aborted = one.query(sleep, [0.002], abort.signal);
      const next = one.query(sleep, [0.001]);
      // Around the moment at which the query ends by itself.
      setTimeout(() => abort.abort("late"), 1 + (round % 4));
      const [, outcome] = await Promise.allSettled([aborted, next]);
      expect(outcome.status).toBe("fulfilled");
    }
  });

  test.each(["native", "MikroORM"])("rolls back a transaction and frees its connection (%s query)", async (kind) => {
    const one = await fixture.open({ poolSize: 1, applicationName: "under test" });
    const abort = new AbortController();
    const work = one.transaction(abort.signal, async (tx) => {
      await tx.query(insertItem, [1, "a"]);
      await (kind === "native" ? tx.query(sleep, [60]) : (await tx.orm()).execute("select pg_sleep(60)"));
    });
    await untilRunning(kind === "native" ? sleep.text : "select pg_sleep(60)");
    const reason = new Error("deadline");
    abort.abort(reason);
    await expect(work).rejects.toBe(reason);
    expect(await one.query(countItems, [])).toEqual([{ n: 0n }]);
    expect(await sessionsInTransaction()).toBe(0);
  });

  test("stops the wait for a connection without losing the connection", async () => {
    const one = await fixture.open({ poolSize: 1 });
    const abort = new AbortController();
    const release = Promise.withResolvers<void>();
    const holder = one.transaction(undefined, async (tx) => {
      await tx.query(countItems, []);
      await release.promise;
    });
    const waiting = one.query(countItems, [], abort.signal);
    abort.abort("gone");
    await expect(waiting).rejects.toBe("gone");
    release.resolve();
    await holder;
    expect(await one.query(countItems, [])).toEqual([{ n: 0n }]);
  });

  test("of work that waits for something else still ends the transaction", async () => {
    const one = await fixture.open({ poolSize: 1 });
    const abort = new AbortController();
    const work = one.transaction(abort.signal, async (tx) => {
      await tx.query(insertItem, [1, "a"]);
      abort.abort("gone");
      await new Promise(() => {});
    });
    await expect(work).rejects.toBe("gone");
    expect(await one.query(countItems, [])).toEqual([{ n: 0n }]);
  });
});

describe("the pool", () => {
  test("refuses past its queue, at once, natively and for MikroORM", async () => {
    const small = await fixture.open({ poolSize: 2, maxWaiting: 3 });
    const calls = Array.from({ length: 6 }, () => small.query(sleep, [0.1]));
    await expect(calls[5]).rejects.toSatisfy(overloaded);
    await expect((await small.fork()).execute("select 1").catch(translate)).resolves.toSatisfy(overloaded);
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual([...Array(5).fill("fulfilled"), "rejected"]);
  });

  test("says OVERLOADED when no connection gets free in time", async () => {
    const small = await fixture.open({ poolSize: 1, timeouts: { connect: 500 } });
    await small.ping();
    const holder = small.query(sleep, [1]);
    await expect(small.ping()).rejects.toSatisfy(overloaded);
    await holder;
  });

  test("ends a statement that takes longer than its limit", async () => {
    const strict = await fixture.open({ timeouts: { statement: 20 } });
    await expect(strict.query(sleep, [60])).rejects.toSatisfy(overloaded);
  });

  test("sets its limits and its name on every session", async () => {
    const settings: Statement<{ name: string; setting: string }> = {
      name: "settings",
      text: "select name, setting from pg_settings where name = any ($1) order by name",
    };
    const names = ["application_name", "idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout"];
    expect((await database.query(settings, [names])).map(({ setting }) => setting)).toEqual([
      "under test",
      "15000",
      "5000",
      "30000",
    ]);
  });

  test("gives MikroORM its own readers of values", async () => {
    expect(await (await database.fork()).execute("select 5::int8 as big")).toEqual([{ big: "5" }]);
    expect(sent).toEqual(["select 5::int8 as big"]);
  });
});
