// Snapshots on a real connection: what they see, and what becomes of one that nobody reads.
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { Interrupt } from "../../../src/domain/cancellation.ts";
import { ErrorReason } from "../../../src/domain/errors.ts";
import type { Lease } from "../../../src/store/driver/connection.ts";
import { Connections } from "../../../src/store/driver/connections.ts";
import { DEFAULT_TIMEOUTS, type OpenPool, openPool } from "../../../src/store/driver/pool.ts";
import type { Queryable } from "../../../src/store/driver/statement.ts";
import { LEAST_RATE, Snapshots } from "../../../src/store/snapshots/snapshot.ts";
import { HeldTransaction } from "../../../src/store/transaction.ts";
import { administer, createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

let database: TestDatabase;
let opened: OpenPool;
const ending: Promise<unknown>[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  opened = openPool({
    url: database.url,
    size: 2,
    maxWaiting: 2,
    applicationName: "snapshots",
    timeouts: DEFAULT_TIMEOUTS,
    observer: undefined,
    onConnectionLost: () => {},
  });
});
afterAll(async () => {
  await opened.pool.end();
  await database.drop();
});

function snapshots(idleMs: number): Snapshots {
  const connections = new Connections(opened);
  const noOrm = () => Promise.reject(new Error("not asked for"));
  const parts = {
    acquire: (signal: Interrupt | undefined) => connections.acquire(signal),
    hold: (lease: Lease) => new HeldTransaction(noOrm, lease, undefined),
    track: (end: Promise<unknown>) => void ending.push(end),
  };
  return new Snapshots(1, parts, idleMs);
}

const READER = { tenantId: "t", name: "key:k" };
const COUNT = { name: "count", text: "select count(*)::integer as count from tenant" };
const ADD = "insert into tenant (id, slug, secret) values (gen_random_uuid(), gen_random_uuid()::text, '')";

async function* counts(on: Queryable) {
  for (;;) yield (await on.query<{ count: number }>(COUNT, []))[0]?.count;
}

test("see one moment, and give back their connection when their reader stops", async () => {
  const seen: unknown[] = [];
  for await (const count of snapshots(60_000).read(READER, undefined, counts, () => LEAST_RATE)) {
    seen.push(count);
    if (seen.length === 3) break;
    await administer(database.url, ADD);
  }
  expect(seen).toEqual([0, 0, 0]);
  await Promise.all(ending);
  expect([opened.queue.open, opened.queue.idle]).toEqual([1, 1]);
});

test("that nobody reads give back their connection, and say so to a reader that comes back", async () => {
  const reading = snapshots(20).read(READER, undefined, counts, () => LEAST_RATE);
  await reading.next();
  const before = ending.length;
  await expect.poll(() => ending.length, { timeout: 45_000 }).toBe(before + 1);
  await Promise.all(ending);
  expect([opened.queue.open, opened.queue.idle]).toEqual([1, 1]);
  await expect(reading.next()).rejects.toMatchObject({ reason: ErrorReason.DEADLINE_EXCEEDED });
  expect(await reading.next()).toEqual({ done: true, value: undefined });
});

test("beyond their number wait until one has ended, or nobody reads it", async () => {
  const both = snapshots(200);
  const first = both.read(READER, undefined, counts, () => LEAST_RATE);
  await first.next();
  const second = both.read(READER, undefined, counts, () => LEAST_RATE);
  const begun = second.next();
  await first.return();
  expect(await begun).toMatchObject({ done: false });
  const third = both.read(READER, undefined, counts, () => LEAST_RATE);
  expect(await third.next()).toMatchObject({ done: false });
  await third.return();
  await second.return();
});

test("give up a reader that takes an item now and then, but less than the least rate", async () => {
  const slow = snapshots(60_000).read(READER, undefined, counts, () => 100);
  const clock = performance.now.bind(performance);
  let ahead = 0;
  const now = vi.spyOn(performance, "now").mockImplementation(() => clock() + ahead);
  onTestFinished(() => now.mockRestore());
  const step = async (reading: AsyncGenerator<unknown>) => {
    const next = await reading.next();
    // Shorter than what ends a reader that takes nothing.
    ahead += 36_000;
    return next;
  };
  await step(slow);
  await expect(step(slow).then(() => step(slow))).rejects.toMatchObject({ reason: ErrorReason.DEADLINE_EXCEEDED });
  const fast = snapshots(60_000).read(READER, undefined, counts, () => 60 * LEAST_RATE);
  for (let i = 0; i < 10; i++) expect(await step(fast)).toMatchObject({ done: false });
  await fast.return(undefined);
});
