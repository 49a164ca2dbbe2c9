// Connections as they are handed out, with and without a turn in between.
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEFAULT_TIMEOUTS, openPool, takeIdle } from "../../../src/store/driver/pool.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

let fixture: TestDatabase;
beforeAll(async () => {
  fixture = await createTestDatabase();
});
afterAll(() => fixture.drop());

function openSmall() {
  return openPool({
    url: fixture.url,
    size: 1,
    maxWaiting: 4,
    applicationName: "pool",
    timeouts: DEFAULT_TIMEOUTS,
    observer: undefined,
    onConnectionLost: () => {},
  });
}

test("an idle connection is given at once, and counts as taken", async () => {
  const { pool, queue } = openSmall();
  expect(takeIdle(pool), "before the first one is open").toBeUndefined();
  const client = await pool.connect();
  expect(takeIdle(pool), "while it is held").toBeUndefined();
  client.release();
  expect(queue).toMatchObject({ open: 1, idle: 1 });
  // Undefined here means that pg-pool no longer has what this is made of: each query then waits a turn for its
  // connection.
  expect(takeIdle(pool)).toBe(client);
  expect(queue).toMatchObject({ open: 1, idle: 0 });
  expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  client.release();
  await pool.end();
  expect(takeIdle(pool), "once the pool is closed").toBeUndefined();
});

test("nobody overtakes those that wait", async () => {
  const { pool } = openSmall();
  const client = await pool.connect();
  client.release();
  const order: string[] = [];
  // Its turn comes later, though the connection is idle now.
  const first = pool.connect().then((given) => {
    order.push("first");
    given.release();
  });
  expect(takeIdle(pool)).toBeUndefined();
  const second = pool.connect().then((given) => {
    order.push("second");
    given.release();
  });
  await Promise.all([first, second]);
  expect(order).toEqual(["first", "second"]);
  expect(takeIdle(pool)).toBe(client);
  client.release();
  await pool.end();
});

test("what is urgent goes before those that wait, in its own order, and is never refused", async () => {
  const { pool, connect } = openSmall();
  const held = await pool.connect();
  const order: string[] = [];
  const wait = (name: string, urgent = false) =>
    new Promise<void>((resolve) => {
      connect(
        (error, client, done) => {
          order.push(error ? `${name} refused` : name);
          if (client) done();
          resolve();
        },
        undefined,
        urgent,
      );
    });
  const all = ["a", "b", "c", "d", "e"].map((name) => wait(name));
  all.push(wait("first", true), wait("second", true));
  held.release();
  await Promise.all(all);
  expect(order).toEqual(["e refused", "first", "second", "a", "b", "c", "d"]);
  await pool.end();
});

test("tenants take turns at a connection, and a full queue makes room for one that waits less", async () => {
  const { pool, queue, connect } = openSmall();
  const held = await pool.connect();
  const order: string[] = [];
  const wait = (name: string) =>
    new Promise<void>((resolve) => {
      const [tenant = "", caller = ""] = name.split("/");
      connect(
        (error, client, done) => {
          order.push(error ? `${name} refused` : name);
          if (client) done();
          resolve();
        },
        { tenant, caller },
      );
    });
  const all = ["flood/x/1", "flood/x/2", "flood/y/1", "flood/x/3"].map(wait);
  expect([queue.full, queue.refuses({ tenant: "flood", caller: "x" })]).toEqual([true, true]);
  expect(queue.refuses({ tenant: "quiet", caller: "x" })).toBe(false);
  all.push(...["quiet/x/1", "flood/x/4", "quiet/x/2"].map(wait));
  held.release();
  await Promise.all(all);
  expect(order).toEqual([
    ...["flood/x/3 refused", "flood/x/4 refused", "flood/x/2 refused"],
    ...["flood/x/1", "quiet/x/1", "flood/y/1", "quiet/x/2"],
  ]);
  expect(queue).toMatchObject({ waiting: 0, waitedMs: 0 });
  await pool.end();
});

test("those that leave the queue take nobody's place with them, whoever was served before", async () => {
  const { pool, queue, connect } = openSmall();
  const held = await pool.connect();
  const order: string[] = [];
  const wait = (name: string) =>
    connect(
      (_, client, done) => {
        order.push(name);
        if (client) done();
      },
      { tenant: name, caller: "" },
    );
  const [leave] = ["a", "b", "c", "d"].map(wait);
  leave?.();
  leave?.();
  expect(queue.waiting).toBe(3);
  held.release();
  await expect.poll(() => order).toEqual(["b", "c", "d"]);
  await expect.poll(() => queue).toMatchObject({ waiting: 0, idle: 1 });
  await pool.end();
});
