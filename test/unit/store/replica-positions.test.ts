// What a call has seen: the position that goes with each statement, on every way in which statements are sent.
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { Interruption } from "../../../src/domain/cancellation.ts";
import { parsePosition, Reading } from "../../../src/domain/read-position.ts";
import type { Database, Queryable } from "../../../src/store/database.ts";
import { MAX_LAG_MS, PrimaryLog } from "../../../src/store/replicas/primary-log.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

let own: TestDatabase;
beforeAll(async () => {
  own = await createTestDatabase();
});
afterAll(() => own.drop());
afterEach(() => void vi.useRealTimers());

const one = { name: "test_one", text: "select $1::int as one" };
const two = { name: "test_two", text: "select g as two from generate_series(1, $1::int) g" };
const fault = { name: "test_fault", text: "select 1 / $1::int as fault" };
const change = { name: "test_change", text: "update tenant set name = name where id = $1::uuid", changes: true };

function callOn(database: Database, header = "latest") {
  const signal = new Interruption();
  const reading = new Reading(header);
  signal.reading = reading;
  return {
    reading,
    signal,
    query: (statement: typeof one, value: unknown) => database.query(statement, [value], signal),
  };
}

/** A position that the primary has told, once its history has a name. */
async function known(database: Database): Promise<string> {
  let position = "latest";
  await expect
    .poll(async () => {
      const { reading, query } = callOn(database);
      await query(one, 1);
      position = String(reading);
      return position;
    })
    .not.toBe("latest");
  return position;
}

test.each([
  ["sessions of our own", undefined],
  ["a pooler that prepares", { prepares: true }],
  ["a pooler that does not", { prepares: false }],
])("on %s each read has its rows and its position, in one round trip", async (_, pooled) => {
  let roundTrips = 0;
  const observer = { onRoundTrip: () => roundTrips++ };
  const database = await own.open({ pooled, poolSize: 1, observer, replicas: { urls: [], onChange: () => {} } });
  await known(database);
  const { reading, query } = callOn(database);
  // A second time, what was prepared is known.
  for (const times of [1, 2]) {
    roundTrips = 0;
    expect([times, await query(one, 7)]).toEqual([times, [{ one: 7 }]]);
    expect(await query(two, 3)).toEqual([{ two: 1 }, { two: 2 }, { two: 3 }]);
    expect(await query(two, 0)).toEqual([]);
    expect(roundTrips).toBeGreaterThanOrEqual(3);
    await expect(query(fault, 0)).rejects.toMatchObject({ code: "22012" });
  }
  expect(String(reading)).toMatch(/^[0-9a-f]{16}-[0-9a-f]{16}$/);
  await database.close();
});

test("a position rises with what is written, and a call that writes has none", async () => {
  const database = await own.open({ replicas: { urls: [], onChange: () => {} } });
  const before = parsePosition(await known(database));
  const writer = callOn(database);
  await writer.query(change, "00000000-0000-0000-0000-000000000000");
  await writer.query(one, 1);
  expect([String(writer.reading), writer.reading.needed]).toEqual(["latest", undefined]);
  const transaction = callOn(database, await known(database));
  await database.transaction(transaction.signal, async () => {});
  expect(String(transaction.reading)).toBe("latest");
  await database.query({ name: "test_make", text: "create table made (n int)", changes: true }, []);
  const after = parsePosition(await known(database));
  expect(after?.branch).toBe(before?.branch);
  expect(after?.lsn).toBeGreaterThan(before?.lsn ?? 0n);
  await database.close();
});

test("after a failover nothing has a position until the new history has a name of its own", async () => {
  const database = await own.open({ replicas: { urls: [], onChange: () => {} } });
  const before = parsePosition(await known(database));
  // As a promoted standby has it.
  await database.query({ name: "test_fail_over", text: "update wal_branch set timeline = '00000099'" }, []);
  const log = new PrimaryLog(database);
  await Promise.all([log.look(), log.look()]);
  expect(log.last?.branch).toMatch(/^[0-9a-f]{16}$/);
  expect(log.last?.branch).not.toBe(before?.branch);
  expect(parsePosition(await known(database))?.branch).toBe(log.last?.branch);
  await database.close();
});

test("F-REPLICA: a replica must have what the primary had five seconds ago, and none is read while the primary says nothing", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  let lsn = 0n;
  let isAway = false;
  const branch = "0123456789abcdef";
  const primary = {
    query: async () => {
      if (isAway) throw new Error("away");
      lsn += 10n;
      return [{ branch, lsn }];
    },
  } as unknown as Queryable;
  const log = new PrimaryLog(primary);
  expect(log.floor).toBeUndefined();
  for (let second = 0; second < 10; second++) {
    await log.look();
    vi.advanceTimersByTime(1_000);
  }
  expect(log.last).toEqual({ branch, lsn: 100n });
  // The one of five seconds ago.
  expect(log.floor).toEqual({ branch, lsn: 60n });
  isAway = true;
  await expect(log.look()).rejects.toThrow("away");
  vi.advanceTimersByTime(MAX_LAG_MS - 1_000);
  expect(log.floor).toEqual({ branch, lsn: 100n });
  vi.advanceTimersByTime(1);
  expect(log.floor).toBeUndefined();
});

test("a call has seen the most of all that it read, and text that is no position is none", () => {
  const at = (lsn: bigint, branch = "0123456789abcdef") => ({ branch, lsn });
  const reading = new Reading("0123456789abcdef-0000000000000010");
  expect(reading.needed).toEqual(at(16n));
  reading.saw(at(8n), true);
  expect([reading.needed, reading.fromReplica]).toEqual([at(16n), true]);
  reading.saw(at(32n));
  reading.askPrimary();
  expect([reading.needed, reading.fromReplica]).toEqual([undefined, false]);
  expect(String(reading)).toBe("0123456789abcdef-0000000000000020");
  reading.saw(at(1n, "fedcba9876543210"));
  expect(String(reading)).toBe("fedcba9876543210-0000000000000001");
  reading.saw(undefined);
  expect(String(reading)).toBe("latest");
  for (const text of ["", "latest", "0/16", "0123456789abcdef-00000000000000100", "0123456789ABCDEF-0000000000000010"])
    expect([text, parsePosition(text)]).toEqual([text, undefined]);
});
